//! The fixture: a node that runs.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use vigla_testkit::{Broker, Daemon, Rig, free_port, until};

use crate::http;
use crate::settings::{self, Scene};

/// A running node.
#[derive(Debug)]
pub struct Site {
    // Daemons end before the bus, the bus before its folder.
    daemons: BTreeMap<String, Daemon>,
    settings: BTreeMap<String, String>,
    /// The broker, to take away.
    pub broker: Broker,
    /// The bus.
    pub rig: Rig,
    /// Where the gateway listens.
    pub port: u16,
    /// `WatchdogSec` of those that are brought from now on.
    pub watchdog: Duration,
    _turn: Turn,
}

/// Those who have nodes at a time: many, or one alone. Let go when the node has ended.
type Turn = (
    Option<RwLockReadGuard<'static, ()>>,
    Option<RwLockWriteGuard<'static, ()>>,
);

static FLOOR: RwLock<()> = RwLock::new(());

/// In the order of `cargo xtask run`; any order works.
pub const NOUNS: [&str; 4] = ["camera", "detector", "metrics", "gateway"];

/// What only a device has; a test brings it where it is wanted.
pub const DEVICE: [&str; 2] = ["updater", "enrolment"];

impl Site {
    /// Starts everything. A test has one node at a time.
    pub fn start(scene: Scene) -> anyhow::Result<Self> {
        let turn = FLOOR.read().unwrap_or_else(PoisonError::into_inner);
        Self::set_up(Rig::start()?, scene, (Some(turn), None))
    }

    /// The same on a bus where a test may put stand-ins for what a laptop has not.
    pub fn with_stand_ins(scene: Scene) -> anyhow::Result<Self> {
        let turn = FLOOR.read().unwrap_or_else(PoisonError::into_inner);
        Self::set_up(vigla_testkit::peers::rig()?, scene, (Some(turn), None))
    }

    /// Starts everything when no other test of this program has a node, and keeps them waiting:
    /// for figures.
    pub fn alone(scene: Scene) -> anyhow::Result<Self> {
        let turn = FLOOR.write().unwrap_or_else(PoisonError::into_inner);
        Self::set_up(Rig::start()?, scene, (None, Some(turn)))
    }

    /// A node that is whole, and whose gateway is then reached by other machines too, with HTTPS at
    /// the port that is given back.
    pub fn networked(scene: Scene) -> anyhow::Result<(Self, u16)> {
        let mut site = Self::start(scene)?;
        site.whole()?;
        let secure = free_port()?;
        let port = site.port;
        site.change("gateway", |_| {
            format!("listen = \"0.0.0.0:{port}\"\ntls.port = {secure}\n")
        })?;
        Ok((site, secure))
    }

    fn set_up(rig: Rig, scene: Scene, turn: Turn) -> anyhow::Result<Self> {
        let broker = Broker::start(rig.dir(), free_port()?, "")?;
        let port = free_port()?;
        let settings = settings::of(scene, &rig, broker.port(), port)?;
        let mut site = Self {
            daemons: BTreeMap::new(),
            settings,
            broker,
            rig,
            port,
            // Short, so that tests see soon who feeds it; units have 30 s.
            watchdog: Duration::from_secs(4),
            _turn: turn,
        };
        for noun in NOUNS {
            site.bring(noun)?;
        }
        Ok(site)
    }

    /// Starts a daemon (again) and waits until it is ready.
    pub fn bring(&mut self, noun: &str) -> anyhow::Result<()> {
        let settings = self.settings.get(noun).map_or("", String::as_str);
        // In microseconds, as systemd says it.
        let watchdog = self.watchdog.as_micros().to_string();
        let daemon = self.rig.daemon(noun).settings(settings);
        let daemon = daemon.env("WATCHDOG_USEC", &watchdog).start()?;
        self.daemons.insert(noun.to_owned(), daemon);
        Ok(())
    }

    /// Starts a daemon anew with what `change` makes of its settings.
    pub fn change(
        &mut self,
        noun: &str,
        change: impl FnOnce(&str) -> String,
    ) -> anyhow::Result<()> {
        let settings = change(self.settings.get(noun).map_or("", String::as_str));
        self.settings.insert(noun.to_owned(), settings);
        self.kill(noun)?;
        self.bring(noun)
    }

    /// SIGKILL.
    pub fn kill(&mut self, noun: &str) -> anyhow::Result<()> {
        self.daemons
            .remove(noun)
            .with_context(|| format!("`{noun}` does not run"))?
            .kill()
    }

    /// A running daemon.
    pub fn daemon(&mut self, noun: &str) -> anyhow::Result<&mut Daemon> {
        self.daemons
            .get_mut(noun)
            .with_context(|| format!("`{noun}` does not run"))
    }

    /// Daemons that ended although nobody asked them to.
    pub fn fallen(&mut self) -> Vec<String> {
        let ended = self
            .daemons
            .iter_mut()
            .filter_map(|(noun, d)| d.child().ended().map(|_| noun.clone()));
        ended.collect()
    }

    /// `/api/v1/state`.
    pub fn state(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(
            &http::get(self.port, "/api/v1/state")?.text()?,
        )?)
    }

    /// Waits until the state fulfils `wish`, and gives that state.
    pub fn wait(
        &self,
        what: &str,
        patience: Duration,
        wish: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let mut last = Value::Null;
        let result = until(what, patience, || {
            last = self.state().ok()?;
            wish(&last).then(|| last.clone())
        });
        result.with_context(|| format!("the last state was {last:#}\n{}", self.logs()))
    }

    /// Waits until there is nothing to complain of and pictures are counted.
    pub fn whole(&self) -> anyhow::Result<Value> {
        self.wait("the node is whole", Duration::from_secs(30), |state| {
            let camera = &state["cameras"][0];
            state["sentence"]["state"] == "ok"
                && camera["state"] == "streaming"
                && camera["counts"]["person"].is_u64()
        })
    }

    /// The logs of all daemons, for a failed test.
    #[must_use]
    pub fn logs(&self) -> String {
        let logs = self
            .daemons
            .values()
            .map(|d| format!("-- {} --\n{}", d.noun(), d.log()));
        logs.collect::<Vec<_>>().join("\n")
    }
}
