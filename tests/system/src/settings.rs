//! What the daemons of a node are told: the scene, the broker, the port.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use vigla_testkit::Rig;

use crate::assets;

/// What the camera `street` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// The scene with ground truth: no inference library needed.
    Synthetic,
    /// The same, and three more cameras that show it: `gate`, `yard` and `door`.
    Wall,
    /// The real street clip through the real model.
    Clip,
    /// No camera at all.
    Empty,
    /// The same with the model installed, as on a device whose camera is not there yet.
    Idle,
    /// The street clip as 720p JPEGs at 10 a second, and no model.
    Passthrough,
    /// The same through the real model.
    Large,
}

/// Settings by noun, on top of the shipped defaults.
pub(crate) fn of(
    scene: Scene,
    rig: &Rig,
    broker: u16,
    port: u16,
) -> anyhow::Result<BTreeMap<String, String>> {
    let camera = match scene {
        Scene::Synthetic => synthetic(&["street"]),
        Scene::Wall => synthetic(&["street", "gate", "yard", "door"]),
        Scene::Clip => film(&rig.share(&assets::clip()?)?),
        Scene::Empty | Scene::Idle => String::from("auto = \"never\"\n"),
        Scene::Passthrough | Scene::Large => {
            let jpegs = rig.share(&assets::jpegs()?)?;
            format!("{}rate = 10.0\n", film(&jpegs))
        }
    };
    let detector = match scene {
        Scene::Synthetic | Scene::Wall | Scene::Empty | Scene::Passthrough => String::new(),
        Scene::Clip | Scene::Large | Scene::Idle => {
            let library = rig.share(&assets::library()?)?;
            format!(
                "library = {}\nmodel_dirs = [{}]\n",
                quoted(&library),
                quoted(&models(rig)?)
            )
        }
    };
    // How full the disk of this machine is must not decide a test.
    let metrics = format!(
        "broker = \"127.0.0.1:{broker}\"\n[health]\nenabled = false\n[gather]\nsockets = {}\n",
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

/// Settings of the camera service with one film.
fn film(path: &Path) -> String {
    format!(
        "auto = \"never\"\n[camera.street]\nsource = {}\n",
        quoted(path)
    )
}

/// Settings of the camera service with synthetic cameras only.
fn synthetic(cameras: &[&str]) -> String {
    let each = cameras.iter();
    let each = each.map(|id| format!("[camera.{id}]\nsource = \"synthetic\"\n"));
    format!("auto = \"never\"\n{}", each.collect::<String>())
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
