//! Texts by which secrets are known: keys with a body, tokens of well-known makers, hashes of passwords.

use std::path::Path;

/// Files with keys that are no secrets, by the beginning of their name, and why.
const PUBLIC: &[(&str, &str)] = &[(
    "libgnutls.so",
    "keys of its own self-tests, published with its source",
)];

/// What K3s' tokens (`K10<hash>::<user>:<secret>`) and settings of clouds have in them.
const WORDS: &[&str] = &["AWS_SECRET_ACCESS_KEY=", "::server:", "::node:"];

/// How tokens begin, and how many letters, digits, `-` and `_` follow at least.
const TOKENS: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ghp_", 36),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("eyJhbGciOi", 20),
];

/// How hashes of passwords begin, in files of settings.
const HASHES: &[&str] = &["$2b$", "$5$", "$6$", "$7$", "$y$", "$argon2id$"];

/// Letters of base64 that make a body: programs that only know the first line of a key have none.
const BODY: usize = 40;

/// The secret in a file, by its path below the root.
pub(crate) fn secret(name: &Path, bytes: &[u8]) -> Option<&'static str> {
    let file = name.file_name().unwrap_or_default().to_string_lossy();
    if PUBLIC.iter().any(|(public, _why)| file.starts_with(public)) {
        return None;
    }
    if key(bytes) {
        return Some("PRIVATE KEY-----");
    }
    // In what is no text a token is a coincidence.
    let text = std::str::from_utf8(bytes).ok()?;
    if text.contains("PRIVATE KEY-----") {
        return Some("PRIVATE KEY-----");
    }
    let found = |known: &&str| text.contains(*known);
    WORDS
        .iter()
        .find(|word| found(word))
        .or_else(|| {
            TOKENS
                .iter()
                .find(|one| token(text, one))
                .map(|(head, _)| head)
        })
        .or_else(|| {
            HASHES
                .iter()
                .find(|hash| name.starts_with("etc") && found(hash))
        })
        .copied()
}

/// A private key in PEM with its body, in whatever it is wrapped.
fn key(bytes: &[u8]) -> bool {
    const END: &[u8] = b"PRIVATE KEY-----";
    let places = bytes.windows(END.len()).enumerate();
    let ends = places.filter(|(_, window)| *window == END);
    ends.map(|(at, _)| &bytes[at + END.len()..]).any(|rest| {
        // A line break, as itself or as `\n` in a string.
        let body = rest.iter().skip_while(|byte| b"\r\n\\nr".contains(byte));
        let letters = body.take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
        letters.count() >= BODY
    })
}

fn token(text: &str, (head, length): &(&str, usize)) -> bool {
    let inside = |one: char| one.is_ascii_alphanumeric() || one == '-' || one == '_';
    text.match_indices(head).any(|(at, _)| {
        let rest = &text[at + head.len()..];
        let end = rest.find(|one| !inside(one)).unwrap_or(rest.len());
        !text[..at].ends_with(inside) && end >= *length
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_programs_that_know_of_them() {
        let of = |name: &str, bytes: &[u8]| secret(Path::new(name), bytes);
        let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n", "Ab+/".repeat(16));
        let program = |text: &str| [b"\x7fELF\xff\0", text.as_bytes()].concat();
        assert!(of("usr/bin/x", &program(&pem)).is_some());
        assert!(of("usr/bin/x", &program(&pem.replace('\n', "\\n"))).is_some());
        assert_eq!(
            of("usr/bin/ssh", &program("-----BEGIN PRIVATE KEY-----\0")),
            None
        );
        assert_eq!(of("usr/lib/libgnutls.so.30", &program(&pem)), None);
        let long = "a1".repeat(20);
        for head in ["ghp_", "eyJhbGciOi", "glpat-", "AKIA"] {
            let text = format!("token = {head}{long}");
            assert_eq!(of("etc/x", text.as_bytes()), Some(head));
            assert_eq!(of("usr/lib/x", &program(&text)), None, "{head}");
        }
        assert_eq!(of("etc/x", b"ghp_short, xghp_"), None);
        assert!(of("etc/x", b"K10ab::node:cd").is_some());
        assert_eq!(of("etc/pwfile", b"me:$7$101$ab$cd"), Some("$7$"));
        assert_eq!(of("usr/lib/manual", b"a hash begins with $6$"), None);
    }
}
