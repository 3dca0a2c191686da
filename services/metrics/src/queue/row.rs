//! The segment files of one lane, in a row: written at one end, finished anywhere.
//!
//! In memory stands one line per segment, so a long queue costs no more than a short one. A finished
//! file is only named here; the queue removes it after it has written down why.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use super::disk::{Disk, Tape, whole};
use super::record;
use crate::outbox::Worth;

/// A file of the lane, and what is left in it.
#[derive(Debug)]
pub(super) struct Segment {
    /// Order of its first message; the records count from here.
    pub(super) base: u64,
    pub(super) tape: Arc<dyn Tape>,
    pub(super) bytes: u64,
    /// Messages that are neither settled nor dropped, lent ones included.
    pub(super) pending: u64,
    /// Of these, those that the reader has yet to come to.
    pub(super) unread: u64,
    /// Second of the newest message.
    pub(super) newest: u32,
    /// Second of the first message that was pending when nothing before it was.
    pub(super) oldest: u32,
}

/// What opening a lane has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Sound messages that are not settled.
    pub(super) pending: u64,
    /// One more than the highest order, or 0.
    pub(super) next: u64,
    /// Newest second.
    pub(super) newest: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Row {
    worth: Worth,
    segments: VecDeque<Segment>,
    /// Sums over the segments.
    bytes: u64,
    pending: u64,
    /// The last segment is ours to write to; those found when the queue was opened are not.
    writable: bool,
    finished: Vec<String>,
    /// Written to since they were asked for last.
    unsynced: BTreeMap<u64, Arc<dyn Tape>>,
}

const fn letter(worth: Worth) -> char {
    match worth {
        Worth::Sample => 's',
        Worth::Event => 'e',
    }
}

fn name(worth: Worth, base: u64) -> String {
    format!("{}{base:016x}", letter(worth))
}

