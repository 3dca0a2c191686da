//! What the node tells its owner: on the card as `vigla-report.txt`, and on the console. Only there: how far it is
//! on its way into a fleet, which changes too often for a card.
//!
//! Two speak on the card: the application of `vigla.toml` (`/run/vigla/site.json`) and the gateway, which has the
//! one-time code and the fingerprint of its certificate in a file of its own. The gateway is the one
//! that the network can reach, so that nothing of its file is believed: not that it is a plain file, not its
//! size, not its characters.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;
use vigla_act::Places;

use crate::apply::{FINDINGS, Findings};
use crate::machine::Machine;

const FILE: &str = "boot/firmware/vigla-report.txt";
const FIRMWARE: &str = "/boot/firmware";
/// What the initial RAM disk found of the data partition: `sound`, `mended` or `remade`.
const DATA: &str = "run/vigla/data";
const GATEWAY: &str = "var/lib/vigla/gateway/report.txt";
const MOUNT: &str = "/usr/bin/mount";
/// What `vigla-enrolment` says, in words of `vigla_bus::enrolment`.
const FLEET: &str = "run/vigla/enrolment/sentence";
/// Most bytes of what others say.
const LARGEST: u64 = 8 * 1024;

/// What is to be said now.
#[must_use]
pub fn text(places: &Places) -> String {
    let findings = fs::read(places.at(FINDINGS)).ok();
    let findings = findings.and_then(|bytes| serde_json::from_slice::<Findings>(&bytes).ok());
    let mut text = match findings {
        Some(findings) => found(&findings),
        None => {
            "Vigla: vigla.toml was not looked at; `journalctl -u vigla-site` says why.\n".into()
        }
    };
    if let Some(said) = data(&places.at(DATA)) {
        let _ = write!(text, "\n{said}");
    }
    // Root's own: the initial RAM disk, or `reset`.
    if let Ok(said) = fs::read_to_string(places.at(crate::reset::SAID)) {
        let _ = writeln!(text, "\n{}", said.trim_end());
    }
    if let Ok(said) = harmless(&places.at(GATEWAY)) {
        let _ = write!(text, "\n{said}");
    }
    text
}

/// How far the node is on its way into a fleet, for the console.
#[must_use]
pub fn fleet(places: &Places) -> Option<String> {
    let said = harmless(&places.at(FLEET)).ok()?;
    let said = said.trim().replace('\n', " ");
    (!said.is_empty()).then_some(said)
}

/// What became of the data partition, unless it is sound.
fn data(path: &Path) -> Option<&'static str> {
    match fs::read_to_string(path).ok()?.trim() {
        "mended" => Some(
            "The data partition was damaged and was mended: the last settings and messages may be lost.\n\
             If it happens again, replace the card and the power supply.\n",
        ),
        "remade" => Some(
            "THE DATA PARTITION COULD NOT BE READ AND WAS MADE ANEW. What was set on the node, its password and\n\
             the messages it had stored are lost; vigla.toml was applied again. Replace the card.\n",
        ),
        _ => None,
    }
}

fn found(findings: &Findings) -> String {
    let name = &findings.name;
    let mut text = format!("Vigla: this node is `{name}`, https://{name}.local:8443/\n\n");
    let file = crate::FILE;
    let count = findings.mistakes.len();
    let _ = match (findings.found, count) {
        (false, _) => writeln!(text, "There is no {file} on the card: nothing was set."),
        (true, 0) => writeln!(text, "{file} has no mistake."),
        (true, 1) => writeln!(text, "{file} has one mistake; everything else was taken."),
        (true, _) => writeln!(
            text,
            "{file} has {count} mistakes; everything else was taken."
        ),
    };
    for mistake in &findings.mistakes {
        let _ = writeln!(text, "{mistake}");
    }
    for trouble in &findings.troubles {
        let _ = writeln!(text, "not done: {trouble}");
    }
    text
}

/// What a service says that the network can reach, as harmless text.
fn harmless(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)?;
    let about = file.metadata()?;
    // A second name for a file of somebody else is as bad as a link.
    if !about.is_file() || about.nlink() != 1 {
        return Err(io::Error::other("it is not a plain file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // A console obeys control characters.
    Ok(text
        .chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect())
}

/// Puts `text` on the card, unless it is there; says whether it was written. The card is writable
/// for that moment only.
///
/// # Errors
///
/// The card cannot be written.
pub fn put(text: &str, places: &Places, machine: &mut dyn Machine) -> io::Result<bool> {
    let path = places.at(FILE);
    if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(false);
    }
    writable(machine, || write(&path, text)).map(|()| true)
}

/// Makes the card writable for `work`.
pub(crate) fn writable(
    machine: &mut dyn Machine,
    work: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    machine.run(MOUNT, &["-o", "remount,rw", FIRMWARE])?;
    let done = work();
    let closed = machine.run(MOUNT, &["-o", "remount,ro", FIRMWARE]);
    done.and(closed)
}

/// FAT knows no modes, and its folder is synced with the file system.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}
