//! The reader: joins a ring with three descriptors and leases its newest frame.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Part},
    layout::{self, Geometry, LEASE_BYTES},
    lease::{Held, Lease},
    memory::{self, Map},
    protocol::{self, Ticket},
    wakeup,
};

/// What [`Reader::wait`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A frame that no earlier wait or look of this reader has told of.
    Frame,
    /// Nothing new in that time.
    Timeout,
    /// Nothing new, and there never will be: open the ring anew.
    WriterGone,
}

/// One reader of a ring. Dropped (with what it holds), it is gone for the writer too.
#[derive(Debug)]
pub struct Reader {
    joined: Arc<Joined>,
    /// The newest frame that was returned, or told of by `wait`.
    returned: Option<Ticket>,
    told: Option<Ticket>,
}

/// The three parts of a reader, checked and mapped.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) ring: Map,
    pub(crate) page: Map,
    pub(crate) geometry: Geometry,
    /// A [`Held`] of this reader exists.
    pub(crate) holding: AtomicBool,
    // Last, so that it is dropped last: the hang-up says that the page is not used any more.
    wakeup: OwnedFd,
}

impl Reader {
    /// Joins a ring. The descriptors come from another process and are checked before anything is
    /// mapped: kind, seals, length, magic, version, and that ring and lease page belong together.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a map needs no descriptor: the two memfds are closed here"
    )]
    pub fn open(ring: OwnedFd, leases: OwnedFd, wakeup: OwnedFd) -> Result<Self, Error> {
        wakeup::examine(wakeup.as_fd())?;
        let (part, found) = (Part::Ring, memory::examine(Part::Ring, ring.as_fd())?);
        let geometry = layout::parse_ring(found.prefix)?;
        expect_len(part, found.len, geometry.len())?;
        let inode = found.inode;

        let (part, found) = (Part::Leases, memory::examine(Part::Leases, leases.as_fd())?);
        expect_len(part, found.len, LEASE_BYTES)?;
        if layout::parse_page(found.prefix)? != inode {
            return Err(Error::Stranger);
        }
        Ok(Self {
            joined: Arc::new(Joined {
                ring: Map::new(Part::Ring, &ring, geometry.len(), false)?,
                page: Map::new(Part::Leases, &leases, LEASE_BYTES, true)?,
                geometry,
                holding: AtomicBool::new(false),
                wakeup,
            }),
            returned: None,
            told: None,
        })
    }

    /// The wake-up socket, to poll: readable when there are frames, hung up when the writer is
    /// gone. Only poll it; [`Self::wait`] with a zero timeout takes the wake-ups.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.joined.wakeup.as_fd()
    }

    /// Waits for a frame that no earlier wait or look has told of, and takes all wake-ups that are
    /// there. `Duration::MAX` waits for ever.
    ///
    /// A reader that joined without wake-ups is not woken: it sees what is there when it calls.
    pub fn wait(&mut self, timeout: Duration) -> Result<Wait, Error> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            let gone = wakeup::drain(&self.joined.wakeup)?;
            // After the drain: a wake-up taken above is of a frame seen here, or an older one.
            let newest = protocol::look(layout::newest(&self.joined.ring));
            if newest > self.told {
                self.told = newest;
                return Ok(Wait::Frame);
            }
            if gone {
                return Ok(Wait::WriterGone);
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Wait::Timeout);
            }
            wakeup::sleep(self.as_fd(), deadline)?;
        }
    }

    /// Leases the newest frame, if it is newer than the last one this reader returned.
    pub fn latest(&mut self) -> Option<Lease<'_>> {
        if protocol::look(layout::newest(&self.joined.ring)) <= self.returned {
            return None;
        }
        self.peek()
    }

    /// Leases the newest frame, whatever was returned before. `None`: nothing is published, or the
    /// writer's numbers make no sense.
    pub fn peek(&mut self) -> Option<Lease<'_>> {
        let (lease, ticket) = Lease::take(&self.joined)?;
        self.returned = Some(ticket);
        self.told = self.told.max(Some(ticket));
        Some(lease)
    }

    /// Leases the newest frame to keep: it may outlive this reader and move to other threads (as
    /// the owner of a `bytes::Bytes`, for one). `None` also while an earlier one of this reader is
    /// still held: then look with [`Self::peek`] and copy. A slow client so costs the ring one slot.
    pub fn hold(&mut self) -> Option<Held> {
        let (held, ticket) = Held::take(&self.joined)?;
        self.returned = Some(ticket);
        self.told = self.told.max(Some(ticket));
        Some(held)
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.joined.wakeup.as_fd()
    }
}

impl AsRawFd for Reader {
    fn as_raw_fd(&self) -> RawFd {
        self.joined.wakeup.as_raw_fd()
    }
}

fn expect_len(part: Part, len: u64, expected: usize) -> Result<(), Error> {
    let expected = expected as u64;
    if len != expected {
        return Err(Error::Length {
            part,
            len,
            expected,
        });
    }
    Ok(())
}
