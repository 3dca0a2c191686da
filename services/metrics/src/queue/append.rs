//! Writing to the log, and making room for it.

use std::io;

use super::reading::Hit;
use super::record::Record;
use super::{EVENTS, Log, SAMPLES};
use crate::hold::Keep;
use crate::outbox::{Message, Reason, Ticket, Worth};

/// Bytes of a usual record.
const USUAL: usize = 192;

impl Log {
    /// Writes `batch`, which is in order. When it fails nothing of a lane's part is in.
    pub fn append(&mut self, batch: &mut Vec<(Ticket, Message)>) -> io::Result<()> {
        self.stale |= !batch.is_empty();
        for lane in [EVENTS, SAMPLES] {
            let worth = [Worth::Sample, Worth::Event][lane];
            while let Some(first) = batch.iter().position(|(_, message)| message.worth == worth) {
                if !self.make_room(lane) {
                    self.next = self.next.max(batch[first].0.0 + 1);
                    self.dropped.add(Reason::Full, 1);
                    batch.remove(first);
                    continue;
                }
                self.write(lane, worth, batch)?;
            }
        }
        Ok(())
    }

    /// Writes as much of `batch` as one segment takes, and removes it from there.
    fn write(
        &mut self,
        lane: usize,
        worth: Worth,
        batch: &mut Vec<(Ticket, Message)>,
    ) -> io::Result<()> {
        let first = batch
            .iter()
            .find(|(_, message)| message.worth == worth)
            .map_or(0, |(ticket, _)| ticket.0);
        let most = self.limits.segment;
        let (tape, base, offset) = self.lanes[lane].row.room(&*self.disk, first, most)?;
        self.lanes[lane].expect(base);
        let mut bytes = Vec::with_capacity(batch.len() * USUAL);
        let mut ends = Vec::with_capacity(batch.len());
        let mut last = first;
        let fits = |bytes: &Vec<u8>| offset + (bytes.len() as u64) < self.limits.segment;
        for (ticket, message) in batch.iter().filter(|(_, message)| message.worth == worth) {
            if !ends.is_empty() && !fits(&bytes) {
                break;
            }
            let order = u32::try_from(ticket.0 - base).unwrap_or(u32::MAX);
            Record {
                order,
                second: self.second,
                topic: &message.topic,
                payload: &message.payload,
            }
            .append(&mut bytes);
            ends.push(offset + bytes.len() as u64);
            last = ticket.0;
        }
        tape.write(offset, &bytes)?;
        self.written += bytes.len() as u64;
        let messages = ends.len() as u64;
        let lane = &mut self.lanes[lane];
        lane.row.wrote(messages, bytes.len() as u64, self.second);
        self.next = self.next.max(last + 1);
        let starts = std::iter::once(offset).chain(ends.iter().copied());
        let written = take_out(batch, worth, last);
        for ((ticket, message), (offset, after)) in written.zip(starts.zip(ends.iter().copied())) {
            let hit = Hit {
                offset,
                after,
                order: ticket.0,
                second: self.second,
                message,
            };
            lane.keep_fresh(base, hit);
        }
        Ok(())
    }

    /// Makes room for a segment of `lane`; false when its message has to go instead.
    fn make_room(&mut self, lane: usize) -> bool {
        // The last tenth is for events when the oldest win: samples may not shut them out.
        let most = match (self.limits.keep, lane) {
            (Keep::Oldest, SAMPLES) => self.limits.bytes / 10 * 9,
            _ => self.limits.bytes,
        }
        .saturating_sub(self.limits.segment);
        while self.bytes() >= most {
            let dropped = match self.limits.keep {
                Keep::Newest => self.lanes[SAMPLES]
                    .drop_oldest(None)
                    .or_else(|| self.lanes[EVENTS].drop_oldest(None)),
                Keep::Oldest => None,
            };
            let Some(messages) = dropped else {
                return false;
            };
            self.dropped.add(Reason::Full, messages);
        }
        true
    }
}

/// The messages of `worth` up to the order `last`; the others stay.
fn take_out(
    batch: &mut Vec<(Ticket, Message)>,
    worth: Worth,
    last: u64,
) -> impl Iterator<Item = (Ticket, Message)> + use<> {
    let written =
        |(ticket, message): &(Ticket, Message)| message.worth == worth && ticket.0 <= last;
    let (out, rest): (Vec<_>, Vec<_>) = std::mem::take(batch).into_iter().partition(written);
    *batch = rest;
    out.into_iter()
}
