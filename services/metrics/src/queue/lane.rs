//! All messages of one worth on disk, and how far each of them is: unread, lent, or ended.
//!
//! Messages are read from the [row](super::row) of segments in their order. What was lent is remembered
//! by its order until it is settled; when the peer is lost, reading starts again at the oldest one lent,
//! and passes over what ended meanwhile. What was just written need not be read: it is kept until the next
//! mark, a little of it, for a reader that comes to it by then.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use super::disk::Disk;
use super::reading::{Hit, Spot, Window};
use super::row::{Found, Row, Segment};
use crate::outbox::Worth;

/// Most bytes of messages that were just written and are kept for a reader.
const FRESH: usize = 64 << 10;

/// Where a lent message lies.
#[derive(Debug, Clone, Copy)]
struct Lent {
    order: u64,
    base: u64,
    offset: u64,
    second: u32,
}

/// How a message ended while an older one is still lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Sent,
    Dropped,
    Refused,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lane {
    worth: Worth,
    largest: usize,
    pub(super) row: Row,
    window: Window,
    /// Next to read: base of the segment and offset in it. A base that no segment has is the end.
    at: (u64, u64),
    /// The reader has come to everything below.
    read_to: u64,
    /// Second of the message that it came to last: what follows is no older.
    reached: u32,
    peeked: Option<Hit>,
    /// Just written, with the base of their segment; and their bytes.
    fresh: VecDeque<(u64, Hit)>,
    fresh_bytes: usize,
    /// By their order. They are lent in it, and mostly settled in it.
    lent: VecDeque<Lent>,
    ahead: BTreeMap<u64, End>,
}

impl Lane {
    /// Finds what is left of the lane: everything sound with an order of at least `head`.
    pub(super) fn open(
        disk: &dyn Disk,
        worth: Worth,
        head: u64,
        largest: usize,
    ) -> io::Result<(Self, Found)> {
        let (row, found) = Row::open(disk, worth, head, largest)?;
        let lane = Self {
            worth,
            largest,
            at: (row.segments().front().map_or(0, |segment| segment.base), 0),
            row,
            window: Window::default(),
            read_to: head,
            reached: 0,
            peeked: None,
            fresh: VecDeque::new(),
            fresh_bytes: 0,
            lent: VecDeque::new(),
            ahead: BTreeMap::new(),
        };
        Ok((lane, found))
    }

    /// Second of the oldest message that is lent or waits. Between two looks at the disk ([`peek`](Self::peek)) it
    /// may be up to that much older than true.
    pub(super) fn oldest(&self) -> Option<u32> {
        let waits = || {
            let mut segments = self.row.segments().iter();
            let segment = segments.find(|segment| segment.pending > 0)?;
            Some(segment.oldest.max(self.reached))
        };
        let lent = self.lent.front().map(|lent| lent.second);
        let next = || self.peeked.as_ref().map(|hit| hit.second);
        lent.or_else(next).or_else(waits)
    }

    /// Everything with a lower order is settled or dropped.
    pub(super) fn head(&self) -> u64 {
        self.lent.front().map_or(self.read_to, |lent| lent.order)
    }

    /// How many at or above the head ended so: a bookmark cannot say it of them one by one.
    pub(super) fn ahead(&self, end: End) -> u64 {
        let head = self.head();
        self.ahead
            .range(head..)
            .filter(|(_, found)| **found == end)
            .count() as u64
    }

    /// Something is about to be written with this order: a reader at the end goes on there.
    pub(super) fn expect(&mut self, base: u64) {
        if self.row.position(self.at.0).is_none() {
            self.at = (base, 0);
        }
    }

    /// The next message, which stays where it is. `lost` counts what should be there and is not.
    pub(super) fn peek(&mut self, lost: &mut u64) -> io::Result<Option<&Hit>> {
        while self.peeked.is_none() {
            if let Some(hit) = self.take_fresh() {
                self.come_to(hit);
                continue;
            }
            let (base, offset) = self.at;
            let Some(index) = self.row.position(base) else {
                return Ok(None);
            };
            let segment = &self.row.segments()[index];
            let spot = Spot {
                base,
                offset,
                end: segment.bytes,
                largest: self.largest,
                worth: self.worth,
            };
            match self.window.next(&*segment.tape, spot)? {
                Some(hit) => self.come_to(hit),
                None if self.turn_over(index, lost) => {}
                None => return Ok(None),
            }
        }
        Ok(self.peeked.as_ref())
    }

