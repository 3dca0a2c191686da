//! May this bundle be installed here? A pure function of what RAUC says of it and what is known.
//!
//! Signature, purpose and format are RAUC's to judge; it does so before it says anything of a bundle,
//! and `installer` translates its words. What RAUC would let pass is refused here: another machine
//! (asked before a byte is written), a version below the floor, a bundle other than the announced one.

use semver::Version;

use crate::outcome::End;

/// What RAUC says of a bundle whose signature it has verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The machine that it is for.
    pub compatible: String,
    /// Its version, as written in its manifest.
    pub version: String,
    /// `verity`, `plain`, `crypt`.
    pub format: String,
    /// SHA-256 of its manifest, hexadecimal.
    pub manifest_hash: String,
}

/// What it is held against.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// RAUC's `compatible` of this machine.
    pub machine: &'a str,
    /// No version below this; `None`: any.
    pub floor: Option<&'a Version>,
    /// The manifest's hash, if whoever asked knows it.
    pub wanted: Option<&'a str>,
}

/// The version of a bundle that may be installed, or why it may not be.
pub fn judge(bundle: &Bundle, here: Here<'_>) -> Result<Version, End> {
    if bundle.format != "verity" {
        return Err(End::new("plain-format"));
    }
    if bundle.compatible != here.machine {
        return Err(End::about("wrong-machine", &bundle.compatible));
    }
    if here
        .wanted
        .is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&bundle.manifest_hash))
    {
        return Err(End::new("swapped"));
    }
    let version =
        Version::parse(&bundle.version).map_err(|_| End::about("bad-version", &bundle.version))?;
    if here.floor.is_some_and(|floor| below(&version, floor)) {
        return Err(End::about("older", &bundle.version));
    }
    Ok(version)
}

/// Older, whatever the build is called: what follows a `+` orders nothing.
#[must_use]
pub fn below(version: &Version, floor: &Version) -> bool {
    version.cmp_precedence(floor).is_lt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> Bundle {
        Bundle {
            compatible: "vigla-rpi4".into(),
            version: "1.2.0".into(),
            format: "verity".into(),
            manifest_hash: "ab".repeat(32),
        }
    }

    fn judged(bundle: &Bundle, floor: &str, wanted: Option<&str>) -> Result<String, &'static str> {
        let floor = Version::parse(floor).unwrap();
        let here = Here {
            machine: "vigla-rpi4",
            floor: Some(&floor),
            wanted,
        };
        judge(bundle, here)
            .map(|v| v.to_string())
            .map_err(|end| end.code)
    }

    #[test]
    fn takes_a_newer_one_and_the_same_again() {
        for floor in ["1.1.9", "1.2.0", "1.2.0-rc.1", "1.2.0+later"] {
            assert_eq!(
                judged(&bundle(), floor, None),
                Ok("1.2.0".into()),
                "{floor}"
            );
        }
        let announced = "AB".repeat(32);
        assert!(judged(&bundle(), "1.0.0", Some(&announced)).is_ok());
    }

    #[test]
    fn refuses_each_with_its_own_word() {
        let other = |change: fn(&mut Bundle)| {
            let mut bundle = bundle();
            change(&mut bundle);
            bundle
        };
        for (bundle, floor, wanted, code) in [
            (bundle(), "1.2.1", None, "older"),
            (bundle(), "1.10.0", None, "older"),
            (
                other(|b| b.version = "1.2.0-rc.1".into()),
                "1.2.0",
                None,
                "older",
            ),
            (
                other(|b| b.version = "today".into()),
                "1.0.0",
                None,
                "bad-version",
            ),
            (other(|b| b.version.clear()), "1.0.0", None, "bad-version"),
            (
                other(|b| b.compatible = "vigla-qemu-arm64".into()),
                "1.0.0",
                None,
                "wrong-machine",
            ),
            (
                other(|b| b.format = "plain".into()),
                "1.0.0",
                None,
                "plain-format",
            ),
            (bundle(), "1.0.0", Some("00"), "swapped"),
            (
                other(|b| b.manifest_hash.clear()),
                "1.0.0",
                Some("00"),
                "swapped",
            ),
        ] {
            assert_eq!(judged(&bundle, floor, wanted), Err(code));
        }
    }
}
