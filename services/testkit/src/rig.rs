//! A temporary root with a private bus in it.

use std::fs::{self, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use nix::unistd::getuid;
use tempfile::TempDir;

use crate::child::{Child, Identity, become_identity};
use crate::{DaemonBuilder, Users, bus};

/// A user without any right, and one who belongs to `vigla-operator`.
pub(crate) const STRANGER: (&str, u32) = ("vigla-stranger", 65_533);
pub(crate) const OPERATOR: (&str, u32) = ("vigla-person", 65_532);

/// A user of the private bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// The user of a service: its noun.
    Service(&'a str),
    /// A member of the group `vigla-operator`.
    Operator,
    /// A user without any right.
    Stranger,
    /// Whoever runs this process.
    Me,
}

/// A temporary root, a dbus-daemon with the shipped policies, and the users of the device.
#[derive(Debug)]
pub struct Rig {
    // The bus ends before its folder goes.
    bus: Option<Child>,
    dir: TempDir,
    repository: PathBuf,
    users: Users,
}

impl Rig {
    /// Starts a private bus with the policies of this repository.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_for(repository()?)
    }

    /// Starts a private bus with the policies of `repository`.
    pub fn start_for(repository: &Path) -> anyhow::Result<Self> {
        let mut rig = Self::lay_out(repository)?;
        rig.start_bus()?;
        Ok(rig)
    }

    /// Starts a private bus with the policies of this repository and one of the test's own
    /// (XML), which the bus reads last.
    #[allow(clippy::disallowed_methods, reason = "a policy in a temporary folder")]
    pub fn start_with(policy: &str) -> anyhow::Result<Self> {
        let mut rig = Self::lay_out(repository()?)?;
        fs::create_dir_all(rig.policies())?;
        fs::write(rig.policies().join("zz-test.conf"), policy)?;
        rig.start_bus()?;
        Ok(rig)
    }

    fn lay_out(repository: &Path) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("vigla-")
            .tempdir()
            .context("make a temporary root")?;
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
        Ok(Self {
            bus: None,
            dir,
            repository: repository.to_owned(),
            users: Users::read(repository)?,
        })
    }

    /// Whether each daemon has a user of its own here: only root can give it one.
    #[must_use]
    pub fn separate_users(&self) -> bool {
        getuid().is_root()
    }

    /// The temporary root.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The repository whose daemons and policies these are.
    #[must_use]
    pub fn repository(&self) -> &Path {
        &self.repository
    }

    /// The bus address, for `DBUS_SYSTEM_BUS_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    /// The users of the device.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// A daemon to be started: `camera` is the binary `vigla-camera` beside the running program.
    #[must_use]
    pub fn daemon(&self, noun: &str) -> DaemonBuilder<'_> {
        DaemonBuilder::new(self, noun)
    }

    /// Where daemons have their runtime folders: `<noun>/metrics.sock` and the like.
    #[must_use]
    pub fn run_dir(&self) -> PathBuf {
        self.dir().join("run")
    }

    /// Lets `command` run as `who` on this bus. Without root everybody is the same user.
    pub fn run_as(&self, who: Who<'_>, command: &mut Command) {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        become_identity(command, self.identity(who));
    }

    /// A path with the content of `file` that every user of the rig can read: the file itself
    /// where its folders let them, else a copy in the rig. For what is no secret: programs, libraries.
    pub fn share(&self, file: &Path) -> anyhow::Result<PathBuf> {
        self.copy_for(file, |copy| {
            fs::set_permissions(copy, Permissions::from_mode(0o755))
        })
    }

    /// The same for one user only: a copy of somebody's own film is nobody else's to see.
    pub fn lend(&self, file: &Path, who: Who<'_>) -> anyhow::Result<PathBuf> {
        let owner = self.identity(who).map(|identity| identity.uid);
        self.copy_for(file, |copy| {
            fs::set_permissions(copy, Permissions::from_mode(0o600))?;
            std::os::unix::fs::chown(copy, owner, owner)
        })
    }

    /// A copy of `file` in the rig that is handed to `open`, where others cannot read the file itself.
    fn copy_for(
        &self,
        file: &Path,
        open: impl FnOnce(&Path) -> io::Result<()>,
    ) -> anyhow::Result<PathBuf> {
        if !self.separate_users() || reachable(file) {
            return Ok(file.to_owned());
        }
        // Files of one name from two folders stay two files.
        let mut from = DefaultHasher::new();
        file.parent().hash(&mut from);
        let folder = self.dir().join(format!("share/{:x}", from.finish()));
        fs::create_dir_all(&folder)?;
        let copy = folder.join(file.file_name().context("not a file")?);
        if !copy.exists() {
            fs::copy(file, &copy)
                .and_then(|_| open(&copy))
                .with_context(|| format!("copy `{}`", file.display()))?;
        }
        Ok(copy)
    }

    /// Takes the bus away.
    pub fn kill_bus(&mut self) -> anyhow::Result<()> {
        self.bus.take().map_or(Ok(()), |mut bus| bus.kill())
    }

    /// Starts the bus (again).
    pub fn start_bus(&mut self) -> anyhow::Result<()> {
        self.bus = Some(bus::start(self)?);
        Ok(())
    }

    /// The process of the bus, while there is one.
    #[must_use]
    pub fn bus_pid(&self) -> Option<u32> {
        self.bus.as_ref().map(Child::pid)
    }

    /// Where the bus finds its policies.
    pub(crate) fn policies(&self) -> PathBuf {
        self.dir().join("system.d")
    }

    pub(crate) fn identity(&self, who: Who<'_>) -> Option<Identity> {
        if !self.separate_users() {
            return None;
        }
        let of = |uid, groups| {
            Some(Identity {
                uid,
                gid: uid,
                groups,
            })
        };
        match who {
            Who::Me => None,
            Who::Stranger => of(STRANGER.1, Vec::new()),
            Who::Operator => of(
                OPERATOR.1,
                self.users
                    .groups
                    .get("vigla-operator")
                    .copied()
                    .into_iter()
                    .collect(),
            ),
            Who::Service(noun) => {
                let name = format!("vigla-{noun}");
                self.users.users.get(&name).and_then(|&uid| {
                    let mut groups = self.users.groups_of(&name);
                    groups.extend(self.users.system_groups_of(&name));
                    of(uid, groups)
                })
            }
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir().join("bus")
    }
}

