//! What things look like: tokens, hashes of authorities and of passwords. Written from K3s' own, not from ours.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A whole token of the bootstrap kind, taken apart: `K10<hash>::<id>.<secret>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Of the authority, 64 hexadecimal digits.
    pub ca_hash: String,
    /// The public half.
    pub id: String,
    /// The other.
    pub secret: String,
}

impl Token {
    /// Reads one; anything else than the whole form is refused, as it would name no authority.
    ///
    /// # Errors
    ///
    /// It is of another form.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let rest = text
            .strip_prefix("K10")
            .context("a token begins with K10")?;
        let (hash, credentials) = rest.split_once("::").context("a token has `::`")?;
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        anyhow::ensure!(
            hash.len() == 64 && hash.chars().all(hex),
            "invalid token CA hash length"
        );
        let (id, secret) = credentials
            .split_once('.')
            .context("invalid token format")?;
        let plain = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
        let fits = |text: &str, length| text.len() == length && text.chars().all(plain);
        anyhow::ensure!(fits(id, 6) && fits(secret, 16), "invalid token format");
        Ok(Self {
            ca_hash: hash.to_owned(),
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// What is shown to the server.
    #[must_use]
    pub fn bearer(&self) -> String {
        format!("Bearer {}.{}", self.id, self.secret)
    }
}

/// The hash of an authority of one certificate: of the bytes as `/cacerts` has them.
#[must_use]
pub fn ca_hash(served: &[u8]) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, served);
    sum.as_ref()
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Whether a password fits `$1:<salt>:<log n>:<r>:<p>:<hash>`.
pub(crate) fn fits(hash: &str, password: &str) -> anyhow::Result<bool> {
    let parts: Vec<&str> = hash.split(':').collect();
    let [version, salt, n, r, p, sum] = parts[..] else {
        anyhow::bail!("a hash has six parts");
    };
    anyhow::ensure!(
        version == "$1",
        "hash version does not match package version 1"
    );
    anyhow::ensure!(salt.len() % 2 == 0, "the salt is in hex");
    let salt: Result<Vec<u8>, _> = (0..salt.len() / 2)
        .map(|at| u8::from_str_radix(&salt[2 * at..2 * at + 2], 16))
        .collect();
    let sum = STANDARD_NO_PAD.decode(sum).context("the sum")?;
    let params = scrypt::Params::new(n.parse()?, r.parse()?, p.parse()?)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut ours = vec![0; sum.len()];
    scrypt::scrypt(password.as_bytes(), &salt?, &params, &mut ours)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(ours == sum)
}

/// A new hash of a password, with this salt.
pub(crate) fn hash(password: &str, salt: [u8; 8]) -> anyhow::Result<String> {
    let params = scrypt::Params::new(15, 8, 1).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut sum = [0; 64];
    scrypt::scrypt(password.as_bytes(), &salt, &params, &mut sum)
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let salt = salt
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Ok(format!("$1:{salt}:15:8:1:{}", STANDARD_NO_PAD.encode(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_other_form_are_refused() {
        let whole = format!("K10{}::5emitj.kq4gihvszzgn1p0r", "0a".repeat(32));
        let token = Token::read(&whole).unwrap();
        assert_eq!(token.bearer(), "Bearer 5emitj.kq4gihvszzgn1p0r");
        for wrong in [
            "5emitj.kq4gihvszzgn1p0r",
            "K10::5emitj.kq4gihvszzgn1p0r",
            &whole.replace("::", ":"),
            &whole.replace("5emitj", "5EMITJ"),
            &whole.replace("0a", "0A"),
            &format!("{whole}0"),
            &whole.replace("5emitj.kq4gihvszzgn1p0r", "server:password"),
        ] {
            assert!(Token::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_fits_its_own_hash_only() {
        let made = hash("hello world", [7; 8]).unwrap();
        assert!(fits(&made, "hello world").unwrap());
        assert!(!fits(&made, "hello worlds").unwrap());
        assert!(fits(&made.replace("$1", "$2"), "hello world").is_err());
    }
}
