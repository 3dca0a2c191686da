//! Where the queue stands, once a second on disk: the account, and what is settled.
//!
//! Two files are written in turn, each with a sum, so that a write that a power cut tears, a file that is lost or a
//! block that cannot be read leaves the one before. The text is JSON, for a person who looks into it. An old
//! bookmark costs doubles, never a message: what it does not know as settled is sent again. Damage to a file
//! is said, and what then is missing (it was sent, mostly) is counted as [`Unknown`](Reason::Unknown).

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use super::disk::{Disk, Tape};
use crate::outbox::Reason;

/// The files' names.
pub(super) const NAMES: [&str; 2] = ["bookmark", "bookmark-2"];
const SLOT: usize = 512;

/// What is known about messages that are no longer, or not yet, in the segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Rises with each bookmark.
    pub edition: u64,
    /// The order of the next message: all that were ever accepted have a lower one.
    pub next: u64,
    /// Messages accepted since the queue exists.
    pub accepted: u64,
    /// Messages acknowledged by the peer.
    pub sent: u64,
    /// Messages dropped, in the order of [`Reason::ALL`]; older bookmarks have fewer reasons.
    #[serde(deserialize_with = "reasons")]
    pub dropped: [u64; Reason::ALL.len()],
    /// Per lane: what has a lower order is settled.
    pub heads: [u64; 2],
    /// How long the queue has been running, in seconds.
    pub second: u32,
}

fn reasons<'de, D: Deserializer<'de>>(from: D) -> Result<[u64; Reason::ALL.len()], D::Error> {
    let mut found = Vec::<u64>::deserialize(from)?;
    found.resize(Reason::ALL.len(), 0);
    found
        .try_into()
        .map_err(|_| serde::de::Error::custom("reasons"))
}

/// The two files.
#[derive(Debug)]
pub(super) struct Bookmark {
    tapes: [Arc<dyn Tape>; 2],
    edition: u64,
    /// Files that have something in them, and no sound slot.
    damaged: Vec<&'static str>,
}

impl Bookmark {
    /// Opens them and reads the newest sound slot, if there is one. A first file with two slots is how it was before.
    pub(super) fn open(disk: &dyn Disk) -> io::Result<(Self, Option<Place>)> {
        let tapes = [disk.open(NAMES[0])?, disk.open(NAMES[1])?];
        let (mut newest, mut damaged): (Option<Place>, _) = (None, Vec::new());
        for (tape, name) in tapes.iter().zip(NAMES) {
            let slots = (0..2).filter_map(|slot| read(&**tape, slot));
            let place = slots.max_by_key(|place| place.edition);
            if place.is_none() && !matches!(tape.read(0, &mut [0]), Ok(0)) {
                damaged.push(name);
            }
            newest = newest
                .into_iter()
                .chain(place)
                .max_by_key(|place| place.edition);
        }
        let bookmark = Self {
            tapes,
            edition: newest.as_ref().map_or(0, |place| place.edition),
            damaged,
        };
        Ok((bookmark, newest))
    }

    /// The files that were damaged when they were opened.
    pub(super) fn damaged(&self) -> &[&'static str] {
        &self.damaged
    }

    /// Writes `place` over the older one; it survives a crash of the daemon at once, and a power
    /// cut after a sync. Gives the number of bytes written.
    pub(super) fn write(&mut self, place: Place) -> io::Result<usize> {
        let edition = self.edition + 1;
        let text = serde_json::to_string(&Place { edition, ..place }).map_err(io::Error::other)?;
        let mut slot = format!("{text:<width$}\n", width = SLOT - 10);
        slot.insert_str(0, &format!("{:08x} ", crc32fast::hash(slot.as_bytes())));
        self.tape(edition).write(0, slot.as_bytes())?;
        self.edition = edition;
        Ok(slot.len())
    }

    /// What has to be synced: the one written last.
    pub(super) fn newest(&self) -> Arc<dyn Tape> {
        Arc::clone(self.tape(self.edition))
    }

    fn tape(&self, edition: u64) -> &Arc<dyn Tape> {
        &self.tapes[usize::from(edition % 2 == 1)]
    }
}

