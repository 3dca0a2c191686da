//! Passwords: what one must be, and argon2id on a thread of its own, one at a time.
//!
//! A hash takes 19 MB and some tens of milliseconds by design. One at a time and a queue: a flood of
//! attempts then costs one core at most, and no memory to speak of. The queue holds all that
//! `throttle` lets through at once, so who came through there is not refused here; if friends fill it
//! all the same, whoever finds it full is told to come back.

use std::sync::Arc;

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier,
    Version,
};
use tokio::{sync::Semaphore, task};

use super::secret;
use crate::fault::Fault;

/// Fewest characters of a password.
pub(crate) const SHORTEST: usize = 10;

/// Longest password, in bytes.
pub(crate) const LONGEST: usize = 256;

/// Attempts that may wait for their turn.
const QUEUE: usize = 96;

/// What OWASP asks of argon2id at least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Why a password cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Weak {
    #[error("a password has {SHORTEST} characters at least")]
    Short,
    #[error("a password has {LONGEST} bytes at most")]
    Long,
    #[error("this password is made of too few different characters")]
    Monotonous,
    #[error("the two passwords are not the same")]
    Different,
}

/// Checks a new password, typed twice.
pub(crate) fn check(password: &str, again: &str) -> Result<(), Weak> {
    if password.chars().count() < SHORTEST {
        return Err(Weak::Short);
    }
    if password.len() > LONGEST {
        return Err(Weak::Long);
    }
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < 4 {
        return Err(Weak::Monotonous);
    }
    if password != again {
        return Err(Weak::Different);
    }
    Ok(())
}

/// The one place where passwords are hashed. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    /// Everybody who waits or hashes.
    queue: Arc<Semaphore>,
    turn: Arc<Semaphore>,
    /// A hash of nothing that anybody knows, for users that do not exist.
    decoy: Arc<str>,
}

impl Hasher {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let decoy = hash(&secret::secret()?)?;
        Ok(Self {
            queue: Arc::new(Semaphore::new(QUEUE)),
            turn: Arc::new(Semaphore::new(1)),
            decoy: decoy.into(),
        })
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Fault> {
        self.run(move || hash(&password)).await?.map_err(|error| {
            tracing::error!(%error, "cannot hash a password");
            Fault::Internal
        })
    }

    /// Whether `password` is the one of `hash`. Without a hash it takes as long, and is not.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Fault> {
        let decoy = Arc::clone(&self.decoy);
        self.run(move || {
            let known = hash.as_deref();
            verify(&password, known.unwrap_or(&decoy)) && known.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let _place = self.queue.try_acquire().map_err(|_| Fault::Busy)?;
        // Held by the work itself: a client that goes away does not make room before its hash ends.
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| Fault::Internal)?;
        let done = task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Fault::Internal)
    }
}

fn argon2() -> anyhow::Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None);
    let params = params.map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> anyhow::Result<String> {
    let salt = secret::random::<16>()?;
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    let hash = hash.map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    Ok(hash.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    // The cost stands in the hash: an older one is verified as it was made.
    password.len() <= LONGEST
        && argon2().is_ok_and(|argon2| {
            let verifier: &dyn PasswordVerifier<str> = &argon2;
            verifier.verify_password(password.as_bytes(), hash).is_ok()
        })
}

/// A hash that was made elsewhere, if it is one as we make them: argon2id, not cheaper than ours, and not
/// so dear that it stands still.
pub(crate) fn kept(text: &str) -> Option<String> {
    let hash = PasswordHash::new(text).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let ours = hash.algorithm == ARGON2ID_IDENT && hash.salt.is_some() && hash.hash.is_some();
    let fits = (MEMORY_KIB..=2 * MEMORY_KIB).contains(&params.m_cost())
        && (PASSES..=4 * PASSES).contains(&params.t_cost())
        && params.p_cost() == 1;
    (ours && fits).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_from_elsewhere_is_as_strong_as_ours_and_no_bomb() {
        let ours = hash("correct horse").unwrap();
        assert_eq!(kept(&ours).as_ref(), Some(&ours));
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("m=19456", "m=8"),
            ("m=19456", "m=4194304"),
            ("t=2", "t=1"),
            ("t=2", "t=4000"),
        ] {
            let other = ours.replacen(from, to, 1);
            assert_ne!(other, ours);
            assert_eq!(kept(&other), None, "{other}");
        }
        let cut = ours.rfind('$').unwrap();
        for text in [
            "",
            "correct horse",
            "$argon2id$",
            &ours[..cut],
            &format!("{ours}\nx"),
        ] {
            assert_eq!(kept(text), None, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_password() {
        for (password, again, wrong) in [
            ("", "", Weak::Short),
            ("ninechars", "ninechars", Weak::Short),
            ("äöüäöüäöü", "", Weak::Short),
            ("abababababab", "abababababab", Weak::Monotonous),
            ("correct horse", "correct house", Weak::Different),
        ] {
            assert_eq!(check(password, again), Err(wrong), "{password}");
        }
        let long = "abcd".repeat(LONGEST);
        assert_eq!(check(&long, &long), Err(Weak::Long));
        check("correct horse", "correct horse").unwrap();
    }

    #[tokio::test]
    async fn knows_a_password_again_and_no_other() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("correct horse".to_owned()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &str, hash: Option<&str>| {
            hasher.verify(password.to_owned(), hash.map(ToOwned::to_owned))
        };
        assert_eq!(verify("correct horse", Some(&hash)).await, Ok(true));
        assert_eq!(verify("correct house", Some(&hash)).await, Ok(false));
        assert_eq!(verify("correct horse", None).await, Ok(false));
        assert_eq!(verify("correct horse", Some("damaged")).await, Ok(false));
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_so() {
        let hasher = Hasher::new().unwrap();
        let crowd = (0..QUEUE + 5).map(|_| hasher.verify("x".to_owned(), None));
        let answers = futures_util::future::join_all(crowd).await;
        let told = answers.iter().filter(|answer| **answer == Err(Fault::Busy));
        assert_eq!(told.count(), 5);
    }
}
