//! Credentials of programs that were right a while ago, as digests with a key of this run: a camera
//! viewer that sends its password with each request is hashed once.

use std::{collections::VecDeque, io, time::Duration};

use tokio::time::Instant;

use super::secret::{self, Digest};
use crate::access::Who;

const MOST: usize = 32;
const MEMORY: Duration = Duration::from_mins(15);

/// What was right.
#[derive(Debug)]
pub(crate) struct Known {
    key: String,
    right: VecDeque<(Digest, Who, Instant)>,
}

impl Known {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            key: secret::secret()?,
            right: VecDeque::new(),
        })
    }

    /// Who showed `proof` before.
    pub(crate) fn find(&mut self, proof: &str, now: Instant) -> Option<Who> {
        self.right
            .retain(|(.., since)| now.duration_since(*since) < MEMORY);
        let digest = self.digest(proof);
        let mut found = None;
        for (right, who, _) in &self.right {
            if right.is(&digest) {
                found = Some(*who);
            }
        }
        found
    }

    pub(crate) fn learn(&mut self, proof: &str, who: Who, now: Instant) {
        if self.right.len() == MOST {
            self.right.pop_front();
        }
        let digest = self.digest(proof);
        self.right.push_back((digest, who, now));
    }

    /// A password has changed.
    pub(crate) fn forget(&mut self) {
        self.right.clear();
    }

    fn digest(&self, proof: &str) -> Digest {
        Digest::of(&format!("{}{proof}", self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_right_for_a_while() {
        let (mut known, now) = (Known::new().unwrap(), Instant::now());
        assert_eq!(known.find("proof", now), None);
        known.learn("proof", Who::VIEWER, now);
        assert_eq!(known.find("proof", now), Some(Who::VIEWER));
        assert_eq!(known.find("prooF", now), None);
        assert_eq!(known.find("proof", now + MEMORY), None);
        for n in 0..100 {
            known.learn(&n.to_string(), Who::VIEWER, now);
        }
        assert_eq!(known.right.len(), MOST);
        known.forget();
        assert_eq!(known.find("99", now), None);
    }
}
