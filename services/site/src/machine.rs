//! What applying and reporting need of the machine besides files, as narrow as they need it.

use std::io;
use std::path::Path;

use nix::unistd::{User, chown};
use vigla_act::System as _;

/// The parts of the machine that are no files.
pub trait Machine {
    /// Sets the kernel's host name.
    fn set_host_name(&mut self, name: &str) -> io::Result<()>;

    /// Makes `user` the owner of a file; its group stays root's.
    fn give(&mut self, file: &Path, user: &str) -> io::Result<()>;

    /// Runs a program of the system (by its whole path) to its end; a failure is an error.
    fn run(&mut self, program: &'static str, arguments: &[&str]) -> io::Result<()>;
}

/// This machine.
#[derive(Debug, Clone, Copy)]
pub struct Real;

impl Machine for Real {
    fn set_host_name(&mut self, name: &str) -> io::Result<()> {
        vigla_act::Real.set_host_name(name)
    }

    fn give(&mut self, file: &Path, user: &str) -> io::Result<()> {
        let known = User::from_name(user)?;
        let known = known.ok_or_else(|| io::Error::other(format!("no user `{user}`")))?;
        Ok(chown(file, Some(known.uid), None)?)
    }

    fn run(&mut self, program: &'static str, arguments: &[&str]) -> io::Result<()> {
        vigla_act::Real.run(program, arguments)
    }
}