fn read(tape: &dyn Tape, slot: u64) -> Option<Place> {
    let mut bytes = [0; SLOT];
    if tape.read(slot * SLOT as u64, &mut bytes).ok()? != SLOT {
        return None;
    }
    parse(&bytes)
}

fn parse(slot: &[u8]) -> Option<Place> {
    let (sum, text) = std::str::from_utf8(slot).ok()?.split_once(' ')?;
    let sound = u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(text.as_bytes());
    sound.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::disk::Folder;

    fn place(sent: u64) -> Place {
        Place {
            sent,
            next: u64::MAX,
            accepted: u64::MAX,
            dropped: [u64::MAX; Reason::ALL.len()],
            heads: [u64::MAX; 2],
            second: u32::MAX,
            ..Place::default()
        }
    }

    #[test]
    fn the_newest_sound_slot_counts() {
        let home = tempfile::tempdir().unwrap();
        let disk = Folder::open(home.path()).unwrap();
        let (mut bookmark, none) = Bookmark::open(&disk).unwrap();
        assert_eq!(none, None);
        for sent in 1..=3 {
            assert_eq!(bookmark.write(place(sent)).unwrap(), SLOT);
        }
        assert_eq!(Bookmark::open(&disk).unwrap().1.unwrap().sent, 3);
        // The third edition stands in the second file: tear it.
        disk.open(NAMES[1]).unwrap().write(100, b"#").unwrap();
        let (_, older) = Bookmark::open(&disk).unwrap();
        assert_eq!(
            (older.as_ref().unwrap().sent, older.unwrap().edition),
            (2, 2)
        );
    }

    #[test]
    fn damage_at_any_byte_leaves_the_other_file() {
        let home = tempfile::tempdir().unwrap();
        let disk = Folder::open(home.path()).unwrap();
        let (mut bookmark, _) = Bookmark::open(&disk).unwrap();
        bookmark.write(place(1)).unwrap();
        bookmark.write(place(2)).unwrap();
        for (name, left) in NAMES.into_iter().zip([1, 2]) {
            let tape = disk.open(name).unwrap();
            let sound = super::super::disk::whole(&*tape).unwrap();
            for at in 0..sound.len() {
                tape.write(at as u64, &[sound[at] ^ 1]).unwrap();
                let sent = Bookmark::open(&disk).unwrap().1.unwrap().sent;
                assert_eq!(sent, left, "byte {at} of {name}");
                tape.write(at as u64, &sound[at..=at]).unwrap();
            }
            disk.remove(name).unwrap();
            let sent = Bookmark::open(&disk).unwrap().1.unwrap().sent;
            assert_eq!(sent, left, "without {name}");
            disk.open(name).unwrap().write(0, &sound).unwrap();
        }
    }

    #[test]
    fn one_file_with_two_slots_and_fewer_reasons_is_read() {
        let home = tempfile::tempdir().unwrap();
        let disk = Folder::open(home.path()).unwrap();
        for edition in [6, 7] {
            let text = format!(
                r#"{{"edition":{edition},"next":9,"accepted":9,"sent":{edition},"dropped":[1,0,0,0,1],"heads":[9,9],"second":3}}"#
            );
            let mut slot = format!("{text:<width$}\n", width = SLOT - 10);
            slot.insert_str(0, &format!("{:08x} ", crc32fast::hash(slot.as_bytes())));
            let tape = disk.open(NAMES[0]).unwrap();
            tape.write((edition % 2) * SLOT as u64, slot.as_bytes())
                .unwrap();
        }
        let (mut bookmark, found) = Bookmark::open(&disk).unwrap();
        let found = found.unwrap();
        assert_eq!((found.sent, found.dropped), (7, [1, 0, 0, 0, 1, 0]));
        bookmark.write(place(8)).unwrap();
        assert_eq!(Bookmark::open(&disk).unwrap().1.unwrap().sent, 8);
    }

    #[test]
    fn any_damage_to_the_file_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "bookmark", |bytes| {
            bytes.chunks(SLOT).filter_map(parse).count();
        });
    }
}
