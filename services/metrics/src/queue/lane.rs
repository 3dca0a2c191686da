//! All messages of one worth on disk: segments in a row, read from one end, written at the other.
//!
//! A segment is a file of [records](super::record) of at most a few hundred kilobytes. It is finished
//! when everything in it is settled, or dropped whole to make room; the queue removes finished files
//! after it has written down why. In memory stands one line per segment, so a long queue costs no
//! more than a short one. What was lent is remembered by its order until it is settled; when the peer
//! is lost, reading starts again at the oldest one lent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use super::disk::{Disk, Tape, whole};
use super::reading::{Hit, Spot, Window};
use super::record;
use crate::outbox::Worth;

/// A file of the lane, and what is left in it.
#[derive(Debug)]
struct Segment {
    /// Order of its first message; the records count from here.
    base: u64,
    tape: Arc<dyn Tape>,
    bytes: u64,
    /// Messages that are neither settled nor dropped, lent ones included.
    pending: u64,
    /// Of these, those that the reader has yet to come to.
    unread: u64,
    /// Second of the newest message.
    newest: u32,
}

/// Where a lent message lies.
#[derive(Debug, Clone, Copy)]
struct Lent {
    base: u64,
    offset: u64,
}

/// How a message ended while an older one is still lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Sent,
    Dropped,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    worth: Worth,
    largest: usize,
    segments: VecDeque<Segment>,
    /// Sums over the segments.
    bytes: u64,
    pending: u64,
    /// The last segment is ours to write to; those found when the queue was opened are not.
    writable: bool,
    window: Window,
    /// Next to read: base of the segment and offset in it.
    at: (u64, u64),
    /// The reader has come to everything below.
    read_to: u64,
    peeked: Option<Hit>,
    lent: BTreeMap<u64, Lent>,
    ahead: BTreeMap<u64, End>,
    finished: Vec<String>,
    /// Written to since they were asked for last.
    unsynced: BTreeMap<u64, Arc<dyn Tape>>,
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

