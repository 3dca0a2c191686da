//! The writer: fills a free slot, makes it the newest, wakes who wants to be woken.
//!
//! It never waits: no lock, no blocking call, no answer from a reader. What a reader can cost it is
//! one slot per lease word, one place among [`crate::MAX_READERS`], and one failed send per frame.

use std::{
    cell::RefCell,
    sync::{Arc, atomic::AtomicUsize},
};

use nix::{errno::Errno, sys::stat::fstat};

use crate::{
    arrivals::Inbox,
    door::{Door, Handles, Lobby},
    error::{Error, Part},
    layout::{self, Config, Geometry},
    memory::{self, Map},
    meta::Meta,
    protocol::Publisher,
    seat::{Seat, sweep},
    wakeup,
};

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a frame may be dropped: count it or say why that is fine"]
pub enum Outcome {
    /// It is the newest now.
    Published,
    /// There is no reader: nothing was copied, and older frames are no longer offered.
    NobodyLooks,
    /// Every slot is leased: dropped, the newest stays the newest.
    AllLeased,
    /// It does not fit a slot: dropped, the newest stays the newest.
    TooBig,
}

/// How often each [`Outcome`] came, and what else is worth a metric. All only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames published.
    pub published: u64,
    /// Frames nobody looked at.
    pub nobody_looks: u64,
    /// Frames dropped because every slot was leased: a ring with too few slots.
    pub all_leased: u64,
    /// Frames dropped because they were larger than a slot.
    pub too_big: u64,
    /// Wake-ups not sent because the reader had not taken the last ones: a slow reader.
    pub wakeups_skipped: u64,
}

/// The one that publishes. It can move to another thread; dropped, it hangs up on its readers.
pub struct Writer {
    ring: Map,
    geometry: Geometry,
    publisher: Publisher,
    // `readers(&self)` sweeps too; a writer is used by one thread, so a cell is enough.
    seats: RefCell<Vec<Seat>>,
    counts: Counts,
    lobby: Arc<Lobby>,
}

impl Writer {
    /// Makes a ring. `name` is seen in `/proc/PID/maps` and nowhere else: at most 249 bytes, no NUL.
    pub fn create(name: &str, config: Config) -> Result<Self, Error> {
        let geometry = Geometry::new(config)?;
        let part = Part::Ring;
        let file = memory::create(part, name, geometry.len())?;
        let ring = Map::new(part, &file, geometry.len(), true)?;
        layout::write_ring(&ring, geometry);
        memory::seal(part, &file)?;
        let stat = fstat(&file).map_err(|source: Errno| Error::Create { part, source })?;
        Ok(Self {
            ring,
            geometry,
            publisher: Publisher::new(geometry.slots()),
            seats: RefCell::default(),
            counts: Counts::default(),
            lobby: Arc::new(Lobby {
                ring: file,
                inode: stat.st_ino,
                arrivals: Inbox::new(),
                count: Arc::new(AtomicUsize::new(0)),
            }),
        })
    }

    /// Adds a reader: see [`Door::add_reader`].
    pub fn add_reader(&self, wakeups: bool) -> Result<Handles, Error> {
        self.lobby.add_reader(wakeups)
    }

    /// The door to this writer, for the thread that answers D-Bus.
    pub fn door(&self) -> Door {
        Door {
            lobby: Arc::downgrade(&self.lobby),
        }
    }

    /// Readers present now; 0 means that nobody looks and [`Self::publish`] would copy nothing.
    ///
    /// Costs one `poll` when there are readers. A writer without frames calls it now and then, so
    /// that readers that left give their places back.
    pub fn readers(&self) -> usize {
        let mut seats = self.seats.borrow_mut();
        seats.extend(self.lobby.arrivals.take());
        sweep(&mut seats);
        seats.len()
    }

    /// How the frames fared so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Copies `payload` into a free slot and makes it the newest. Never waits.
    pub fn publish(&mut self, meta: Meta, payload: &[u8]) -> Outcome {
        self.publish_with(meta, payload.len(), |slot| slot.copy_from_slice(payload))
    }

    /// Lets `fill` write `len` bytes where they stay: no copy at all. `fill` is not called unless
    /// the frame will be published; it finds old bytes in the slot and must write all of them. If
    /// it panics, nothing is published.
    pub fn publish_with(
        &mut self,
        meta: Meta,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Outcome {
        let outcome = self.try_publish(meta, len, fill);
        let count = match outcome {
            Outcome::Published => &mut self.counts.published,
            Outcome::NobodyLooks => &mut self.counts.nobody_looks,
            Outcome::AllLeased => &mut self.counts.all_leased,
            Outcome::TooBig => &mut self.counts.too_big,
        };
        *count += 1;
        outcome
    }

    fn try_publish(&mut self, meta: Meta, len: usize, fill: impl FnOnce(&mut [u8])) -> Outcome {
        if self.readers() == 0 {
            self.publisher.withdraw(layout::newest(&self.ring));
            return Outcome::NobodyLooks;
        }
        if len > self.geometry.slot_bytes() {
            return Outcome::TooBig;
        }
        let seats = self.seats.get_mut();
        let arrivals = &self.lobby.arrivals;
        let chosen = self.publisher.choose(|| {
            // Again, and after the fence: who came in since `readers()` may hold a lease already.
            seats.extend(arrivals.take());
            seats.iter().flat_map(Seat::words)
        });
        let Some(slot) = chosen else {
            return Outcome::AllLeased;
        };
        let payload = self.geometry.payload(slot);
        // SAFETY: the map is writable (made in `create`), and `choose` promises that nobody reads
        // this slot before `publish`; `&mut self` keeps this thread the only writer.
        #[allow(unsafe_code, reason = "the free slot is ours by the protocol")]
        fill(unsafe { self.ring.bytes_mut(payload, len) });
        layout::write_slot(&self.ring, slot, &meta, len);
        self.publisher.publish(layout::newest(&self.ring), slot);
        self.wake(meta.frame_id);
        Outcome::Published
    }

    fn wake(&mut self, frame_id: u64) {
        for seat in self.seats.get_mut().iter().filter(|seat| seat.wakeups) {
            if !wakeup::wake(&seat.socket, frame_id) {
                self.counts.wakeups_skipped += 1;
            }
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("geometry", &self.geometry)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}
