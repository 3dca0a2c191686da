//! RAUC's complaints in ours. RAUC has no codes on the bus, only sentences; those of 1.9 to 1.13 are in
//! the tests, and what is not known is `refused` or `write-failed` with the sentence.

use crate::outcome::End;

/// Why RAUC would not read a bundle.
pub(super) fn of_inspection(said: &str) -> End {
    let has = |words: &str| said.contains(words);
    if has("signature verification failed") {
        return End::new(if has("purpose") {
            "wrong-purpose"
        } else if has("has expired") {
            "signature-expired"
        } else if has("not yet valid") {
            "signature-early"
        } else {
            "wrong-key"
        });
    }
    if has("Bundle format '") && has("' not allowed") {
        return End::new("plain-format");
    }
    if has("Failed to open bundle") || has("No such file") || has("Permission denied") {
        let reason = said.rsplit(": ").next().unwrap_or_default();
        return End::about("unreadable", reason.to_lowercase());
    }
    if has("Invalid bundle format")
        || has("Failed to seek")
        || has("Signature size")
        || has("parse")
    {
        return End::new("damaged");
    }
    End::about("refused", said)
}

/// Why RAUC could not write a bundle that it had read.
pub(super) fn of_writing(said: &str) -> End {
    let has = |words: &str| said.contains(words);
    if has("signature verification failed") || has("not allowed") {
        return of_inspection(said);
    }
    if has("manifest hash") || has("Manifest hash") {
        return End::new("swapped");
    }
    if has("Compatible mismatch") {
        return End::about(
            "wrong-machine",
            said.rsplit('\'').nth(1).unwrap_or_default(),
        );
    }
    // dm-verity answers a read of a block that was changed with an input/output error.
    if has("Input/output error") || has("squashfs") || has("hecksum") {
        return End::new("damaged");
    }
    End::about("write-failed", said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_complaint_has_its_word() {
        for (said, code) in [
            (
                "signature verification failed: Verify error: unable to get local issuer certificate",
                "wrong-key",
            ),
            (
                "signature verification failed: Verify error: self-signed certificate",
                "wrong-key",
            ),
            (
                "signature verification failed: Verify error: unsupported certificate purpose",
                "wrong-purpose",
            ),
            (
                "signature verification failed: Verify error: certificate has expired",
                "signature-expired",
            ),
            (
                "signature verification failed: Verify error: certificate is not yet valid",
                "signature-early",
            ),
            ("Bundle format 'plain' not allowed", "plain-format"),
            (
                "Invalid bundle format: Signature size (1534423140) exceeds bundle size",
                "damaged",
            ),
            (
                "Invalid bundle format: Failed to seek to end of bundle: Error seeking in file: Invalid argument",
                "damaged",
            ),
            (
                "Invalid bundle format: Failed to open bundle for reading: Error opening file /x: No such file or directory",
                "unreadable",
            ),
            ("something new", "refused"),
        ] {
            assert_eq!(of_inspection(said).code, code, "{said}");
        }
        for (said, code) in [
            (
                "Failed mounting bundle: Failed to open /dev/mapper/control: No such device",
                "write-failed",
            ),
            (
                "Installation error: Failed updating slot rootfs.1: Input/output error",
                "damaged",
            ),
            ("Failed to check manifest hash: expected ab", "swapped"),
        ] {
            assert_eq!(of_writing(said).code, code, "{said}");
        }
    }

    #[test]
    fn an_unreadable_one_says_why() {
        let said = "Invalid bundle format: Failed to open bundle for reading: Error opening file /x: No such file or directory";
        assert_eq!(of_inspection(said).subject, "no such file or directory");
    }
}
