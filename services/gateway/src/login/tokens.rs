//! Tokens: long secrets with a scope, for programs; and guest links, which are the same for people.
//! Only their digests are kept.

use serde::{Deserialize, Serialize};

use super::secret::{self, Digest};
use crate::access::Who;

/// Most tokens and links.
pub(crate) const MOST: usize = 64;

/// Longest name of one, in bytes.
pub(crate) const LONGEST_NAME: usize = 64;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scope {
    /// Pictures and streams.
    Stream,
    /// `/metrics`.
    Metrics,
    /// Words and numbers under `/api/v1`.
    Api,
    /// A link that lets a person look.
    Guest,
}

impl Scope {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "stream" => Self::Stream,
            "metrics" => Self::Metrics,
            "api" => Self::Api,
            "guest" => Self::Guest,
            _ => return None,
        })
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Metrics => "metrics",
            Self::Api => "api",
            Self::Guest => "guest",
        }
    }

    const fn who(self) -> Who {
        match self {
            Self::Stream => Who::STREAM,
            Self::Metrics => Who::METRICS,
            Self::Api => Who::API,
            Self::Guest => Who::GUEST,
        }
    }
}

/// One token or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// What people call it by; no secret.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    digest: Digest,
    pub(crate) created_usec: u64,
    /// 0 is never.
    pub(crate) expires_usec: u64,
}

impl Token {
    /// A new token and its secret, which is told once.
    pub(crate) fn new(wish: &Wish, now_usec: u64) -> std::io::Result<(Self, String)> {
        let secret = secret::secret()?;
        let token = Self {
            id: secret::hex(&secret::random::<4>()?),
            name: wish.name.clone(),
            scopes: wish.scopes.clone(),
            digest: Digest::of(&secret),
            created_usec: now_usec,
            expires_usec: wish.expires_usec,
        };
        Ok((token, secret))
    }

    pub(crate) fn is_guest(&self) -> bool {
        self.scopes.contains(&Scope::Guest)
    }

    pub(crate) const fn is_over(&self, now_usec: u64) -> bool {
        self.expires_usec != 0 && self.expires_usec <= now_usec
    }

    /// What a program with it is.
    pub(crate) fn who(&self) -> Who {
        let scopes = self.scopes.iter().map(|scope| scope.who());
        scopes.fold(Who::NONE, |all, one| all | one)
    }
}

/// In microseconds.
const YEAR: u64 = 366 * 24 * 3_600_000_000;

/// What somebody wants a token to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    name: String,
    scopes: Vec<Scope>,
    expires_usec: u64,
}

/// Why there can be no such token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("a name has 1 to {LONGEST_NAME} bytes and no control characters")]
    Name,
    #[error("no scope `{0}`: use `stream`, `metrics`, `api` or `guest`")]
    Scope(String),
    #[error("a token needs a scope: `stream`, `metrics`, `api` or `guest`")]
    NoScope,
    #[error("a guest link is for people: it has no other scope")]
    Mixed,
    #[error("a guest link must expire")]
    Forever,
    #[error("the end is in the past")]
    Past,
    #[error("the end is too far away: a guest link lasts a year at most, a token ten")]
    Far,
}

impl Wish {
    /// Takes a wish from outside apart.
    pub(crate) fn new(
        name: &str,
        scopes: &[&str],
        expires_usec: u64,
        now_usec: u64,
    ) -> Result<Self, Unfit> {
        let name = name.trim();
        if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
            return Err(Unfit::Name);
        }
        let parse = |word: &&str| {
            Scope::parse(word).ok_or_else(|| Unfit::Scope(word.chars().take(32).collect()))
        };
        let mut scopes: Vec<_> = scopes.iter().map(parse).collect::<Result<_, _>>()?;
        scopes.sort_unstable();
        scopes.dedup();
        let guest = scopes.contains(&Scope::Guest);
        match scopes.len() {
            0 => return Err(Unfit::NoScope),
            2.. if guest => return Err(Unfit::Mixed),
            _ if guest && expires_usec == 0 => return Err(Unfit::Forever),
            _ => {}
        }
        if expires_usec != 0 && expires_usec <= now_usec {
            return Err(Unfit::Past);
        }
        let longest = if guest { YEAR } else { 10 * YEAR };
        if expires_usec.saturating_sub(now_usec) > longest {
            return Err(Unfit::Far);
        }
        Ok(Self {
            name: name.to_owned(),
            scopes,
            expires_usec,
        })
    }
}

/// The token with this secret, while it is good. Every token is compared, whichever it is.
pub(crate) fn find<'t>(tokens: &'t [Token], secret: &str, now_usec: u64) -> Option<&'t Token> {
    let digest = Digest::of(secret);
    let mut found = None;
    for token in tokens {
        if token.digest.is(&digest) {
            found = Some(token);
        }
    }
    found.filter(|token| !token.is_over(now_usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_secret_until_it_is_over() {
        let wish = Wish::new("grafana", &["metrics", "api", "api"], 100, 1).unwrap();
        let (token, secret) = Token::new(&wish, 1).unwrap();
        assert_eq!(token.scopes, [Scope::Metrics, Scope::Api]);
        assert_eq!(token.who(), Who::METRICS | Who::API);
        let kept = serde_json::to_string(&token).unwrap();
        assert!(!kept.contains(&secret), "only its digest is kept");
        let tokens = [token];
        assert!(find(&tokens, &secret, 99).is_some());
        assert!(find(&tokens, &secret, 100).is_none());
        assert!(find(&tokens, "another", 99).is_none());
    }

    #[test]
    fn unfit_wishes_are_told() {
        for (name, scopes, expires, told) in [
            ("", &["api"][..], 0, Unfit::Name),
            ("a\nb", &["api"], 0, Unfit::Name),
            ("a", &[], 0, Unfit::NoScope),
            ("a", &["owner"], 0, Unfit::Scope("owner".to_owned())),
            ("a", &["guest"], 0, Unfit::Forever),
            ("a", &["guest", "api"], 9, Unfit::Mixed),
            ("a", &["api"], 5, Unfit::Past),
        ] {
            assert_eq!(Wish::new(name, scopes, expires, 5), Err(told));
        }
    }
}
