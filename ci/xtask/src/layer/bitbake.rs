//! BitBake: where it works, as whom, and what it says.
//!
//! It refuses root and wants the locale en_US.UTF-8. As root it runs in a user namespace as an ordinary
//! user who owns what root owns; the locale is one of our own in the cache. So nothing of the machine is changed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use nix::unistd::geteuid;

use super::complaints::complaints;
use super::{Machine, closure, folder, upstream};
use crate::image::put;
use crate::{places, process};

/// Sets up the surroundings of a build and runs the rest in it.
const ENTER: &str =
    ". \"$0/openembedded-core/oe-init-build-env\" \"$1\" > /dev/null && shift && exec \"$@\"";

/// Where BitBake works for one board.
#[derive(Debug)]
pub(crate) struct BitBake {
    pub(crate) machine: Machine,
    /// The layers of others.
    pub(crate) layers: PathBuf,
    /// The build folder.
    pub(crate) build: PathBuf,
    cache: PathBuf,
}

/// What a run of `bitbake -g` leaves.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Recipe files, below the layers or in ours.
    pub(crate) recipes: Vec<PathBuf>,
    pub(crate) tasks: usize,
}

impl BitBake {
    /// With a mask that leaves of other layers only what the image needs.
    pub(crate) fn open(layers: &Path, machine: Machine) -> anyhow::Result<Self> {
        Self::with_mask(layers, machine, &closure::mask()?)
    }

    pub(crate) fn with_mask(layers: &Path, machine: Machine, mask: &str) -> anyhow::Result<Self> {
        let cache = upstream::cache()?;
        locale(&cache)?;
        let build = places::target().join("layer").join(machine.name());
        let bitbake = Self {
            machine,
            layers: layers.to_owned(),
            build,
            cache,
        };
        bitbake.forget_a_move()?;
        bitbake.configure(mask, "vigla", true)?;
        Ok(bitbake)
    }

    /// Under another distro, whose settings are `distro`, with our layer or without it.
    pub(crate) fn elsewhere(
        layers: &Path,
        machine: Machine,
        distro: &str,
        ours: bool,
    ) -> anyhow::Result<Self> {
        let mut bitbake = Self::open(layers, machine)?;
        bitbake
            .build
            .set_file_name(format!("{}-elsewhere", machine.name()));
        bitbake.forget_a_move()?;
        let conf = bitbake.build.join("conf/distro");
        fs::create_dir_all(&conf)?;
        write(&conf.join("elsewhere.conf"), distro)?;
        bitbake.configure(&closure::mask()?, "elsewhere", ours)?;
        Ok(bitbake)
    }

    /// A build folder that was moved or copied is no use to BitBake, which then refuses to do anything.
    fn forget_a_move(&self) -> anyhow::Result<()> {
        let was = fs::read_to_string(self.build.join("tmp/saved_tmpdir")).unwrap_or_default();
        if was.trim().is_empty() || Path::new(was.trim()) == self.build.join("tmp") {
            return Ok(());
        }
        fs::remove_dir_all(&self.build)
            .with_context(|| format!("remove `{}`, made elsewhere", self.build.display()))
    }

    fn configure(&self, mask: &str, distro: &str, ours: bool) -> anyhow::Result<()> {
        let conf = self.build.join("conf");
        fs::create_dir_all(&conf)?;
        let mut layers = String::new();
        let theirs = upstream::LAYERS.iter().map(|layer| self.layers.join(layer));
        for layer in theirs.chain(ours.then(folder)) {
            let _ = writeln!(layers, "    {} \\", layer.display());
        }
        write(
            &conf.join("bblayers.conf"),
            &format!("BBPATH = \"${{TOPDIR}}\"\nBBFILES ?= \"\"\nBBLAYERS = \" \\\n{layers}\"\n"),
        )?;
        let text = format!(
            "# For checks: nothing is built with this.\n\
             MACHINE = \"{}\"\n\
             DISTRO = \"{distro}\"\n\
             CONF_VERSION = \"2\"\n\
             DL_DIR = \"{}\"\n\
             CONNECTIVITY_CHECK_URIS = \"\"\n\
             INHERIT:remove = \"uninative\"\n\
             BB_DISKMON_DIRS = \"\"\n\
             BBMASK += \"image-ptest\"\n\
             {mask}",
            self.machine.name(),
            self.downloads().display(),
        );
        write(&conf.join("local.conf"), &text)
    }

