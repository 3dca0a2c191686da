//! Where the queue stands, once a second on disk: the account, and what is settled.
//!
//! Two slots of one file are written in turn, each with a sum, so that a write that a power cut
//! tears leaves the one before. The text in a slot is JSON, for a person who looks into it. An old
//! bookmark costs doubles, never a message: what it does not know as settled is sent again.

use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, Tape};
use crate::outbox::Reason;

/// The file's name.
pub(super) const NAME: &str = "bookmark";
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
    /// Messages dropped, in the order of [`Reason::ALL`].
    pub dropped: [u64; Reason::ALL.len()],
    /// Per lane: what has a lower order is settled.
    pub heads: [u64; 2],
    /// How long the queue has been running, in seconds.
    pub second: u32,
}

/// The file with the two slots.
#[derive(Debug)]
pub(super) struct Bookmark {
    tape: Arc<dyn Tape>,
    edition: u64,
}

impl Bookmark {
    /// Opens it and reads the newest sound slot, if there is one.
    pub(super) fn open(disk: &dyn Disk) -> io::Result<(Self, Option<Place>)> {
        let tape = disk.open(NAME)?;
        let place = (0..2)
            .filter_map(|slot| read(&*tape, slot))
            .max_by_key(|place| place.edition);
        let edition = place.as_ref().map_or(0, |place| place.edition);
        Ok((Self { tape, edition }, place))
    }

    /// Writes `place` over the older slot; it survives a crash of the daemon at once, and a power
    /// cut after a sync. Gives the number of bytes written.
    pub(super) fn write(&mut self, place: Place) -> io::Result<usize> {
        let edition = self.edition + 1;
        let text = serde_json::to_string(&Place { edition, ..place }).map_err(io::Error::other)?;
        let mut slot = format!("{text:<width$}\n", width = SLOT - 10);
        slot.insert_str(0, &format!("{:08x} ", crc32fast::hash(slot.as_bytes())));
        self.tape
            .write((edition % 2) * SLOT as u64, slot.as_bytes())?;
        self.edition = edition;
        Ok(slot.len())
    }

    /// What has to be synced.
    pub(super) fn tape(&self) -> Arc<dyn Tape> {
        Arc::clone(&self.tape)
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
        // The third edition stands in the second slot: tear it.
        disk.open(NAME)
            .unwrap()
            .write(SLOT as u64 + 100, b"#")
            .unwrap();
        let (_, older) = Bookmark::open(&disk).unwrap();
        assert_eq!(
            (older.as_ref().unwrap().sent, older.unwrap().edition),
            (2, 2)
        );
    }

    #[test]
    fn damage_at_any_byte_leaves_the_other_slot() {
        let home = tempfile::tempdir().unwrap();
        let disk = Folder::open(home.path()).unwrap();
        let (mut bookmark, _) = Bookmark::open(&disk).unwrap();
        bookmark.write(place(1)).unwrap();
        bookmark.write(place(2)).unwrap();
        let tape = disk.open(NAME).unwrap();
        let sound = super::super::disk::whole(&*tape).unwrap();
        for at in 0..sound.len() {
            tape.write(at as u64, &[sound[at] ^ 1]).unwrap();
            let sent = Bookmark::open(&disk).unwrap().1.unwrap().sent;
            assert_eq!(sent, if at < SLOT { 1 } else { 2 }, "byte {at}");
            tape.write(at as u64, &sound[at..=at]).unwrap();
        }
    }

    #[test]
    fn any_damage_to_the_file_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "bookmark", |bytes| {
            bytes.chunks(SLOT).filter_map(parse).count();
        });
    }
}
