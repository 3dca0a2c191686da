//! `cargo xtask bus`: the golden descriptions of our D-Bus interfaces, from the served objects.
//!
//! The daemons run on a private bus with one synthetic camera; every object below their roots is
//! asked what it is. A changed file in `services/bus/interfaces` is a changed promise, so a
//! reviewer looks there first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use vigla_testkit::{Rig, Who};

use crate::packages::{self, Consent};
use crate::say::Step;
use crate::{build, dist, places, process, run};

const HEAD: &str = r#"<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<!-- Written by `cargo xtask bus` from the served object. -->
<node>
"#;
const READY: Duration = Duration::from_secs(30);

/// Write, or compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Change nothing; fail when a file is not what is served
    #[arg(long)]
    check: bool,
}

/// The text of each interface by its name.
pub(crate) type Interfaces = BTreeMap<String, String>;

/// Builds, asks, and writes or compares.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let needs = [&packages::basis(), packages::BUS].concat();
    packages::install(&needs, Consent::from_flag(false))?;
    build::programs()?;
    let step = Step::start("interfaces");
    let served = served()?;
    if options.check {
        compare(&served)?;
        step.end(format_args!("{} as promised", served.len()));
    } else {
        let changed = write(&served)?;
        step.end(format_args!("{}, of which {changed} changed", served.len()));
    }
    Ok(())
}

/// Starts the daemons and asks every object of theirs.
pub(crate) fn served() -> anyhow::Result<Interfaces> {
    let rig = Rig::start_for(places::repository()).context("start the private bus")?;
    let mut interfaces = Interfaces::new();
    let daemons = dist::daemons()?;
    let mut alive = Vec::new();
    for daemon in &daemons {
        let fragment = run::synthetic_fragment(&daemon.noun, &rig)?;
        alive.push(rig.daemon(&daemon.noun).settings(&fragment).launch()?);
    }
    for (daemon, alive) in daemons.iter().zip(&mut alive) {
        alive.wait_ready(READY)?;
        let (name, _) = daemon.policy()?;
        let root = format!("/{}", name.replace('.', "/"));
        ask_below(&rig, &name, &root, &mut interfaces)?;
    }
    for alive in alive.into_iter().rev() {
        alive.stop()?;
    }
    Ok(interfaces)
}

/// Asks the object at `path` and those below it.
fn ask_below(rig: &Rig, name: &str, path: &str, found: &mut Interfaces) -> anyhow::Result<()> {
    let mut send = Command::new("dbus-send");
    send.arg(format!("--bus={}", rig.address()));
    send.args(["--print-reply=literal", "--reply-timeout=5000"])
        .arg(format!("--dest={name}"));
    send.arg(path)
        .arg("org.freedesktop.DBus.Introspectable.Introspect");
    rig.run_as(Who::Me, &mut send);
    let text =
        process::output(&mut send).with_context(|| format!("introspect `{path}` of `{name}`"))?;
    let (interfaces, children) = read(&text);
    for (interface, body) in interfaces {
        let before = found.insert(interface.clone(), body.clone());
        anyhow::ensure!(
            before.is_none_or(|before| before == body),
            "`{interface}` is served in two shapes; `{path}` has the second"
        );
    }
    for child in children {
        ask_below(rig, name, &format!("{path}/{child}"), found)?;
    }
    Ok(())
}

/// Our interfaces of the object itself, as they stand there, and the names of those directly
/// below. zbus describes the whole tree at once; what is deeper is asked where it lives.
fn read(text: &str) -> (Interfaces, Vec<String>) {
    let (mut interfaces, mut children, mut depth) = (Interfaces::new(), Vec::new(), 0);
    let mut current: Option<(String, String)> = None;
    for line in text.lines() {
        let tag = line.trim();
        let name = || tag.split('"').nth(1).unwrap_or_default().to_owned();
        if depth == 1 && tag.starts_with("<interface ") {
            current = Some((name(), HEAD.to_owned()));
        } else if tag.starts_with("<node") {
            if depth == 1 {
                children.push(name());
            }
            depth += usize::from(!tag.ends_with("/>"));
        } else if tag == "</node>" {
            depth = depth.saturating_sub(1);
        }
        if let Some((_, body)) = &mut current {
            body.push_str(line);
            body.push('\n');
        }
        if tag.ends_with("</interface>")
            && let Some((name, body)) = current.take()
            && name.starts_with("org.vigla.")
        {
            interfaces.insert(name, body + "</node>\n");
        }
    }
    (interfaces, children)
}

fn folder() -> PathBuf {
    places::repository().join("services/bus/interfaces")
}

fn golden(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_suffix(".xml").map(ToOwned::to_owned))
        .collect()
}

/// An error that names each file that is not what is served.
pub(crate) fn compare(served: &Interfaces) -> anyhow::Result<()> {
    let folder = folder();
    let mut wrong = Vec::new();
    for (name, text) in served {
        let file = folder.join(format!("{name}.xml"));
        if fs::read_to_string(&file).unwrap_or_default() != *text {
            wrong.push(format!("`{name}.xml` is not what is served"));
        }
    }
    let gone = golden(&folder)
        .into_iter()
        .filter(|name| !served.contains_key(name));
    wrong.extend(gone.map(|name| format!("`{name}.xml` is served by nobody")));
    anyhow::ensure!(
        wrong.is_empty(),
        "services/bus/interfaces: {}; if the change is meant, run `cargo xtask bus` and commit it",
        wrong.join(", ")
    );
    Ok(())
}

/// Writes what is served; gives the number of changed files.
#[allow(
    clippy::disallowed_methods,
    reason = "files under version control, made again at will"
)]
fn write(served: &Interfaces) -> anyhow::Result<usize> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    let mut changed = 0;
    for name in golden(&folder)
        .into_iter()
        .filter(|name| !served.contains_key(name))
    {
        fs::remove_file(folder.join(format!("{name}.xml")))?;
        changed += 1;
    }
    for (name, text) in served {
        let file = folder.join(format!("{name}.xml"));
        if fs::read_to_string(&file).unwrap_or_default() != *text {
            fs::write(&file, text).with_context(|| format!("write `{}`", file.display()))?;
            changed += 1;
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"   <!DOCTYPE node>
<node>
  <interface name="org.freedesktop.DBus.Peer"><method name="Ping"/></interface>
  <interface name="org.vigla.X1">
    <method name="Go"/>
  </interface>
  <node name="camera">
    <node name="front">
      <interface name="org.vigla.X1.Camera">
      </interface>
    </node>
  </node>
  <node name="y"/>
</node>"#;

    #[test]
    fn takes_the_interfaces_of_the_object_itself_and_its_children() {
        let (interfaces, children) = read(TEXT);
        assert_eq!(interfaces.keys().collect::<Vec<_>>(), ["org.vigla.X1"]);
        let text = &interfaces["org.vigla.X1"];
        assert!(
            text.ends_with("    <method name=\"Go\"/>\n  </interface>\n</node>\n"),
            "{text}"
        );
        assert_eq!(children, ["camera", "y"]);
    }
}
