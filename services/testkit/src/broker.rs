//! A real mosquitto on loopback.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use crate::Child;
use crate::child::nobody;
use crate::rig::reachable;

/// A running broker; it can be taken away and brought back on the same port.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    /// All on which it listens.
    ports: Vec<u16>,
    configuration: PathBuf,
    child: Option<Child>,
}

impl Broker {
    /// The user and group of a broker that root starts.
    pub const NOBODY: u32 = 65_534;

    /// Starts a broker on `port` of loopback with its files in `dir`; `extra` are further lines of
    /// its configuration. Everybody may connect unless `extra` says otherwise.
    ///
    /// Where we are root it runs as [`Broker::NOBODY`], so others must be able to enter `dir` (they can
    /// enter a [`Rig`](crate::Rig)'s) and to read the files that `extra` names.
    #[allow(
        clippy::disallowed_methods,
        reason = "a configuration in a temporary folder"
    )]
    pub fn start(dir: &Path, port: u16, extra: &str) -> anyhow::Result<Self> {
        let configuration = dir.join(format!("mosquitto-{port}.conf"));
        let access = if extra.contains("allow_anonymous") {
            ""
        } else {
            "allow_anonymous true\n"
        };
        let text = format!(
            "listener {port} 127.0.0.1\npersistence false\nlog_type error\nlog_type warning\n{access}{extra}\n"
        );
        std::fs::write(&configuration, &text).context("write the broker's configuration")?;
        anyhow::ensure!(
            nobody().is_none() || reachable(&configuration),
            "the broker of root runs as nobody, who cannot read `{}`: open its folder to others",
            configuration.display()
        );
        let listener = |line: &str| {
            line.strip_prefix("listener ")?
                .split(' ')
                .next()?
                .parse()
                .ok()
        };
        let mut broker = Self {
            port,
            ports: text.lines().filter_map(listener).collect(),
            configuration,
            child: None,
        };
        broker.come_back()?;
        Ok(broker)
    }

    /// The port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Takes the broker away (SIGKILL).
    pub fn go_away(&mut self) -> anyhow::Result<()> {
        self.child.take().map_or(Ok(()), |mut child| child.kill())
    }

    /// Starts it again on the same ports and waits until it listens on all: it opens them one after the other, and
    /// reads certificates in between.
    pub fn come_back(&mut self) -> anyhow::Result<()> {
        let program = program()?;
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(&self.configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Started by root, mosquitto would change its user by itself and thereby lose the signal that
        // ends it with us: so it starts as nobody.
        let mut child = Child::start_unprivileged("mosquitto", &mut command)?;
        let listens = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
        let listening = crate::until("the broker listens", Duration::from_secs(10), || {
            let all = self.ports.iter().all(listens);
            all.then_some(true).or(child.ended().map(|_| false))
        })?;
        anyhow::ensure!(
            listening,
            "mosquitto ended at once: is port {} in use?",
            self.port
        );
        self.child = Some(child);
        Ok(())
    }

    /// Ends it in order.
    pub fn stop(mut self) -> anyhow::Result<()> {
        match self.child.take() {
            Some(mut child) => child.stop(Duration::from_secs(5)).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.ended().is_none())
    }
}

/// Debian puts it where an ordinary user's PATH does not look.
fn program() -> anyhow::Result<&'static str> {
    [
        "/usr/sbin/mosquitto",
        "/usr/bin/mosquitto",
        "/usr/local/sbin/mosquitto",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
    .context("the program `mosquitto` is missing: install the package `mosquitto`")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::free_port;

    #[test]
    fn a_started_broker_listens_on_every_port_of_its_configuration() {
        if program().is_err() {
            return crate::skip("no `mosquitto`: install the package `mosquitto`");
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let more: std::collections::BTreeSet<u16> = (0..30).map(|_| free_port().unwrap()).collect();
        let lines: Vec<_> = more
            .iter()
            .map(|port| format!("listener {port} 127.0.0.1"))
            .collect();
        let mut port = free_port().unwrap();
        while more.contains(&port) {
            port = free_port().unwrap();
        }
        let _broker = Broker::start(dir.path(), port, &lines.join("\n")).unwrap();
        // From the last one on, for it opens them in order.
        for port in lines
            .iter()
            .rev()
            .filter_map(|line| line.split(' ').nth(1)?.parse::<u16>().ok())
        {
            assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "{port}");
        }
    }
}
