//! One real daemon in the rig: its own user, folders, settings and log.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::notify::Notify;
use crate::{Child, Rig, Who};

/// How a daemon is to be started. [`start`](Self::start) may be called again after its end.
#[derive(Debug, Clone)]
pub struct DaemonBuilder<'r> {
    rig: &'r Rig,
    noun: String,
    binary: PathBuf,
    settings: String,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl<'r> DaemonBuilder<'r> {
    pub(crate) fn new(rig: &'r Rig, noun: &str) -> Self {
        let binary = beside(&format!("vigla-{noun}"));
        let (environment, arguments) = (Vec::new(), Vec::new());
        Self {
            rig,
            noun: noun.to_owned(),
            binary,
            settings: String::new(),
            environment,
            arguments,
        }
    }

    /// Settings (TOML) on top of the shipped defaults, as the owner's `50-rig.toml`.
    #[must_use]
    pub fn settings(mut self, toml: &str) -> Self {
        toml.clone_into(&mut self.settings);
        self
    }

    /// Another program than the one beside the running test.
    #[must_use]
    pub fn binary(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.binary);
        self
    }

    /// One more variable of the environment (`LD_PRELOAD` for a shim).
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more argument (`-v`, `--check`).
    #[must_use]
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts it and waits until it says that it is ready.
    pub fn start(&self) -> anyhow::Result<Daemon> {
        let mut daemon = self.launch()?;
        daemon.wait_ready(Duration::from_secs(20))?;
        Ok(daemon)
    }

    /// Starts it and does not wait.
    #[allow(clippy::disallowed_methods, reason = "settings in a temporary folder")]
    pub fn launch(&self) -> anyhow::Result<Daemon> {
        let root = self.rig.dir();
        let owner = self.rig.identity(Who::Service(&self.noun));
        let run = self.folder(&root.join("run"), owner.as_ref().map(|o| o.uid), 0o755)?;
        let state = self.folder(&root.join("state"), owner.as_ref().map(|o| o.uid), 0o700)?;
        let places = [self.shipped()?, root.join("etc")];
        let fragments = places[1].join(format!("{}.d", self.noun));
        fs::create_dir_all(&fragments)?;
        fs::write(fragments.join("50-rig.toml"), &self.settings)?;
        let notify = Notify::bind(&root.join(format!("notify-{}", self.noun)))?;
        let log = root.join(format!("{}.log", self.noun));
        let output = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)?;
        let program = self.rig.share(&self.binary).with_context(|| {
            format!(
                "no program `{}`: run `cargo build --workspace` first",
                self.binary.display()
            )
        })?;
        let mut command = Command::new(program);
        for place in &places {
            command.arg("--config-dir").arg(place);
        }
        command.args(&self.arguments);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.rig.address());
        command
            .env("RUNTIME_DIRECTORY", &run)
            .env("STATE_DIRECTORY", &state);
        command
            .env("NOTIFY_SOCKET", notify.path())
            .env_remove("JOURNAL_STREAM");
        command.envs(self.environment.iter().map(|(k, v)| (k, v)));
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = Child::start_as(&self.noun, &mut command, owner)?;
        Ok(Daemon {
            noun: self.noun.clone(),
            child,
            notify,
            log,
        })
    }

    /// A folder of the daemon's own below `parent`.
    fn folder(&self, parent: &Path, owner: Option<u32>, mode: u32) -> anyhow::Result<PathBuf> {
        let path = parent.join(&self.noun);
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        std::os::unix::fs::chown(&path, owner, owner)?;
        Ok(path)
    }

    /// The place of the shipped default fragments, copied where the daemon's user can read them.
    fn shipped(&self) -> anyhow::Result<PathBuf> {
        let place = self.rig.dir().join("usr/lib/vigla");
        let target = place.join(format!("{}.d", self.noun));
        fs::create_dir_all(&target)?;
        let source = format!("services/{0}/dist/usr/lib/vigla/{0}.d", self.noun);
        if let Ok(entries) = fs::read_dir(self.rig.repository().join(source)) {
            for entry in entries {
                let entry = entry?;
                fs::copy(entry.path(), target.join(entry.file_name()))?;
            }
        }
        Ok(place)
    }
}

/// A running daemon; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    noun: String,
    child: Child,
    notify: Notify,
    log: PathBuf,
}

impl Daemon {
    /// Waits for `READY=1`; its early end is an error that shows its log.
    pub fn wait_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let what = format!("`{}` is ready", self.noun);
        let (notify, child) = (&self.notify, &mut self.child);
        let ready = crate::until(&what, patience, || {
            let ready = notify.heard().ready.then_some(true);
            ready.or(child.ended().map(|_| false))
        });
        match ready {
            Ok(true) => Ok(()),
            Ok(false) => {
                anyhow::bail!("`{}` ended before it was ready:\n{}", self.noun, self.log())
            }
            Err(error) => Err(error.context(self.log())),
        }
    }

    /// The noun of its service.
    #[must_use]
    pub fn noun(&self) -> &str {
        &self.noun
    }

    /// The last `STATUS=` that it told systemd.
    #[must_use]
    pub fn status(&self) -> String {
        self.notify.heard().status
    }

    /// How often it has fed the watchdog.
    #[must_use]
    pub fn watchdog_feeds(&self) -> u64 {
        self.notify.heard().watchdog
    }

    /// Everything it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process, to signal or wait for.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// SIGTERM, and waits until it has drained.
    pub fn stop(mut self) -> anyhow::Result<ExitStatus> {
        self.child.stop(Duration::from_secs(12))
    }

    /// SIGKILL.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()
    }
}

/// A program in the folder of the running one; a test runs one folder deeper (`deps`).
fn beside(name: &str) -> PathBuf {
    let folder = std::env::current_exe()
        .ok()
        .and_then(|p| p.parent().map(Path::to_owned))
        .unwrap_or_default();
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(&folder).to_owned()
    } else {
        folder
    };
    folder.join(name)
}
