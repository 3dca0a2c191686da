//! The door: where readers are let in, from any thread, while the writer runs.

use std::{
    os::fd::OwnedFd,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use nix::errno::Errno;

use crate::{
    arrivals::Inbox,
    error::{Error, Part},
    layout::{LEASE_BYTES, write_page},
    memory::{self, Map},
    seat::{Place, Seat},
    wakeup,
};

/// The descriptors of one reader, to be sent to it; see [`crate::Reader::open`].
#[derive(Debug)]
pub struct Handles {
    /// The ring: a sealed memfd that nobody else can map writable.
    pub ring: OwnedFd,
    /// The reader's own lease page: a size-sealed memfd.
    pub leases: OwnedFd,
    /// The reader's end of its wake-up socket. Whoever holds it is the reader.
    pub wakeup: OwnedFd,
}

/// What writer and doors share.
pub(crate) struct Lobby {
    pub(crate) ring: OwnedFd,
    pub(crate) inode: u64,
    pub(crate) arrivals: Inbox<Seat>,
    pub(crate) count: Arc<AtomicUsize>,
}

/// Lets readers in. Clones are the same door.
#[derive(Clone)]
pub struct Door {
    // Weak: a door that outlives its writer must not keep a reader's socket open.
    pub(crate) lobby: Weak<Lobby>,
}

impl Door {
    /// Adds a reader and returns its descriptors. With `wakeups` it is sent 8 bytes per frame;
    /// without, it looks when it likes.
    ///
    /// The place is taken until the last copy of `wakeup` is closed, in whatever process, and the
    /// writer has looked again: [`Error::TooManyReaders`] may pass with the next frame.
    pub fn add_reader(&self, wakeups: bool) -> Result<Handles, Error> {
        let lobby = self.lobby.upgrade().ok_or(Error::WriterGone)?;
        lobby.add_reader(wakeups)
    }

    /// Readers present when the writer last looked ([`crate::Writer::publish`] and
    /// [`crate::Writer::readers`] look), and those let in since. 0 when the writer is gone.
    pub fn readers(&self) -> usize {
        self.lobby.upgrade().map_or(0, |lobby| lobby.readers())
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let readers = self.readers();
        f.debug_struct("Door").field("readers", &readers).finish()
    }
}

impl Lobby {
    pub(crate) fn add_reader(&self, wakeups: bool) -> Result<Handles, Error> {
        let place = Place::take(&self.count).ok_or(Error::TooManyReaders)?;
        let part = Part::Leases;
        let leases = memory::create(part, "vigla-leases", LEASE_BYTES)?;
        write_page(&Map::new(part, &leases, LEASE_BYTES, true)?, self.inode);
        memory::seal(part, &leases)?;
        let page = Map::new(part, &leases, LEASE_BYTES, false)?;
        let (socket, wakeup) = wakeup::pair()?;
        let ring = self.ring.try_clone().map_err(|error| Error::Admit {
            part: Part::Ring,
            source: Errno::from_raw(error.raw_os_error().unwrap_or_default()),
        })?;
        // Last: from here on the writer looks at the page, and only after that can anyone lease.
        self.arrivals.push(Seat {
            page,
            socket,
            wakeups,
            _place: place,
        });
        Ok(Handles {
            ring,
            leases,
            wakeup,
        })
    }

    pub(crate) fn readers(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}
