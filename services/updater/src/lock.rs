//! The busy lock of the enrolment: while it holds it, no slot is written; while we write, it waits.
//!
//! The lock is `flock` on a file below /run/vigla, which whoever enrols makes, readable for all, and holds
//! exclusively; a holder that dies lets go. We share it for as long as RAUC writes. No file: nobody holds it.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

/// Ours until it is dropped.
#[derive(Debug)]
pub struct Held(#[allow(dead_code, reason = "dropping it lets go")] Option<Flock<File>>);

/// Takes our share, or says that somebody is busy (`None`).
pub fn share(path: &Path) -> io::Result<Option<Held>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Held(None))),
        Err(error) => return Err(error),
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(lock) => Ok(Some(Held(Some(lock)))),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_busy_keeps_us_out_and_we_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busy");
        assert!(share(&path).unwrap().is_some());
        let enrolment = || {
            let file = File::create(&path).unwrap();
            Flock::lock(file, FlockArg::LockExclusiveNonblock)
        };
        let busy = enrolment().unwrap();
        assert!(share(&path).unwrap().is_none());
        drop(busy);
        let ours = share(&path).unwrap();
        assert!(ours.is_some() && enrolment().is_err());
        drop(ours);
        assert!(enrolment().is_ok());
    }
}
