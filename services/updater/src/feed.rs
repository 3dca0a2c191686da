//! The release feed: which versions there are, signed. `README.md` has the format.
//!
//! The feed says where a bundle is and which manifest it must have; the bundle itself is still RAUC's to
//! verify. So a feed that lies can at most withhold, and its signature, number and end are against that.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use semver::Version;
use serde::Deserialize;

/// Largest feed, and largest signature, in bytes.
pub const LARGEST: (usize, usize) = (256 << 10, 1 << 10);

/// Why a feed is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// There are no keys to judge it by.
    #[error("there is no key that could vouch for it")]
    NoKey,
    /// No key of ours signed it.
    #[error("it is not signed by a key of this node")]
    Signature,
    /// It is not what a feed is.
    #[error("it is no feed: {0}")]
    Form(String),
    /// A newer one was seen before.
    #[error("it has number {0}, and {1} was seen before")]
    Replayed(u64, u64),
    /// Its time has ended.
    #[error("it ended at {0}")]
    Ended(String),
}

/// A feed that was believed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Feed {
    /// The form, 1.
    pub schema: u32,
    /// Rises with each feed.
    pub serial: u64,
    /// Not to be believed after this time (RFC 3339).
    pub expires: jiff::Timestamp,
    /// All releases, in any order.
    pub releases: Vec<Release>,
}

/// A release of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// RAUC's `compatible`.
    pub machine: String,
    /// The version.
    pub version: Version,
    /// Where the bundle is.
    pub url: String,
    /// SHA-256 of its manifest, 64 hex digits.
    pub manifest_hash: String,
    /// Its size.
    #[serde(default)]
    pub bytes: u64,
    /// The same from versions that a node may have.
    #[serde(default)]
    pub deltas: Vec<Delta>,
}

/// What `cargo xtask delta` made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Delta {
    /// The version whose slot it fits.
    pub from: Version,
    /// Where it is.
    pub url: String,
    /// SHA-256 of the manifest of the bundle that comes of it, 64 hex digits.
    pub manifest_hash: String,
}

/// What a feed is held against.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Public keys, 32 bytes each; several while one replaces another.
    pub keys: &'a [[u8; 32]],
    /// The number of the newest feed that was believed.
    pub seen: u64,
    /// The time, if the clock can be trusted.
    pub now: Option<jiff::Timestamp>,
}

/// Believes `text`, or not.
pub fn believe(text: &[u8], signature: &[u8], trust: Trust<'_>) -> Result<Feed, Doubt> {
    if trust.keys.is_empty() {
        return Err(Doubt::NoKey);
    }
    let signature = std::str::from_utf8(signature)
        .ok()
        .and_then(decode)
        .ok_or(Doubt::Signature)?;
    let signed = |key: &&[u8; 32]| {
        UnparsedPublicKey::new(&ED25519, key)
            .verify(text, &signature)
            .is_ok()
    };
    trust.keys.iter().find(signed).ok_or(Doubt::Signature)?;
    let feed: Feed =
        serde_json::from_slice(text).map_err(|error| Doubt::Form(error.to_string()))?;
    if feed.schema != 1 {
        return Err(Doubt::Form(format!("schema {}", feed.schema)));
    }
    if feed.serial < trust.seen {
        return Err(Doubt::Replayed(feed.serial, trust.seen));
    }
    if trust.now.is_some_and(|now| now >= feed.expires) {
        return Err(Doubt::Ended(feed.expires.to_string()));
    }
    Ok(feed)
}

/// The public keys in a folder: files `*.pub`, each one key in base64, as 32 bytes or as OpenSSL's DER.
pub fn keys(folder: &Path) -> io::Result<Vec<[u8; 32]>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "pub") {
            let key = key(&fs::read_to_string(&path)?);
            let what = || io::Error::other(format!("`{}` holds no Ed25519 key", path.display()));
            keys.push(key.ok_or_else(what)?);
        }
    }
    Ok(keys)
}

/// What stands before the key in DER.
const DER: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fn key(text: &str) -> Option<[u8; 32]> {
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let bytes = decode(&lines.collect::<String>())?;
    let bare = bytes.strip_prefix(&DER).unwrap_or(&bytes);
    bare.try_into().ok()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(compact).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn pair(seed: u8) -> (Ed25519KeyPair, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, public)
    }

    const TEXT: &str = r#"{"schema": 1, "serial": 7, "expires": "2027-01-01T00:00:00Z", "new": 1, "releases": [
        {"machine": "vigla-rpi4", "version": "1.2.0", "url": "https://x/1.raucb", "manifest_hash": "ab"}]}"#;

    fn judged(
        text: &str,
        signer: u8,
        keys: &[[u8; 32]],
        seen: u64,
        now: &str,
    ) -> Result<Feed, Doubt> {
        let signature = STANDARD.encode(pair(signer).0.sign(text.as_bytes()));
        let now = (!now.is_empty()).then(|| now.parse().unwrap());
        believe(
            text.as_bytes(),
            signature.as_bytes(),
            Trust { keys, seen, now },
        )
    }

    #[test]
    fn either_of_two_keys_vouches_while_one_replaces_the_other() {
        let keys = [pair(1).1, pair(2).1];
        for signer in [1, 2] {
            let feed = judged(TEXT, signer, &keys, 7, "2026-11-22T00:00:00Z").unwrap();
            assert_eq!((feed.serial, feed.releases.len()), (7, 1));
        }
        assert_eq!(judged(TEXT, 3, &keys, 0, ""), Err(Doubt::Signature));
        assert_eq!(judged(TEXT, 1, &[], 0, ""), Err(Doubt::NoKey));
    }

    #[test]
    fn a_replay_and_one_that_has_ended_are_not_believed() {
        let keys = [pair(1).1];
        assert_eq!(judged(TEXT, 1, &keys, 8, ""), Err(Doubt::Replayed(7, 8)));
        let late = judged(TEXT, 1, &keys, 0, "2027-01-01T00:00:00Z");
        assert!(matches!(late, Err(Doubt::Ended(_))), "{late:?}");
        // A clock that nobody trusts ends nothing.
        assert!(judged(TEXT, 1, &keys, 0, "").is_ok());
    }

    #[test]
    fn damage_is_no_feed() {
        let keys = [pair(1).1];
        for text in [
            "",
            "{}",
            "[]",
            &TEXT.replace("\"schema\": 1", "\"schema\": 2"),
            &TEXT.replace("1.2.0", "x"),
        ] {
            assert!(
                matches!(judged(text, 1, &keys, 0, ""), Err(Doubt::Form(_))),
                "{text}"
            );
        }
        let trust = Trust {
            keys: &keys,
            seen: 0,
            now: None,
        };
        for signature in [&b""[..], b"AAAA", b"\xff"] {
            assert_eq!(
                believe(TEXT.as_bytes(), signature, trust),
                Err(Doubt::Signature)
            );
        }
    }

    #[test]
    fn keys_are_read_bare_and_as_openssl_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            keys(&folder.path().join("none")).unwrap(),
            Vec::<[u8; 32]>::new()
        );
        let public = pair(1).1;
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode([&DER[..], &public].concat())
        );
        let put = |name: &str, text: &str| {
            vigla_kit::atomic::write(&folder.path().join(name), text.as_bytes()).unwrap();
        };
        put("a.pub", &STANDARD.encode(public));
        put("b.pub", &pem);
        put("README", "no key");
        assert_eq!(keys(folder.path()).unwrap(), [public, public]);
        put("c.pub", "AAAA");
        assert!(
            keys(folder.path())
                .unwrap_err()
                .to_string()
                .contains("c.pub")
        );
    }
}
