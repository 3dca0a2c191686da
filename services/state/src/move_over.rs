//! Bringing the state of each service to the version of this slot, and back.
//!
//! Whatever is changed is copied first, and a stamp says that a change is under way: after a power cut in the
//! middle the next start, of whichever slot, begins again with the copy.

use std::io;

use vigla_act::Places;

use crate::folder;
use crate::stamps::{Stamp, Stamps};
use crate::steps::{self, Files, NOUNS, Step};

/// What was done, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Sentences without an end.
    pub done: Vec<String>,
    /// Likewise.
    pub troubles: Vec<String>,
}

/// What has to be done with the files of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They are as this slot wants them.
    Stay,
    /// They are of an older version.
    Forward(u32),
    /// A newer slot ran in between.
    Back(u32),
}

/// Decides it. `stamp` is the version that was written down, `there` whether there is a state folder: one
/// without a stamp is from before there were stamps.
#[must_use]
pub fn way(stamp: Option<u32>, there: bool, ours: u32) -> Way {
    let found = if there { stamp.unwrap_or(1) } else { ours };
    match found.cmp(&ours) {
        std::cmp::Ordering::Less => Way::Forward(found),
        std::cmp::Ordering::Equal => Way::Stay,
        std::cmp::Ordering::Greater => Way::Back(found),
    }
}

/// Brings the files of every service to the version of this slot, before any of them starts.
#[must_use]
pub fn enter(places: &Places, steps: &[Step]) -> Said {
    let (mut said, mut stamps) = (Said::default(), Stamps::load(places));
    for noun in NOUNS {
        let ours = steps::version(steps, noun);
        match arrive(noun, ours, places, steps, &mut stamps) {
            Ok(Way::Stay) => {}
            Ok(Way::Forward(from) | Way::Back(from)) => said.done.push(format!(
                "the state of `{noun}` went from version {from} to {ours}"
            )),
            Err(why) => said
                .troubles
                .push(format!("the state of `{noun}` stays as it is: {why}")),
        }
    }
    said
}

/// Puts the files of every service beside as each version before wants them, after all of them have ended.
#[must_use]
pub fn leave(places: &Places, steps: &[Step]) -> Said {
    let mut said = Said::default();
    for noun in NOUNS {
        let ours = steps::version(steps, noun);
        for before in 1..ours {
            if let Err(why) = put_beside(noun, (ours, before), places, steps) {
                said.troubles.push(format!(
                    "the state of `{noun}` is not put beside for version {before}: {why}"
                ));
            }
        }
    }
    said
}

fn arrive(
    noun: &str,
    ours: u32,
    places: &Places,
    steps: &[Step],
    stamps: &mut Stamps,
) -> Result<Way, String> {
    let home = folder::of(noun, places);
    let stamp = stamps.get(noun);
    let way = way(stamp.map(|stamp| stamp.version), home.is_dir(), ours);
    let broken_off = stamp.filter(|stamp| stamp.moving_to.is_some() && home.is_dir());
    if let Some(stamp) = broken_off {
        let copy = folder::copy(noun, stamp.version, places).map_err(|error| unread(&error))?;
        let copy = copy.ok_or("a change of it was broken off, and there is no copy")?;
        folder::write(&home, &copy).map_err(|error| unwritten(&error))?;
    }
    let mut mark = |version, moving_to| {
        let stamp = Stamp { version, moving_to };
        stamps
            .set(noun, stamp, places)
            .map_err(|error| unwritten(&error))
    };
    let (from, now, then) = match way {
        Way::Stay => return mark(ours, None).map(|()| way),
        Way::Forward(from) => {
            let now =
                folder::read(&home, &steps::files(steps, noun)).map_err(|error| unread(&error))?;
            let then = walked(steps, noun, (from, ours), &now)?;
            (from, now, then)
        }
        Way::Back(from) => {
            let copy = folder::copy(noun, ours, places).map_err(|error| unread(&error))?;
            let then = copy
                .ok_or_else(|| format!("it has version {from}, and there is no copy of {ours}"))?;
            let names: Vec<&str> = then.keys().map(String::as_str).collect();
            let now = folder::read(&home, &names).map_err(|error| unread(&error))?;
            (from, now, then)
        }
    };
    folder::keep(noun, from, places, &now).map_err(|error| unwritten(&error))?;
    mark(from, Some(ours))?;
    folder::write(&home, &then).map_err(|error| unwritten(&error))?;
    mark(ours, None)?;
    Ok(way)
}

fn put_beside(noun: &str, way: (u32, u32), places: &Places, steps: &[Step]) -> Result<(), String> {
    let home = folder::of(noun, places);
    let stamp = Stamps::load(places).get(noun);
    // What `enter` could not bring to our version is not in it.
    if !home.is_dir() || stamp.map(|stamp| stamp.version) != Some(way.0) {
        return Ok(());
    }
    let now = folder::read(&home, &steps::files(steps, noun)).map_err(|error| unread(&error))?;
    let then = walked(steps, noun, way, &now)?;
    folder::keep(noun, way.1, places, &then).map_err(|error| unwritten(&error))
}

/// The files after all steps of a way; those that no step answers with are not to be there.
fn walked(steps: &[Step], noun: &str, way: (u32, u32), now: &Files) -> Result<Files, String> {
    let there = now
        .iter()
        .filter_map(|(name, bytes)| Some((name.clone(), bytes.clone()?)));
    let then = steps::walk(steps, noun, way, there.collect())?;
    let named = now
        .keys()
        .map(|name| (name.clone(), then.get(name).cloned()));
    Ok(named.collect())
}

fn unread(error: &io::Error) -> String {
    format!("cannot read it: {error}")
}

fn unwritten(error: &io::Error) -> String {
    format!("cannot write it: {error}")
}
