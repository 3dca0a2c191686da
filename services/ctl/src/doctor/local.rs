//! What can be seen on this machine without any service.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::statvfs::{FsFlags, statvfs};

/// Where the services keep things.
const FOLDERS: [&str; 2] = ["/var/lib/vigla", "/run/vigla"];

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Seconds since the epoch.
    pub(super) seconds: u64,
    /// Whether a time service disciplines it.
    pub(super) synced: bool,
}

impl Default for Clock {
    /// A clock that is right.
    fn default() -> Self {
        Self {
            seconds: u64::MAX,
            synced: true,
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "whether this very clock is right is the question"
)]
pub(super) fn clock() -> Clock {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Clock {
        seconds: now.map_or(0, |since| since.as_secs()),
        synced: is_synced(),
    }
}

fn is_synced() -> bool {
    #[allow(
        unsafe_code,
        reason = "no safe wrapper of `adjtimex` among our libraries"
    )]
    // SAFETY: an all-zero `timex` is valid, and with `modes = 0` the call only fills it in.
    let state = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex.status)
    };
    state.0 >= 0 && state.0 != libc::TIME_ERROR && state.1 & libc::STA_UNSYNC == 0
}

/// A file system that the services write to.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) folder: PathBuf,
    /// Bytes that may still be written.
    pub(super) free: u64,
    /// Bytes in all.
    pub(super) size: u64,
    pub(super) read_only: bool,
}

/// The file systems of the folders, and why those that could not be looked at could not.
pub(super) fn disks() -> (Vec<Disk>, Vec<String>) {
    let (mut seen, mut unseen) = (Vec::new(), Vec::new());
    for folder in FOLDERS {
        match disk(Path::new(folder)) {
            Ok(disk) => seen.push(disk),
            Err(errno) => unseen.push(format!("cannot look at `{folder}`: {}", errno.desc())),
        }
    }
    (seen, unseen)
}

fn disk(folder: &Path) -> nix::Result<Disk> {
    let about = statvfs(folder)?;
    let block = about.fragment_size();
    Ok(Disk {
        folder: folder.to_owned(),
        free: about.blocks_available() * block,
        size: about.blocks() * block,
        read_only: about.flags().contains(FsFlags::ST_RDONLY),
    })
}

/// A video device.
#[derive(Debug, Clone)]
pub(super) struct Device {
    pub(super) path: PathBuf,
    /// Permission bits.
    pub(super) mode: u32,
    /// The group it belongs to.
    pub(super) group: u32,
}

/// `/dev/video*`.
pub(super) fn devices() -> Vec<Device> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut found: Vec<Device> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("video"))
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            about.file_type().is_char_device().then(|| Device {
                path: entry.path(),
                mode: about.mode() & 0o777,
                group: about.gid(),
            })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Why a unit does not run, as far as systemd says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// systemd says nothing of use.
    Unknown,
    /// There is no systemd here.
    NoSystemd,
    /// No such unit.
    NotInstalled,
    /// Its settings are wrong (exit code 78).
    Settings,
    /// It ended with this code.
    Failed(i32),
    /// It was stopped, or never started.
    Stopped,
}

pub(super) fn unit(name: &str) -> Unit {
    // As `sd_booted` looks; `systemctl` may be installed without anybody who answers it.
    if !Path::new("/run/systemd/system").exists() {
        return Unit::NoSystemd;
    }
    let asked = Command::new("systemctl")
        .args([
            "show",
            "--property=LoadState,ActiveState,Result,ExecMainStatus",
        ])
        .arg(format!("{name}.service"))
        .output();
    match asked {
        Ok(output) if output.status.success() => {
            read_unit(&String::from_utf8_lossy(&output.stdout))
        }
        _ => Unit::Unknown,
    }
}

fn read_unit(text: &str) -> Unit {
    let value = |key: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .find(|(found, _)| *found == key)
            .map(|(_, value)| value)
    };
    let code = value("ExecMainStatus").and_then(|code| code.parse().ok());
    match (value("LoadState"), value("ActiveState"), code) {
        (Some("not-found"), ..) => Unit::NotInstalled,
        (_, Some("failed" | "activating" | "inactive"), Some(78)) => Unit::Settings,
        (_, Some("failed" | "activating"), Some(code)) => Unit::Failed(code),
        (_, Some("inactive"), _) => Unit::Stopped,
        _ => Unit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_systemd_says() {
        for (text, expected) in [
            (
                "LoadState=not-found\nActiveState=inactive\nExecMainStatus=0\n",
                Unit::NotInstalled,
            ),
            (
                "LoadState=loaded\nActiveState=failed\nExecMainStatus=78\n",
                Unit::Settings,
            ),
            (
                "LoadState=loaded\nActiveState=activating\nExecMainStatus=1\n",
                Unit::Failed(1),
            ),
            (
                "LoadState=loaded\nActiveState=inactive\nExecMainStatus=0\n",
                Unit::Stopped,
            ),
            ("", Unit::Unknown),
        ] {
            assert_eq!(read_unit(text), expected, "{text}");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_looked_at_is_not_a_disk_that_is_well() {
        let missing = disk(Path::new("/nonexistent/vigla"));
        assert_eq!(missing.unwrap_err(), nix::errno::Errno::ENOENT);
        let (seen, unseen) = disks();
        assert_eq!(seen.len() + unseen.len(), FOLDERS.len());
    }

    #[test]
    fn this_machine_has_a_clock() {
        assert!(clock().seconds > 1_700_000_000);
    }
}
