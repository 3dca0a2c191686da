//! The real machine, or a recorded one below another root.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::statvfs::statvfs;

use super::kept::Kept;
use super::{Probe, Space, Time, Uname};

/// `timex.status`: nobody keeps the clock.
const STA_UNSYNC: i32 = 0x40;
/// `timex.status`: `offset` is in nanoseconds.
const STA_NANO: i32 = 0x2000;
/// What `adjtimex` returns when the clock is not kept.
const TIME_ERROR: i32 = 5;
/// A part in a million, as 16 bits of fraction.
const PPM: f64 = 1e6 * 65536.0;

/// Files below `root`; the rest from the kernel.
#[derive(Debug)]
pub struct Machine {
    root: PathBuf,
    kept: Mutex<Kept>,
}

impl Machine {
    /// The machine whose files are below `root`, `/` for the one we run on.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let kept = Mutex::new(Kept::new(root == Path::new("/")));
        Self { root, kept }
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new("/")
    }
}

impl Probe for Machine {
    fn read(&self, path: &str) -> Option<String> {
        self.kept().read(path, || self.place(path))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.place(folder)).into_iter().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        names
    }

    fn target(&self, path: &str) -> Option<String> {
        let target = self.place(path).canonicalize().ok()?;
        let root = self.root.canonicalize().ok()?;
        let below = target.strip_prefix(root).ok()?;
        Some(Path::new("/").join(below).to_str()?.to_owned())
    }

    fn space(&self, mountpoint: &str) -> Option<Space> {
        let stat = statvfs(&self.place(mountpoint)).ok()?;
        let block = stat.fragment_size();
        Some(Space {
            size: stat.blocks().saturating_mul(block),
            free: stat.blocks_free().saturating_mul(block),
            available: stat.blocks_available().saturating_mul(block),
            files: stat.files(),
            files_free: stat.files_free(),
        })
    }

    fn uname(&self) -> Option<Uname> {
        // SAFETY: an all-zero `utsname` is valid, and the call only fills it in.
        #[allow(unsafe_code, reason = "nix has no domain name")]
        let (result, name) = unsafe {
            let mut name: libc::utsname = std::mem::zeroed();
            (libc::uname(&raw mut name), name)
        };
        (result == 0).then(|| Uname {
            sysname: text(&name.sysname),
            nodename: text(&name.nodename),
            release: text(&name.release),
            version: text(&name.version),
            machine: text(&name.machine),
            domainname: text(&name.domainname),
        })
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "nanoseconds since boot fit, those since 1970 round"
    )]
    fn time(&self) -> Option<Time> {
        // SAFETY: an all-zero `timex` is valid, and with `modes = 0` the call only fills it in.
        #[allow(unsafe_code, reason = "nix has no adjtimex")]
        let (state, timex) = unsafe {
            let mut timex: libc::timex = std::mem::zeroed();
            (libc::adjtimex(&raw mut timex), timex)
        };
        let unit = if timex.status & STA_NANO == 0 {
            1e6
        } else {
            1e9
        };
        (state >= 0).then(|| Time {
            seconds: timex.time.tv_sec as f64 + timex.time.tv_usec as f64 / unit,
            synced: state != TIME_ERROR && timex.status & STA_UNSYNC == 0,
            offset: timex.offset as f64 / unit,
            max_error: timex.maxerror as f64 / 1e6,
            estimated_error: timex.esterror as f64 / 1e6,
            status: timex.status,
            tai: timex.tai,
            frequency: 1.0 + timex.freq as f64 / PPM,
        })
    }

    fn rest(&self) {
        self.kept().rest();
    }
}

/// The text of a field that ends at the first zero.
fn text(field: &[libc::c_char]) -> String {
    let bytes = field.iter().take_while(|c| **c != 0);
    let bytes: Vec<u8> = bytes.map(|c| c.to_ne_bytes()[0]).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_machine_answers_everything() {
        let machine = Machine::default();
        assert!(machine.read("/proc/stat").unwrap().starts_with("cpu "));
        assert!(machine.names("/proc/self").contains(&"stat".to_owned()));
        assert!(machine.target("/proc/self/cwd").unwrap().starts_with('/'));
        let space = machine.space("/").unwrap();
        assert!(space.size >= space.free && space.free >= space.available);
        assert_eq!(machine.uname().unwrap().sysname, "Linux");
        assert!(machine.time().unwrap().seconds > 1.6e9);
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let root = tempfile::tempdir().unwrap();
        let machine = Machine::new(root.path());
        assert_eq!(machine.read("/proc/stat"), None);
        assert_eq!(machine.names("/sys/class/net"), Vec::<String>::new());
        assert_eq!(machine.target("/sys/class/net/lo"), None);
    }
}
