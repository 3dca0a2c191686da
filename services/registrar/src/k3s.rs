//! What K3s wants in forms of its own: the token that pins the cluster's authority, and the password of
//! a node's name, kept as a scrypt hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use scrypt::Params;
use vigla_fleet::secret::Secret;
use zeroize::Zeroizing;

use crate::objects::Token;

/// N = 2^15, r = 8, p = 1, as K3s has them.
const COST: (u8, u32, u32) = (15, 8, 1);
const HASH: usize = 64;
const SALT: usize = 8;

/// `K10<hash of the authority>::<id>.<secret>`.
pub(crate) fn token(ca: &str, token: &Token) -> anyhow::Result<Secret> {
    let whole = token.whole();
    Ok(Secret::new(format!(
        "K10{}::{}",
        ca_hash(ca)?,
        whole.reveal()
    )))
}

/// Of one certificate the bytes as they are served count, of several the last one's DER: the root's.
pub(crate) fn ca_hash(ca: &str) -> anyhow::Result<String> {
    let all = pem::parse_many(ca)?;
    let sum = match &all[..] {
        [] => anyhow::bail!("the cluster's authority is no PEM"),
        [_] => digest(&SHA256, ca.as_bytes()),
        [.., root] => digest(&SHA256, root.contents()),
    };
    Ok(hex(sum.as_ref()))
}

/// A new password, and what K3s keeps of it.
pub(crate) fn password() -> anyhow::Result<(Secret, String)> {
    let mut bytes = Zeroizing::new([0; 16 + SALT]);
    let filled = SystemRandom::new().fill(&mut bytes[..]);
    filled.map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    let (password, salt) = bytes.split_at(16);
    let password = Secret::new(hex(password));
    let hash = hash(password.reveal(), salt)?;
    Ok((password, hash))
}

/// `$1:<salt, hex>:15:8:1:<hash, base64>`.
fn hash(password: &str, salt: &[u8]) -> anyhow::Result<String> {
    let (n, r, p) = COST;
    let params = Params::new(n, r, p).map_err(|error| anyhow::anyhow!("scrypt: {error}"))?;
    let mut out = Zeroizing::new([0; HASH]);
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut out[..])
        .map_err(|error| anyhow::anyhow!("scrypt: {error}"))?;
    let salt = hex(salt);
    let sum = STANDARD_NO_PAD.encode(&out[..]);
    Ok(format!("$1:{salt}:{n}:{r}:{p}:{sum}"))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python's `hashlib.scrypt`.
    #[test]
    fn a_password_is_hashed_as_k3s_does() {
        let hash = hash(
            "0123456789abcdef0123456789abcdef",
            &[1, 2, 3, 4, 5, 6, 7, 8],
        )
        .unwrap();
        assert_eq!(hash, EXPECTED);
    }

    const EXPECTED: &str = "$1:0102030405060708:15:8:1:2cSwgYn/R4hnWUwERE+RDVSUkKXCbOz4SAjWskR52+8nVeC4z5cDO6Nt2AA01H+YBhLQlqT4Rx/VCgy3LEwC9w";

    #[test]
    fn one_certificate_counts_as_it_is_served_and_several_by_their_root() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let two = "-----BEGIN CERTIFICATE-----\nAQEB\n-----END CERTIFICATE-----\n";
        let hash = |ca: &str| ca_hash(ca).unwrap();
        assert_eq!(hash(one), hex(digest(&SHA256, one.as_bytes()).as_ref()));
        assert_ne!(hash(one), hash(one.trim_end()));
        let root = hex(digest(&SHA256, &[1, 1, 1]).as_ref());
        assert_eq!(hash(&format!("{one}{two}")), root);
        assert!(ca_hash("").is_err());
    }
}
