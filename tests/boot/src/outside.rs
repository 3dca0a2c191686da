//! What the guest finds outside: this machine, and a broker on it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vigla_testkit::{Broker, Child, free_port};

/// This machine, as QEMU's network shows it to the guest.
pub const HOST: &str = "10.0.2.2";

/// A broker, and one who listens to the counts of all nodes.
#[derive(Debug)]
pub struct Outside {
    broker: Broker,
    heard: PathBuf,
    _ear: Child,
    _folder: TempDir,
}

impl Outside {
    /// Starts both on this machine.
    ///
    /// # Errors
    /// When `mosquitto` or `mosquitto-clients` is missing.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // A broker of root runs as nobody.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let broker = Broker::start(folder.path(), free_port()?, "")?;
        let heard = folder.path().join("heard");
        let mut listen = Command::new("mosquitto_sub");
        listen.args(["-h", "127.0.0.1", "-p", &broker.port().to_string()]);
        listen.args(["-q", "1", "-t", "vigla/v1/+/+/counts"]);
        listen.stdout(File::create(&heard)?).stderr(Stdio::null());
        let ear = Child::start("mosquitto_sub", &mut listen)?;
        Ok(Self {
            broker,
            heard,
            _ear: ear,
            _folder: folder,
        })
    }

    /// The broker's port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.broker.port()
    }

    /// The counts that have come, in their order; a line that is just being written is left out.
    ///
    /// # Errors
    /// When what was heard cannot be read.
    pub fn counts(&self) -> io::Result<Vec<Value>> {
        let text = fs::read_to_string(&self.heard)?;
        let lines = text.lines();
        Ok(lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}
