//! What K3s wants in forms of its own: the token that pins the cluster's authority, and the password of
//! a node's name, kept as a scrypt hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use scrypt::Params;
use vigla_fleet::secret::Secret;
use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};
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

/// Of one certificate the bytes as they are served count; of several the DER of the root of the first, and the bytes
/// where none of the others is that.
pub(crate) fn ca_hash(ca: &str) -> anyhow::Result<String> {
    let all = pem::parse_many(ca)?;
    let sum = match &all[..] {
        [] => anyhow::bail!("the cluster's authority is no PEM"),
        [_] => digest(&SHA256, ca.as_bytes()),
        several => match root(several)? {
            Some(root) => digest(&SHA256, &root),
            None => digest(&SHA256, ca.as_bytes()),
        },
    };
    Ok(hex(sum.as_ref()))
}

/// Goes up from the first certificate, by name and key identifier.
fn root(all: &[pem::Pem]) -> anyhow::Result<Option<Vec<u8>>> {
    let read = |pem: &pem::Pem| {
        let (_, read) = X509Certificate::from_der(pem.contents()).map_err(|_| ())?;
        Ok(Above::of(&read, pem.contents()))
    };
    let all: Result<Vec<_>, ()> = all.iter().map(read).collect();
    let all = all.map_err(|()| anyhow::anyhow!("the cluster's authority is no certificate"))?;
    let Some((mut at, others)) = all.split_first() else {
        return Ok(None);
    };
    for _ in others {
        let above = others.iter().filter(|other| other.is_above(at));
        let (roots, between): (Vec<_>, Vec<_>) = above.partition(|other| other.is_root());
        match (roots.first(), between.first()) {
            (Some(root), _) => return Ok(Some(root.der.clone())),
            (None, Some(next)) => at = next,
            (None, None) => break,
        }
    }
    Ok(None)
}

/// What says which certificate is above which.
struct Above {
    subject: Vec<u8>,
    issuer: Vec<u8>,
    key: Option<Vec<u8>>,
    issuer_key: Option<Vec<u8>>,
    der: Vec<u8>,
}

impl Above {
    fn of(read: &X509Certificate<'_>, der: &[u8]) -> Self {
        let (mut key, mut issuer_key) = (None, None);
        for extension in read.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                _ => {}
            }
        }
        Self {
            subject: read.subject().as_raw().to_vec(),
            issuer: read.issuer().as_raw().to_vec(),
            key,
            issuer_key,
            der: der.to_vec(),
        }
    }

    fn is_root(&self) -> bool {
        self.issuer_key.is_none() || self.issuer_key == self.key
    }

    fn is_above(&self, other: &Self) -> bool {
        let keys = other.issuer_key.is_none() || self.key.is_none() || other.issuer_key == self.key;
        self.subject == other.issuer && keys
    }
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
        let hash = |ca: &str| ca_hash(ca).unwrap();
        assert_eq!(hash(one), hex(digest(&SHA256, one.as_bytes()).as_ref()));
        assert_ne!(hash(one), hash(one.trim_end()));
        let sum = |bytes: &[u8]| hex(digest(&SHA256, bytes).as_ref());
        let (root, server) = chain("cluster");
        let (other, _) = chain("other");
        let pem = |der: &[u8]| pem::encode(&pem::Pem::new("CERTIFICATE", der.to_vec()));
        let bundle = format!("{}{}{}", pem(&server), pem(&other), pem(&root));
        assert_eq!(hash(&bundle), sum(&root), "wherever the root stands");
        let strangers = format!("{}{}", pem(&server), pem(&other));
        assert_eq!(hash(&strangers), sum(strangers.as_bytes()));
        assert!(ca_hash("").is_err());
    }

    /// A root, and what it signed.
    fn chain(name: &str) -> (Vec<u8>, Vec<u8>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = vigla_fleet::authority::params(name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let mut between = vigla_fleet::authority::params(&format!("{name} server"));
        between.use_authority_key_identifier_extension = true;
        let own = rcgen::KeyPair::generate().unwrap();
        let server = between.signed_by(&own, &issuer).unwrap();
        (root.der().to_vec(), server.der().to_vec())
    }

    /// The form that K3s reads: `K10`, 64 hexadecimal digits, two colons, six and sixteen letters and digits.
    #[test]
    fn a_token_is_of_k3s_form() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        // Of the documentation of Kubernetes.
        let published = Token {
            id: "5emitj".to_owned(),
            secret: Secret::new("kq4gihvszzgn1p0r"),
        };
        let text = token(one, &published).unwrap();
        let text = text.reveal();
        let (head, credentials) = text.split_once("::").unwrap();
        let hash = head.strip_prefix("K10").unwrap();
        assert_eq!(hash, hex(digest(&SHA256, one.as_bytes()).as_ref()));
        assert_eq!((hash.len(), credentials), (64, "5emitj.kq4gihvszzgn1p0r"));
    }
}
