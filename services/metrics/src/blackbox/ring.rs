//! The file: a head and sixty slots of 256 bytes, each with a sum of its own. A slot that was half written is left out.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::Second;

/// Seconds that are kept.
pub const SLOTS: u32 = 60;
/// Bytes of a slot: eight digits of CRC-32, a blank, JSON, blanks.
const SLOT: usize = 256;
const SUM: usize = 9;

/// A ring that is being written.
#[derive(Debug)]
pub struct Ring {
    file: File,
    next: u32,
}

/// What was read from a ring.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The boot in which it was written.
    pub boot_id: String,
    /// Oldest first.
    pub seconds: Vec<Second>,
}

impl Ring {
    /// Begins a new ring at `path`.
    pub fn create(path: &Path, boot_id: &str) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all_at(&slot(boot_id), 0)?;
        Ok(Self { file, next: 0 })
    }

    /// Writes the next second over the oldest one. Notes that do not fit are left out, last ones first.
    pub fn write(&mut self, second: &Second) -> io::Result<()> {
        let mut second = second.clone();
        let mut text = serde_json::to_string(&second)?;
        while text.len() > SLOT - SUM - 1 && second.notes.pop().is_some() {
            text = serde_json::to_string(&second)?;
        }
        let at = (u64::from(self.next % SLOTS) + 1) * SLOT as u64;
        self.next = (self.next + 1) % SLOTS;
        self.file.write_all_at(&slot(&text), at)
    }
}

fn slot(text: &str) -> Vec<u8> {
    let mut body = format!("{text:<width$}\n", width = SLOT - SUM - 1);
    body.insert_str(0, &format!("{:08x} ", crc32fast::hash(body.as_bytes())));
    body.into_bytes()
}

/// The text of a whole slot.
fn sound(slot: &[u8]) -> Option<&str> {
    let (sum, body) = std::str::from_utf8(slot).ok()?.split_at_checked(SUM)?;
    let sum = u32::from_str_radix(sum.trim_end(), 16).ok()?;
    (sum == crc32fast::hash(body.as_bytes())).then(|| body.trim_end())
}

/// The ring at `path`; `None` when there is none, or nothing in it is sound.
#[must_use]
pub fn read(path: &Path) -> Option<Found> {
    parse(&std::fs::read(path).ok()?)
}

/// The ring in `bytes`.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Found> {
    let mut slots = bytes.chunks(SLOT);
    let boot_id = slots.next().and_then(sound)?.to_owned();
    let texts = slots.take(SLOTS as usize).filter_map(sound);
    let mut seconds: Vec<Second> = texts
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect();
    seconds.sort_by_key(|second| second.mono_usec.max(second.time_usec));
    Some(Found { boot_id, seconds })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring");
        let mut ring = Ring::create(&path, "boot").unwrap();
        let notes = vec!["short".to_owned(), "x".repeat(400)];
        ring.write(&Second {
            time_usec: 1,
            notes,
            ..Second::default()
        })
        .unwrap();
        let found = read(&path).unwrap();
        assert_eq!(found.boot_id, "boot");
        assert_eq!(found.seconds[0].notes, ["short"]);
    }

    proptest! {
        #[test]
        fn damage_costs_a_slot_and_no_more(at in 0usize..61 * SLOT, value in any::<u8>(), end in 0usize..61 * SLOT) {
            let mut bytes = slot("boot");
            for i in 1..=60 {
                let text = serde_json::to_string(&Second { time_usec: i, ..Second::default() }).unwrap();
                bytes.extend(slot(&text));
            }
            bytes[at] = value;
            let left = parse(&bytes).map_or(0, |found| found.seconds.len());
            prop_assert!(left >= 59 || at < SLOT);
            bytes.truncate(end);
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn any_damage_to_the_file_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "blackbox", |bytes| {
            let found = parse(bytes).map_or(0, |found| found.seconds.len());
            assert!(found <= SLOTS as usize);
        });
    }
}