/// The repository that this crate is in.
fn repository() -> anyhow::Result<&'static Path> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut above = manifest.ancestors();
    above.nth(2).context("the crate is not in a repository")
}

/// Whether others may walk to `file` and read it.
pub(crate) fn reachable(file: &Path) -> bool {
    let others =
        |path: &Path, bits| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & bits == bits);
    let Ok(file) = fs::canonicalize(file) else {
        return false;
    };
    others(&file, 0o4) && file.ancestors().skip(1).all(|folder| others(folder, 0o1))
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    #[test]
    fn copies_are_told_apart_by_folder_and_only_programs_are_for_everybody() {
        let (rig, folder) = (Rig::start().unwrap(), tempfile::tempdir().unwrap());
        let file = |name: &str| {
            let path = folder.path().join(name).join("x");
            fs::create_dir(path.parent().unwrap()).unwrap();
            fs::copy("/proc/self/comm", &path).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            path
        };
        let shared = rig.share(&file("a")).unwrap();
        let lent = rig.lend(&file("b"), Who::Stranger).unwrap();
        assert_ne!(shared, lent);
        if rig.separate_users() {
            assert!(reachable(&shared) && !reachable(&lent));
        }
    }

    #[test]
    fn a_private_bus_starts_with_the_shipped_policies_and_can_come_back() {
        let mut rig = Rig::start().unwrap();
        let ping = |rig: &Rig| {
            let mut command = Command::new("dbus-send");
            command
                .arg(format!("--bus={}", rig.address()))
                .args(["--print-reply", "--dest=org.freedesktop.DBus"]);
            command
                .args(["/org/freedesktop/DBus", "org.freedesktop.DBus.GetId"])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            rig.run_as(Who::Stranger, &mut command);
            command.status().unwrap().success()
        };
        assert!(ping(&rig));
        rig.kill_bus().unwrap();
        assert!(!ping(&rig));
        rig.start_bus().unwrap();
        assert!(ping(&rig));
    }
}
