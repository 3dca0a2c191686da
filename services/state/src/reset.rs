//! The factory reset: in the initial RAM disk, before anything of the state is in use.
//!
//! The order (`vigla_act::reset::ORDER`) goes last, so that a power cut in the middle means that the next start goes
//! on. It goes even when something could not be removed: a node that forgets at each start would be worse.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vigla_act::Places;
use vigla_act::reset::ORDER;

/// Below the root, where the initial RAM disk keeps what outlives the slots.
const STATE: &str = "data/state";

/// What a reset keeps, by its path on the node. The card's own files and both slots are elsewhere; so is what RAUC
/// knows of the slots (`/data/rauc`).
const KEPT: [&str; 4] = [
    // The version floor, what passed the mission gate, the history.
    "var/lib/vigla/updater/state.json",
    "var/lib/vigla/updater/trial",
    // Which version wrote them.
    "var/lib/vigla/state/versions.json",
    // A clock that goes back would find certificates that are not valid yet.
    "var/lib/systemd/timesync/clock",
];

/// What becomes of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept,
    /// A folder with something in it that stays.
    Holds,
    /// It goes, with all in it.
    Lost,
}

/// Decides it for `path`, below `/` without a slash at its beginning.
#[must_use]
pub fn fate(path: &Path) -> Fate {
    if KEPT.iter().any(|kept| path == Path::new(kept)) {
        Fate::Kept
    } else if KEPT.iter().any(|kept| Path::new(kept).starts_with(path)) {
        Fate::Holds
    } else {
        Fate::Lost
    }
}

/// What a reset came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Who asked: `page`, `viglactl` or `card`; harmless text.
    pub by: String,
    /// What could not be removed, and why.
    pub left: Vec<String>,
}

impl Outcome {
    /// For the owner.
    #[must_use]
    pub fn text(&self) -> String {
        let by = match self.by.as_str() {
            "card" => "the file `reset` on the card",
            "page" => "the page",
            _ => "`viglactl reset`",
        };
        let mut text = format!("This node was reset, as {by} asked.");
        for left in &self.left {
            text.push_str("\nnot removed: ");
            text.push_str(left);
        }
        text
    }
}

/// Carries an order out; `None` when there is none.
#[must_use]
pub fn carry_out(places: &Places) -> Option<Outcome> {
    let order = places.at(ORDER);
    let by = fs::read_to_string(&order).ok()?;
    let mut left = Vec::new();
    let state = places.at(STATE);
    clear(&state, &state, &mut left);
    // What was removed must not come back when the order is gone.
    nix::unistd::sync();
    let gone = fs::remove_file(&order).and_then(|()| synced(&order));
    if let Err(error) = gone {
        left.push(format!("the order `{}`: {error}", order.display()));
    }
    let by = by.trim().to_owned();
    Some(Outcome { by, left })
}

fn synced(path: &Path) -> io::Result<()> {
    fs::File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// Removes what is in `folder` and not kept.
fn clear(folder: &Path, state: &Path, left: &mut Vec<String>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return left.push(format!("`{}`: {error}", folder.display())),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name: PathBuf = path.strip_prefix(state).unwrap_or(&path).into();
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match fate(&name) {
            Fate::Kept if !folder => {}
            Fate::Holds if folder => clear(&path, state, left),
            _ => {
                // Neither follows a link.
                let gone = if folder {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                if let Err(error) = gone {
                    left.push(format!("`/{}`: {error}", name.display()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_guards_the_node_stays() {
        for (path, expected) in [
            ("etc", Fate::Lost),
            ("etc/upper/machine-id", Fate::Lost),
            ("var", Fate::Holds),
            ("var/lib/vigla", Fate::Holds),
            ("var/lib/vigla/gateway", Fate::Lost),
            ("var/lib/vigla/updater", Fate::Holds),
            ("var/lib/vigla/updater/state.json", Fate::Kept),
            ("var/lib/vigla/updater/state.json.bad", Fate::Lost),
            ("var/lib/vigla/updater/download", Fate::Lost),
            ("var/lib/vigla/state/gateway-1.json", Fate::Lost),
            ("var/lib/rancher", Fate::Lost),
            ("var/log", Fate::Lost),
        ] {
            assert_eq!(fate(Path::new(path)), expected, "{path}");
        }
    }
}
