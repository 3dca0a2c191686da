//! Every write of a running card, in order, and the card as it was after any number of them: a power
//! cut at each place, without booting for each.
//!
//! QEMU's `blklogwrites` records in the format of the kernel's dm-log-writes
//! (Documentation/admin-guide/device-mapper/log-writes.rst): a super block, then for each write an entry
//! of one sector and the data. Numbers are little-endian.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Context as _;

const MAGIC: u64 = 0x006a_7366_7773_6872;
const SECTOR: u64 = 512;
const DISCARD: u64 = 1 << 2;
/// A write is at most so large; more is a damaged log.
const LARGEST: u64 = 64 << 20;

/// The log of a card.
#[derive(Debug)]
pub struct Writes {
    log: File,
    left: u64,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where, in bytes.
    pub at: u64,
    /// What; `None` for a discard, whose bytes may be anything.
    pub data: Option<Vec<u8>>,
}

impl Writes {
    /// Opens a log that nobody writes to any more.
    ///
    /// # Errors
    /// When it is no log, or of other sectors than 512 bytes.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut log = File::open(path).with_context(|| format!("open `{}`", path.display()))?;
        let mut head = [0; 28];
        log.read_exact(&mut head)?;
        let sector = u32::from_le_bytes([head[24], head[25], head[26], head[27]]);
        anyhow::ensure!(
            number(&head, 0) == MAGIC && u64::from(sector) == SECTOR,
            "`{}` is no log of writes in sectors of {SECTOR} bytes",
            path.display()
        );
        log.seek(SeekFrom::Start(SECTOR))?;
        let left = number(&head, 2);
        Ok(Self { log, left })
    }

    /// How many are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    fn take(&mut self) -> io::Result<Write> {
        let mut entry = [0; 512];
        self.log.read_exact(&mut entry)?;
        let at = number(&entry, 0) * SECTOR;
        let length = number(&entry, 1) * SECTOR;
        if number(&entry, 2) & DISCARD != 0 {
            return Ok(Write { at, data: None });
        }
        if length > LARGEST {
            let text = format!("a write of {length} bytes at {at}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut data = Vec::new();
        (&self.log).take(length).read_to_end(&mut data)?;
        Ok(Write {
            at,
            data: Some(data),
        })
    }

    /// Which bytes each of the writes that are left touches, in their order.
    ///
    /// # Errors
    /// When the log ends in the middle of one.
    pub fn places(mut self) -> io::Result<Vec<Range<u64>>> {
        let mut places = Vec::new();
        for _ in 0..self.left {
            let write = self.take()?;
            let length = write.data.map_or(0, |data| data.len() as u64);
            places.push(write.at..write.at + length);
        }
        Ok(places)
    }

    /// Does the next `count` of them to `card`; how many there were.
    ///
    /// # Errors
    /// When the log ends in the middle of one, or the card cannot be written.
    pub fn replay(&mut self, card: &File, count: u64) -> io::Result<u64> {
        let count = count.min(self.left);
        for _ in 0..count {
            let write = self.take()?;
            if let Some(data) = write.data {
                card.write_all_at(&data, write.at)?;
            }
            self.left -= 1;
        }
        Ok(count)
    }
}

fn number(bytes: &[u8], index: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[index * 8..index * 8 + 8]);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64, length: u64, flags: u64) -> Vec<u8> {
        let mut entry = [at, length, flags].map(u64::to_le_bytes).concat();
        entry.resize(512, 0);
        entry
    }

    #[test]
    fn a_card_is_what_the_first_writes_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut text = [MAGIC, 1, 3].map(u64::to_le_bytes).concat();
        text.extend(512_u32.to_le_bytes());
        text.resize(512, 0);
        text.extend(entry(1, 1, 0));
        text.extend([7; 512]);
        text.extend(entry(0, 1, DISCARD));
        text.extend(entry(0, 2, 2));
        text.extend([8; 1024]);
        #[allow(clippy::disallowed_methods, reason = "a test's own folder")]
        std::fs::write(&log, text).unwrap();

        let path = folder.path().join("card");
        let card = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        card.set_len(1024).unwrap();
        let mut writes = Writes::open(&log).unwrap();
        assert_eq!(writes.replay(&card, 2).unwrap(), 2);
        let now = std::fs::read(&path).unwrap();
        assert_eq!((now[0], now[512]), (0, 7));
        assert_eq!(writes.replay(&card, 9).unwrap(), 1);
        assert_eq!(std::fs::read(&path).unwrap(), [8; 1024]);
        assert!(Writes::open(&path).is_err());
        let places = Writes::open(&log).unwrap().places().unwrap();
        assert_eq!(places, [512..1024, 0..0, 0..1024]);
    }
}
