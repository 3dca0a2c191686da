//! Reading a segment from front to back, a chunk at a time.

use std::io;

use super::disk::Tape;
use super::record::{HEAD, Parsed, parse};
use crate::outbox::{Message, Worth};

/// Bytes read at once: some dozens of messages.
const CHUNK: usize = 16 << 10;

/// Where the reader stands, and which limits hold there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// Base of the segment, its name.
    pub(super) base: u64,
    /// Offset to read at.
    pub(super) offset: u64,
    /// Where the segment ends.
    pub(super) end: u64,
    /// Longest record in bytes.
    pub(super) largest: usize,
    /// What the lane's messages are worth.
    pub(super) worth: Worth,
}

/// A record that was found.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) offset: u64,
    /// Offset behind it.
    pub(super) after: u64,
    pub(super) order: u64,
    pub(super) second: u32,
    pub(super) message: Message,
}

/// The chunk that was read last.
#[derive(Debug, Default)]
pub(super) struct Window {
    base: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The first sound record at or behind the spot.
    pub(super) fn next(&mut self, tape: &dyn Tape, spot: Spot) -> io::Result<Option<Hit>> {
        let mut offset = spot.offset;
        while offset < spot.end {
            match self.look(tape, spot, offset)? {
                Some(hit) => return Ok(Some(hit)),
                None => offset += 1,
            }
        }
        Ok(None)
    }

    fn look(&mut self, tape: &dyn Tape, spot: Spot, offset: u64) -> io::Result<Option<Hit>> {
        let mut needs = HEAD;
        loop {
            if offset + needs as u64 > spot.end {
                return Ok(None);
            }
            let Some(bytes) = self.from(tape, spot, offset, needs)? else {
                return Ok(None);
            };
            match parse(bytes, spot.largest) {
                Parsed::Needs(more) if more > needs => needs = more,
                Parsed::Sound(record) => {
                    let message = Message {
                        topic: record.topic.to_owned(),
                        payload: record.payload.to_vec(),
                        worth: spot.worth,
                    };
                    let order = spot.base + u64::from(record.order);
                    let after = offset + record.size() as u64;
                    return Ok(Some(Hit {
                        offset,
                        after,
                        order,
                        second: record.second,
                        message,
                    }));
                }
                Parsed::Needs(_) | Parsed::Damaged => return Ok(None),
            }
        }
    }

    /// At least `needs` bytes from `offset` on, if the file has them.
    fn from(
        &mut self,
        tape: &dyn Tape,
        spot: Spot,
        offset: u64,
        needs: usize,
    ) -> io::Result<Option<&[u8]>> {
        let covers = self.base == spot.base
            && offset >= self.start
            && offset + needs as u64 <= self.start + self.bytes.len() as u64;
        if !covers {
            (self.base, self.start) = (spot.base, offset);
            let room = spot.end - offset;
            self.bytes.resize(
                needs
                    .max(CHUNK)
                    .min(usize::try_from(room).unwrap_or(usize::MAX)),
                0,
            );
            let mut got = 0;
            while got < self.bytes.len() {
                match tape.read(offset + got as u64, &mut self.bytes[got..]) {
                    Ok(0) => break,
                    Ok(more) => got += more,
                    Err(error) => {
                        self.bytes.clear();
                        return Err(error);
                    }
                }
            }
            self.bytes.truncate(got);
        }
        let skip = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(skip..).filter(|bytes| bytes.len() >= needs))
    }
}
