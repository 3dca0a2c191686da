//! What the acts need of the system, as narrow as they need it.

use std::io;
use std::process::{Command, Stdio};

use nix::unistd::{Group, User, sethostname};

/// The parts of the system that are no files.
pub trait System {
    /// The numbers of the users that belong to `group`; nobody when there is no such group.
    fn members(&self, group: &str) -> Vec<u32>;

    /// Sets the kernel's host name.
    fn set_host_name(&mut self, name: &str) -> io::Result<()>;

    /// Runs a program of the system (by its whole path) to its end; a failure is an error.
    fn run(&mut self, program: &'static str, arguments: &[&str]) -> io::Result<()>;
}

/// This machine.
#[derive(Debug, Clone, Copy)]
pub struct Real;

impl System for Real {
    fn members(&self, group: &str) -> Vec<u32> {
        let Ok(Some(group)) = Group::from_name(group) else {
            return Vec::new();
        };
        let members = group.mem.iter();
        let users = members.filter_map(|name| User::from_name(name).ok().flatten());
        users.map(|user| user.uid.as_raw()).collect()
    }

    fn set_host_name(&mut self, name: &str) -> io::Result<()> {
        Ok(sethostname(name)?)
    }

    fn run(&mut self, program: &'static str, arguments: &[&str]) -> io::Result<()> {
        let mut command = Command::new(program);
        // Nothing of our surroundings has a say, and nobody can be asked.
        command.args(arguments).env_clear().stdin(Stdio::null());
        // In the unit's sandbox `systemctl` cannot look at process 1, and might think of a chroot.
        command.env("SYSTEMD_IGNORE_CHROOT", "1");
        let status = command.status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(status.to_string()))
        }
    }
}
