//! The fixture: a node that runs.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use vigla_testkit::{Broker, Daemon, Rig, free_port, until};

use crate::{assets, http};

/// What the one camera, `street`, looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// The scene with ground truth: no inference library needed.
    Synthetic,
    /// The real street clip through the real model.
    Clip,
}

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
}

/// In the order of `cargo xtask run`; any order works.
const NOUNS: [&str; 4] = ["camera", "detector", "metrics", "gateway"];

impl Site {
    /// Starts everything.
    pub fn start(scene: Scene) -> anyhow::Result<Self> {
        let rig = Rig::start()?;
        let broker = Broker::start(rig.dir(), free_port()?, "")?;
        let port = free_port()?;
        let settings = settings(scene, &rig, broker.port(), port)?;
        let mut site = Self {
            daemons: BTreeMap::new(),
            settings,
            broker,
            rig,
            port,
        };
        for noun in NOUNS {
            site.bring(noun)?;
        }
        Ok(site)
    }

    /// Starts a daemon (again) and waits until it is ready.
    pub fn bring(&mut self, noun: &str) -> anyhow::Result<()> {
        let settings = self.settings.get(noun).map_or("", String::as_str);
        let daemon = self.rig.daemon(noun).settings(settings).start()?;
        self.daemons.insert(noun.to_owned(), daemon);
        Ok(())
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

fn settings(
    scene: Scene,
    rig: &Rig,
    broker: u16,
    port: u16,
) -> anyhow::Result<BTreeMap<String, String>> {
    let camera = match scene {
        Scene::Synthetic => {
            "auto = \"never\"\n[camera.street]\nsource = \"synthetic\"\n".to_owned()
        }
        Scene::Clip => {
            let clip = rig.share(&assets::clip()?)?;
            format!(
                "auto = \"never\"\n[camera.street]\nsource = {}\n",
                quoted(&clip)
            )
        }
    };
    let detector = match scene {
        Scene::Synthetic => String::new(),
        Scene::Clip => {
            let library = rig.share(&assets::library()?)?;
            format!(
                "library = {}\nmodel_dirs = [{}]\n",
                quoted(&library),
                quoted(&models(rig)?)
            )
        }
    };
    let metrics = format!(
        "broker = \"127.0.0.1:{broker}\"\n[gather]\nsockets = {}\n",
        quoted(&rig.run_dir())
    );
    let gateway = format!("listen = \"127.0.0.1:{port}\"\n");
    let all = [
        ("camera", camera),
        ("detector", detector),
        ("metrics", metrics),
        ("gateway", gateway),
    ];
    Ok(all
        .into_iter()
        .map(|(noun, text)| (noun.to_owned(), text))
        .collect())
}

/// A path as a TOML text.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}

/// The models of the repository, where every user of the rig can read them.
fn models(rig: &Rig) -> anyhow::Result<std::path::PathBuf> {
    let source = rig.repository().join("services/detector/models");
    let target = rig.dir().join("models");
    copy(&source, &target).with_context(|| format!("copy `{}`", source.display()))?;
    Ok(target)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
