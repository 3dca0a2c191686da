//! The shared-memory frame ring: one writer, many readers, no copy between them.
//!
//! The writer keeps its frames in the slots of a sealed memfd that readers map read-only. A reader
//! *leases* the newest frame by writing its slot number into its own lease page (a hazard pointer);
//! the writer never writes a slot that is newest or leased. So a payload byte is never read while
//! it is written, nobody copies, and the writer waits for no one: with every slot leased it drops
//! the frame and says so. A socket per reader carries an 8-byte wake-up per frame; its hang-up is
//! the reader's departure, and with nobody there the writer does not copy a byte.
//!
//! Where things are: `protocol` is the idea in atomics only (model-checked with loom), `arrivals`
//! how a reader joins while the writer runs, `layout` what the bytes mean, `memory` memfds, seals
//! and maps, `wakeup` the socket. This crate does not know how the three descriptors travel: the
//! daemons hand them out over D-Bus (see `vigla_bus::camera`).
//!
//! Trust: readers are not trusted by the writer (whatever a reader writes in its page or does with
//! its socket costs at most frames); the writer is trusted by its readers not to write a leased
//! slot, and for nothing else (every number in the ring is checked before use).

#![deny(missing_docs)]

#[cfg(any(test, not(loom)))]
mod arrivals;
#[cfg(any(test, not(loom)))]
mod protocol;

#[cfg(not(loom))]
mod door;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod layout;
#[cfg(not(loom))]
mod lease;
#[cfg(not(loom))]
mod memory;
#[cfg(not(loom))]
mod meta;
#[cfg(not(loom))]
mod reader;
#[cfg(not(loom))]
mod seat;
#[cfg(not(loom))]
mod wakeup;
#[cfg(not(loom))]
mod writer;

#[cfg(not(loom))]
pub use self::{
    door::{Door, Handles},
    error::{Error, Part},
    layout::{Config, LEASES, MAX_READERS, MAX_SLOT_BYTES, MAX_SLOTS, MIN_SLOTS},
    lease::{Held, Lease},
    meta::Meta,
    reader::{Reader, Wait},
    writer::{Counts, Outcome, Writer},
};

#[cfg(not(target_pointer_width = "64"))]
compile_error!("lease words and sizes are 64 bits: a 32-bit machine cannot load them in one piece");