impl Lane {
    /// Finds what is left of the lane: everything sound with an order of at least `head`.
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
        let mut lane = Self {
            worth,
            largest,
            segments: VecDeque::new(),
            bytes: 0,
            pending: 0,
            writable: false,
            window: Window::default(),
            at: (bases.first().copied().unwrap_or(0), 0),
            read_to: head,
            peeked: None,
            lent: BTreeMap::new(),
            ahead: BTreeMap::new(),
            finished: Vec::new(),
            unsynced: BTreeMap::new(),
        };
        let mut found = Found::default();
        for base in bases {
            lane.take_in(disk, base, &mut found)?;
        }
        lane.at = (lane.segments.front().map_or(0, |segment| segment.base), 0);
        Ok((lane, found))
    }

    fn take_in(&mut self, disk: &dyn Disk, base: u64, found: &mut Found) -> io::Result<()> {
        let tape = disk.open(&name(self.worth, base))?;
        let bytes = whole(&*tape)?;
        let (mut pending, mut newest) = (0, 0);
        for (_, record) in record::all(&bytes, self.largest) {
            let order = base + u64::from(record.order);
            found.next = found.next.max(order + 1);
            newest = record.second.max(newest);
            pending += u64::from(order >= self.read_to);
        }
        found.newest = found.newest.max(newest);
        found.pending += pending;
        if pending == 0 {
            self.finished.push(name(self.worth, base));
        } else {
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
            });
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

    /// Second of the newest message of the oldest segment that waits.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.segments
            .iter()
            .find(|segment| segment.pending > 0)
            .map(|segment| segment.newest)
    }

    /// Everything with a lower order is settled or dropped.
    pub(super) fn head(&self) -> u64 {
        self.lent.keys().next().copied().unwrap_or(self.read_to)
    }

    /// How many at or above the head ended so: a bookmark cannot say it of them one by one.
    pub(super) fn ahead(&self, end: End) -> u64 {
        let head = self.head();
        self.ahead
            .range(head..)
            .filter(|(_, found)| **found == end)
            .count() as u64
    }

    /// Names of files in which nothing is left, to be removed now.
    pub(super) fn take_finished(&mut self) -> Vec<String> {
        std::mem::take(&mut self.finished)
    }

    /// Files that could not be removed, of either lane.
    pub(super) fn finish_later(&mut self, names: Vec<String>) {
        self.finished.extend(names);
    }

    /// Where the next bytes go, and the base of that segment; a new one when the last is full.
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
        if self.position(self.at.0).is_none() {
            self.at = (order, 0);
        }
        let segment = Segment {
            base: order,
            tape: Arc::clone(&tape),
            bytes: 0,
            pending: 0,
            unread: 0,
            newest: 0,
        };
        self.segments.push_back(segment);
        self.writable = true;
        Ok((tape, order, 0))
    }

    /// What was written to the last segment counts from now on.
    pub(super) fn wrote(&mut self, messages: u64, bytes: u64, second: u32) {
        if let Some(segment) = self.segments.back_mut() {
            self.pending += messages;
            self.bytes += bytes;
            segment.pending += messages;
            segment.unread += messages;
            segment.bytes += bytes;
            segment.newest = second;
            self.unsynced
                .entry(segment.base)
                .or_insert_with(|| Arc::clone(&segment.tape));
        }
    }

    /// The files that were written to since the last call.
    pub(super) fn take_unsynced(&mut self) -> BTreeMap<u64, Arc<dyn Tape>> {
        std::mem::take(&mut self.unsynced)
    }

    /// The next message, which stays where it is. `lost` counts what should be there and is not.
    pub(super) fn peek(&mut self, lost: &mut u64) -> io::Result<Option<&Hit>> {
        while self.peeked.is_none() {
            let (base, offset) = self.at;
            let Some(index) = self.position(base) else {
                return Ok(None);
            };
            let segment = &self.segments[index];
            let spot = Spot {
                base,
                offset,
                end: segment.bytes,
                largest: self.largest,
                worth: self.worth,
            };
            match self.window.next(&*segment.tape, spot)? {
                Some(hit) => {
                    self.at.1 = hit.after;
                    let again = hit.order < self.read_to || self.ahead.contains_key(&hit.order);
                    if again {
                        self.read_to = self.read_to.max(hit.order + 1);
                    }
                    self.peeked = (!again).then_some(hit);
                }
                None if self.turn_over(index, lost) => {}
                None => return Ok(None),
            }
        }
        Ok(self.peeked.as_ref())
    }

    /// At the end of a segment: what is unread there is damaged. False when it is the last.
    fn turn_over(&mut self, index: usize, lost: &mut u64) -> bool {
        let segment = &mut self.segments[index];
        *lost += segment.unread;
        self.pending -= segment.unread;
        segment.pending -= segment.unread;
        segment.unread = 0;
        let Some(base) = self.segments.get(index + 1).map(|next| next.base) else {
            return false;
        };
        self.at = (base, 0);
        self.sweep(index);
        true
    }

    /// Lends the message that was peeked at.
    pub(super) fn take(&mut self) -> Option<Hit> {
        let hit = self.read()?;
        self.lent.insert(
            hit.order,
            Lent {
                base: self.at.0,
                offset: hit.offset,
            },
        );
        Some(hit)
    }

    /// Drops the message that was peeked at.
    pub(super) fn skip(&mut self) {
        if let Some(hit) = self.read() {
            self.ended(hit.order, self.at.0, End::Dropped);
        }
    }

    fn read(&mut self) -> Option<Hit> {
        let hit = self.peeked.take()?;
        self.read_to = self.read_to.max(hit.order + 1);
        if let Some(index) = self.position(self.at.0) {
            let segment = &mut self.segments[index];
            segment.unread = segment.unread.saturating_sub(1);
        }
        Some(hit)
    }

    /// True when it was lent, and now is not.
    pub(super) fn settle(&mut self, order: u64) -> bool {
        let Some(lent) = self.lent.remove(&order) else {
            return false;
        };
        self.ended(order, lent.base, End::Sent);
        true
    }

    fn ended(&mut self, order: u64, base: u64, end: End) {
        let head = self.head();
        if order >= head {
            self.ahead.insert(order, end);
        }
        while self
            .ahead
            .first_key_value()
            .is_some_and(|(&first, _)| first < head)
        {
            self.ahead.pop_first();
        }
        if let Some(index) = self.position(base) {
            self.segments[index].pending -= 1;
            self.pending -= 1;
            self.sweep(index);
        }
    }

    /// Everything that was lent will be read again.
    pub(super) fn reclaim(&mut self) {
        let Some((&order, &first)) = self.lent.iter().next() else {
            return;
        };
        for lent in std::mem::take(&mut self.lent).into_values() {
            if let Some(index) = self.position(lent.base) {
                self.segments[index].unread += 1;
            }
        }
        self.peeked = None;
        self.at = (first.base, first.offset);
        self.read_to = order;
    }

    /// Drops the oldest segment of which nothing is lent, and says how many messages; `None` when
    /// there is none. With `before`, only one whose newest message is older than that second.
    pub(super) fn drop_oldest(&mut self, before: Option<u32>) -> Option<u64> {
        let lent: BTreeSet<u64> = self.lent.values().map(|lent| lent.base).collect();
        let old = |segment: &Segment| before.is_none_or(|second| segment.newest < second);
        let may = |segment: &Segment| {
            segment.pending > 0 && !lent.contains(&segment.base) && old(segment)
        };
        let index = self.segments.iter().position(may)?;
        let segment = self.finish(index)?;
        self.writable &= index < self.segments.len();
        if self.at.0 == segment.base {
            self.peeked = None;
            // The base of a segment that is gone is the end; `room` begins anew there.
            self.at = (
                self.segments
                    .get(index)
                    .map_or(segment.base, |next| next.base),
                0,
            );
        }
        self.pending -= segment.pending;
        Some(segment.pending)
    }

    /// Finishes a segment in which nothing is left, unless somebody reads or writes there.
    fn sweep(&mut self, index: usize) {
        let segment = &self.segments[index];
        let last = index + 1 == self.segments.len();
        if segment.pending == 0 && segment.base != self.at.0 && !(last && self.writable) {
            self.finish(index);
        }
    }

    fn finish(&mut self, index: usize) -> Option<Segment> {
        let segment = self.segments.remove(index)?;
        // Nobody will find these again, so they need no remembering.
        let end = self.segments.get(index).map_or(u64::MAX, |next| next.base);
        self.ahead
            .retain(|order, _| !(segment.base..end).contains(order));
        self.bytes -= segment.bytes;
        self.finished.push(name(self.worth, segment.base));
        Some(segment)
    }

    fn position(&self, base: u64) -> Option<usize> {
        self.segments
            .binary_search_by_key(&base, |segment| segment.base)
            .ok()
    }
}
