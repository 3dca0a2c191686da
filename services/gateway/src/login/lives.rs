//! What programs opened: an answer without end goes on no longer than the password or the token that
//! asked for it. (What came by a cookie ends with its session.)

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{Role, sessions::Life};

/// What a program showed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Proof {
    Password(Role),
    /// By its id.
    Token(String),
}

/// A life for each proof that somebody used.
#[derive(Debug, Default)]
pub(super) struct Lives(Mutex<HashMap<Proof, Life>>);

impl Lives {
    /// The life of `proof`. To be asked while nobody can take the proof away.
    pub(super) fn of(&self, proof: Proof) -> Life {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(proof).or_default().clone()
    }

    /// Ends what came by each proof that is not `good` any more.
    pub(super) fn keep(&self, good: impl Fn(&Proof) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|proof, life| {
            let good = good(proof);
            if !good {
                life.token().cancel();
            }
            good
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_by_a_proof_ends_with_it() {
        let lives = Lives::default();
        let token = || Proof::Token("a1".to_owned());
        let (one, same) = (lives.of(token()), lives.of(token()));
        let owner = lives.of(Proof::Password(Role::Owner));
        lives.keep(|proof| *proof != token());
        assert!(one.token().is_cancelled() && same.token().is_cancelled());
        assert!(!owner.token().is_cancelled());
        assert!(!lives.of(token()).token().is_cancelled(), "made anew");
    }
}
