//! A file `reset` on the card: whoever can put it there may have the node forget everything.
//!
//! It is removed first, and only when it is gone the reset is ordered: a file that stays would reset the node at each
//! start. What came of it is in `/run/vigla/reset`, for the report: here only why it was not done; that it
//! was done is written there by the next start.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use vigla_act::{Places, file, reset};

use crate::machine::Machine;
use crate::report::writable;

/// What the file is called; editors of Windows add an ending that they then do not show.
const NAMES: [&str; 2] = ["reset", "reset.txt"];
/// What is said of the last reset, below the root.
pub const SAID: &str = "run/vigla/reset";
const FIRMWARE: &str = "boot/firmware";
const SYSTEMCTL: &str = "/usr/bin/systemctl";

/// What is to be done about the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is none.
    Nothing,
    /// All of them are gone: order it.
    Order,
    /// One is still there: leave the node as it is.
    Refuse,
}

/// Decides it: how many files were found, and how many of them are still there after their removal.
#[must_use]
pub const fn next(found: usize, left: usize) -> Next {
    match (found, left) {
        (0, _) => Next::Nothing,
        (_, 0) => Next::Order,
        _ => Next::Refuse,
    }
}

/// Looks for the file, removes it, orders the reset and the restart. Says whether it was ordered.
///
/// # Errors
///
/// It cannot be ordered, or the restart cannot be asked for. The file is gone then.
pub fn look(places: &Places, machine: &mut dyn Machine) -> io::Result<bool> {
    let found = there(places);
    if !found.is_empty() {
        // What comes of it is seen by looking again.
        let _ = writable(machine, || remove(&found));
    }
    match next(found.len(), there(places).len()) {
        Next::Nothing => Ok(false),
        Next::Order => {
            let ordered = reset::order(places, "card");
            ordered.inspect_err(|error| {
                say(places, &format!("the order cannot be written: {error}"));
            })?;
            machine.run(SYSTEMCTL, &["--no-block", "reboot"])?;
            Ok(true)
        }
        Next::Refuse => {
            say(places, "the file `reset` on the card cannot be removed");
            Ok(false)
        }
    }
}

fn there(places: &Places) -> Vec<PathBuf> {
    let folder = places.at(FIRMWARE);
    let all = NAMES.map(|name| folder.join(name)).into_iter();
    all.filter(|path| fs::symlink_metadata(path).is_ok())
        .collect()
}

fn remove(files: &[PathBuf]) -> io::Result<()> {
    for path in files {
        fs::remove_file(path)?;
    }
    let folder = files.first().and_then(|path| path.parent());
    File::open(folder.unwrap_or(Path::new("/")))?.sync_all()
}

fn say(places: &Places, why: &str) {
    let text = format!("This node was not reset: {why}.\n");
    // Nobody else can be told.
    let _ = file::replace(&places.at(SAID), text.as_bytes(), 0o644);
}