    /// A program with BitBake's surroundings.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = if geteuid().is_root() {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-user=1000", "--map-group=1000", "bash"]);
            command
        } else {
            Command::new("bash")
        };
        command
            .args(["-c", ENTER])
            .arg(&self.layers)
            .arg(&self.build);
        command.arg(program).current_dir(&self.build);
        command
            .env("HOME", &self.cache)
            .env("LANG", "en_US.UTF-8")
            .env("LC_ALL", "en_US.UTF-8")
            .env("LOCPATH", self.cache.join("locale"))
            .env("BB_ENV_PASSTHROUGH_ADDITIONS", "LOCPATH")
            .env("BITBAKEDIR", self.layers.join("bitbake"))
            // It stays for the next question, and not for ever.
            .env("BB_SERVER_TIMEOUT", "60")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        command
    }

    /// Runs `bitbake` and gives what it says; an error or a warning of it is our error.
    pub(crate) fn say(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command("bitbake");
        command.args(arguments);
        let log = self.build.join("said.txt");
        let file = fs::File::create(&log)?;
        command.stdout(file.try_clone()?).stderr(file);
        let status = process::run(&mut command)?;
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        let complaints = complaints(&said);
        anyhow::ensure!(
            status.success() && complaints.is_empty(),
            "`bitbake {}` for {}:\n  {}",
            arguments.join(" "),
            self.machine.name(),
            if complaints.is_empty() {
                tail(&said)
            } else {
                complaints.join("\n  ")
            }
        );
        Ok(said)
    }

    /// What BitBake has downloaded, for all boards and clones.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.cache.join("downloads")
    }

    /// Resolves everything that `targets` need.
    pub(crate) fn resolve(&self, targets: &[&str]) -> anyhow::Result<Graph> {
        let mut arguments = vec!["-g"];
        arguments.extend(targets);
        self.say(&arguments)?;
        let dot = self.build.join("task-depends.dot");
        let text = fs::read_to_string(&dot).with_context(|| format!("read `{}`", dot.display()))?;
        Ok(graph(&text))
    }
}

/// Recipes and tasks in BitBake's graph: each node's label ends with the path of its recipe.
fn graph(text: &str) -> Graph {
    let labels: Vec<_> = text
        .lines()
        .filter(|line| line.contains("[label="))
        .collect();
    let mut recipes: Vec<_> = labels
        .iter()
        .filter_map(|line| line.rsplit("\\n").next()?.strip_suffix("\"]"))
        .map(|path| PathBuf::from(path.rsplit(':').next().unwrap_or(path)))
        .collect();
    recipes.sort();
    recipes.dedup();
    Graph {
        recipes,
        tasks: labels.len(),
    }
}

fn tail(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n  ")
}

/// Leaves a file alone that says the same already: a changed one throws away BitBake's cache.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    put(path, text)
}

/// The one locale that BitBake insists on.
fn locale(cache: &Path) -> anyhow::Result<()> {
    let target = cache.join("locale/en_US.UTF-8");
    if target.join("LC_CTYPE").exists() {
        return Ok(());
    }
    fs::create_dir_all(cache.join("locale"))?;
    let mut localedef = Command::new("localedef");
    localedef.args(["-i", "en_US", "-f", "UTF-8"]).arg(&target);
    process::must("make the locale en_US.UTF-8", &mut localedef)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_knows_its_recipes() {
        let text = "digraph depends {\n\"a.do_fetch\" [label=\"a do_fetch\\n1.0\\n/l/a_1.0.bb\"]\n\"a.do_build\" [label=\"a do_build\\n1.0\\nvirtual:native:/l/a_1.0.bb\"]\n\"a.do_build\" -> \"a.do_fetch\"\n}\n";
        let graph = graph(text);
        assert_eq!(graph.tasks, 2);
        assert_eq!(graph.recipes, [PathBuf::from("/l/a_1.0.bb")]);
    }
}
