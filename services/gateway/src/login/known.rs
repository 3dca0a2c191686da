//! Credentials of programs that were right a while ago, as digests with a key of this run: a camera
//! viewer that sends its password with each request is hashed once.

use std::{collections::VecDeque, io, net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::{
    Role,
    secret::{self, Digest},
    throttle::network,
};

const MOST: usize = 32;
const MEMORY: Duration = Duration::from_mins(15);

/// What was right.
#[derive(Debug)]
pub(crate) struct Known {
    key: String,
    right: VecDeque<(Digest, Role, Instant)>,
}

impl Known {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            key: secret::secret()?,
            right: VecDeque::new(),
        })
    }

    /// Who showed `proof` before, from the same address: elsewhere nothing may be learnt by trying.
    pub(crate) fn find(&mut self, proof: &str, from: IpAddr, now: Instant) -> Option<Role> {
        self.right
            .retain(|(.., since)| now.duration_since(*since) < MEMORY);
        let digest = self.digest(proof, from);
        let mut found = None;
        for (right, role, _) in &self.right {
            if right.is(&digest) {
                found = Some(*role);
            }
        }
        found
    }

    pub(crate) fn learn(&mut self, proof: &str, from: IpAddr, role: Role, now: Instant) {
        if self.right.len() == MOST {
            self.right.pop_front();
        }
        let digest = self.digest(proof, from);
        self.right.push_back((digest, role, now));
    }

    /// A password has changed.
    pub(crate) fn forget(&mut self) {
        self.right.clear();
    }

    fn digest(&self, proof: &str, from: IpAddr) -> Digest {
        Digest::of(&format!("{}{} {proof}", self.key, network(from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_was_right_for_a_while() {
        let (mut known, now) = (Known::new().unwrap(), Instant::now());
        let here = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(known.find("proof", here, now), None);
        known.learn("proof", here, Role::Viewer, now);
        assert_eq!(known.find("proof", here, now), Some(Role::Viewer));
        assert_eq!(known.find("proof", IpAddr::from([10, 0, 0, 2]), now), None);
        assert_eq!(known.find("prooF", here, now), None);
        assert_eq!(known.find("proof", here, now + MEMORY), None);
        for n in 0..100 {
            known.learn(&n.to_string(), here, Role::Viewer, now);
        }
        assert_eq!(known.right.len(), MOST);
        known.forget();
        assert_eq!(known.find("99", here, now), None);
    }
}