fn base_of(worth: Worth, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(letter(worth))?;
    (digits.len() == 16)
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

impl Row {
    /// Finds every sound record with an order of at least `head`.
    pub(super) fn open(
        disk: &dyn Disk,
        worth: Worth,
        head: u64,
        largest: usize,
    ) -> io::Result<(Self, Found)> {
        let names = disk.names()?;
        let mut bases: Vec<u64> = names
            .iter()
            .filter_map(|name| base_of(worth, name))
            .collect();
        bases.sort_unstable();
        let mut row = Self {
            worth,
            segments: VecDeque::new(),
            bytes: 0,
            pending: 0,
            writable: false,
            finished: Vec::new(),
            unsynced: BTreeMap::new(),
        };
        let mut found = Found::default();
        for base in bases {
            let tape = disk.open(&name(worth, base))?;
            row.take_in(base, tape, head, largest, &mut found)?;
        }
        Ok((row, found))
    }

    fn take_in(
        &mut self,
        base: u64,
        tape: Arc<dyn Tape>,
        head: u64,
        largest: usize,
        found: &mut Found,
    ) -> io::Result<()> {
        let bytes = whole(&*tape)?;
        let (mut pending, mut newest, mut oldest) = (0, 0, None);
        for (_, record) in record::all(&bytes, largest) {
            let order = base + u64::from(record.order);
            found.next = found.next.max(order + 1);
            newest = record.second.max(newest);
            if order >= head {
                pending += 1;
                oldest.get_or_insert(record.second);
            }
        }
        found.newest = found.newest.max(newest);
        found.pending += pending;
        let bytes = bytes.len() as u64;
        self.bytes += bytes;
        self.pending += pending;
        self.segments.push_back(Segment {
            base,
            tape,
            bytes,
            pending,
            unread: pending,
            newest,
            oldest: oldest.unwrap_or(newest),
        });
        if pending == 0 {
            self.finish(self.segments.len() - 1);
        }
        Ok(())
    }

    /// Bytes on disk.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Messages that are neither settled nor dropped.
    pub(super) const fn pending(&self) -> u64 {
        self.pending
    }

    /// The segments, oldest first.
    pub(super) const fn segments(&self) -> &VecDeque<Segment> {
        &self.segments
    }

    /// Index of the segment with this base.
    pub(super) fn position(&self, base: u64) -> Option<usize> {
        self.segments
            .binary_search_by_key(&base, |segment| segment.base)
            .ok()
    }

    /// Where the next bytes go, the base of that segment and the offset; a new one when the last has
    /// `most` bytes.
    pub(super) fn room(
        &mut self,
        disk: &dyn Disk,
        order: u64,
        most: u64,
    ) -> io::Result<(Arc<dyn Tape>, u64, u64)> {
        let fits = |segment: &&Segment| {
            segment.bytes < most && order - segment.base < u64::from(u32::MAX / 2)
        };
        if let Some(segment) = self.segments.back().filter(|_| self.writable).filter(fits) {
            return Ok((Arc::clone(&segment.tape), segment.base, segment.bytes));
        }
        let tape = disk.open(&name(self.worth, order))?;
        disk.sync()?;
        let segment = Segment {
            base: order,
            tape: Arc::clone(&tape),
            bytes: 0,
            pending: 0,
            unread: 0,
            newest: 0,
            oldest: 0,
        };
        self.segments.push_back(segment);
        self.writable = true;
        Ok((tape, order, 0))
    }

    /// What was written to the last segment counts from now on.
    pub(super) fn wrote(&mut self, messages: u64, bytes: u64, second: u32) {
        let Some(segment) = self.segments.back_mut() else {
            return;
        };
        self.pending += messages;
        self.bytes += bytes;
        if segment.pending == 0 {
            segment.oldest = second;
        }
        segment.pending += messages;
        segment.unread += messages;
        segment.bytes += bytes;
        segment.newest = second;
        self.unsynced
            .entry(segment.base)
            .or_insert_with(|| Arc::clone(&segment.tape));
    }

    /// The reader has come to a message of the segment, or back before it.
    pub(super) fn read(&mut self, base: u64, back: bool) {
        let Some(index) = self.position(base) else {
            return;
        };
        let unread = &mut self.segments[index].unread;
        *unread = if back {
            *unread + 1
        } else {
            unread.saturating_sub(1)
        };
    }

    /// A message of the segment at `index` is settled or dropped.
    pub(super) fn ended(&mut self, index: usize) {
        self.segments[index].pending -= 1;
        self.pending -= 1;
    }

    /// The reader has seen all of the segment: what is unread is damaged. Gives how many.
    pub(super) fn read_out(&mut self, index: usize) -> u64 {
        let segment = &mut self.segments[index];
        let lost = std::mem::take(&mut segment.unread);
        segment.pending -= lost;
        self.pending -= lost;
        lost
    }

    /// True when nothing is left in the segment and nobody writes there.
    pub(super) fn is_done(&self, index: usize) -> bool {
        let last = index + 1 == self.segments.len();
        self.segments[index].pending == 0 && !(last && self.writable)
    }

    /// Takes the segment out of the row, with everything in it.
    pub(super) fn finish(&mut self, index: usize) -> Option<Segment> {
        let segment = self.segments.remove(index)?;
        self.bytes -= segment.bytes;
        self.pending -= segment.pending;
        self.writable &= index < self.segments.len();
        self.finished.push(name(self.worth, segment.base));
        Some(segment)
    }

    /// Names of files in which nothing is left, to be removed now.
    pub(super) fn take_finished(&mut self) -> Vec<String> {
        std::mem::take(&mut self.finished)
    }

    /// Files that could not be removed, of whatever lane.
    pub(super) fn finish_later(&mut self, names: Vec<String>) {
        self.finished.extend(names);
    }

    /// The files that were written to since the last call.
    pub(super) fn take_unsynced(&mut self) -> BTreeMap<u64, Arc<dyn Tape>> {
        std::mem::take(&mut self.unsynced)
    }
}