    /// What was just written to the segment `base`.
    pub(super) fn keep_fresh(&mut self, base: u64, hit: Hit) {
        let bytes = hit.message.cost();
        if self.fresh_bytes + bytes <= FRESH {
            self.fresh_bytes += bytes;
            self.fresh.push_back((base, hit));
        }
    }

    /// From now on everything is read from the disk.
    pub(super) fn forget_fresh(&mut self) {
        self.fresh.clear();
        self.fresh_bytes = 0;
    }

    /// The message at the reader's place, if it was just written.
    fn take_fresh(&mut self) -> Option<Hit> {
        while let Some((base, hit)) = self.fresh.front() {
            let place = (*base, hit.offset);
            if place > self.at {
                return None;
            }
            let (_, hit) = self.fresh.pop_front()?;
            self.fresh_bytes -= hit.message.cost();
            if place == self.at {
                return Some(hit);
            }
        }
        None
    }

    fn come_to(&mut self, hit: Hit) {
        self.at.1 = hit.after;
        self.reached = hit.second;
        if hit.order < self.read_to || self.ahead.contains_key(&hit.order) {
            self.read_to = self.read_to.max(hit.order + 1);
        } else {
            self.peeked = Some(hit);
        }
    }

    /// At the end of a segment. False when it is the last.
    fn turn_over(&mut self, index: usize, lost: &mut u64) -> bool {
        *lost += self.row.read_out(index);
        let Some(base) = self.row.segments().get(index + 1).map(|next| next.base) else {
            return false;
        };
        self.at = (base, 0);
        self.sweep(index);
        true
    }

    /// Lends the message that was peeked at.
    pub(super) fn take(&mut self) -> Option<Hit> {
        let hit = self.read()?;
        self.lent.push_back(Lent {
            order: hit.order,
            base: self.at.0,
            offset: hit.offset,
            second: hit.second,
        });
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
        self.row.read(self.at.0, false);
        Some(hit)
    }

    /// True when it was lent, and now has this `end`.
    pub(super) fn settle(&mut self, order: u64, end: End) -> bool {
        let Ok(at) = self.lent.binary_search_by_key(&order, |lent| lent.order) else {
            return false;
        };
        let Some(lent) = self.lent.remove(at) else {
            return false;
        };
        self.ended(order, lent.base, end);
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
        if let Some(index) = self.row.position(base) {
            self.row.ended(index);
            self.sweep(index);
        }
    }

    /// Everything that was lent will be read again.
    pub(super) fn reclaim(&mut self) {
        let Some(&first) = self.lent.front() else {
            return;
        };
        for lent in self.lent.drain(..) {
            self.row.read(lent.base, true);
        }
        self.peeked = None;
        self.at = (first.base, first.offset);
        self.read_to = first.order;
        self.reached = first.second;
    }

    /// Drops the oldest segment of which nothing is lent, and says how many messages; `None` when
    /// there is none. With `before`, only one whose newest message is older than that second.
    pub(super) fn drop_oldest(&mut self, before: Option<u32>) -> Option<u64> {
        let lent: BTreeSet<u64> = self.lent.iter().map(|lent| lent.base).collect();
        let old = |segment: &Segment| before.is_none_or(|second| segment.newest < second);
        let may = |segment: &Segment| {
            segment.pending > 0 && !lent.contains(&segment.base) && old(segment)
        };
        let index = self.row.segments().iter().position(may)?;
        let segment = self.finish(index)?;
        if self.at.0 == segment.base {
            self.peeked = None;
            self.at = (
                self.row
                    .segments()
                    .get(index)
                    .map_or(segment.base, |next| next.base),
                0,
            );
        }
        Some(segment.pending)
    }

    /// Finishes a segment in which nothing is left, unless somebody reads or writes there.
    fn sweep(&mut self, index: usize) {
        if self.row.is_done(index) && self.row.segments()[index].base != self.at.0 {
            self.finish(index);
        }
    }

    fn finish(&mut self, index: usize) -> Option<Segment> {
        let segment = self.row.finish(index)?;
        self.fresh.retain(|(base, _)| *base != segment.base);
        self.fresh_bytes = self.fresh.iter().map(|(_, hit)| hit.message.cost()).sum();
        // Nobody will find these again, so they need no remembering.
        let end = self
            .row
            .segments()
            .get(index)
            .map_or(u64::MAX, |next| next.base);
        self.ahead
            .retain(|order, _| !(segment.base..end).contains(order));
        Some(segment)
    }
}
