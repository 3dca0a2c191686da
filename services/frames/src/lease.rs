//! A leased frame: its bytes stay as they are until it is dropped.
//!
//! Two shapes of the same thing. [`Lease`] borrows its reader: for work done on the spot. [`Held`]
//! owns what it needs: for work that goes elsewhere, such as the body of an HTTP answer. Each has
//! its own lease word, so that a held frame never stands in the way of the next look.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    layout,
    meta::Meta,
    protocol::{self, Ticket},
    reader::Joined,
};

/// Which lease word a shape uses.
const BORROWED: usize = 0;
const HELD: usize = 1;

/// The newest frame at the moment it was taken. The writer leaves its slot alone until the drop, so
/// the bytes can be given to C code or a socket without a copy. Hold it as long as it is used and
/// no longer: it costs the ring a slot.
#[derive(Debug)]
pub struct Lease<'r> {
    meta: Meta,
    bytes: &'r [u8],
    word: &'r AtomicU64,
}

impl<'r> Lease<'r> {
    /// Takes the newest frame. The caller has the only lease of this shape: `&mut Reader`.
    pub(crate) fn take(joined: &'r Joined) -> Option<(Self, Ticket)> {
        let taken = Taken::take(joined, BORROWED)?;
        // SAFETY: the slot is leased until the drop below releases it, and the writer does not
        // write a leased slot.
        #[allow(unsafe_code, reason = "the lease protects the bytes")]
        let bytes = unsafe { joined.ring.bytes(taken.at, taken.len) };
        let word = layout::lease_word(&joined.page, BORROWED);
        let meta = taken.meta;
        Some((Self { meta, bytes, word }, taken.ticket))
    }

    /// What is known of the frame.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The payload; may be empty.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        protocol::release(self.word);
    }
}

/// A leased frame that may outlive its [`crate::Reader`] and move to other threads. For the writer
/// the reader is there until this is dropped.
#[derive(Debug)]
pub struct Held {
    joined: Arc<Joined>,
    meta: Meta,
    at: usize,
    len: usize,
}

impl Held {
    /// Takes the newest frame, unless this reader holds one already.
    pub(crate) fn take(joined: &Arc<Joined>) -> Option<(Self, Ticket)> {
        // Acquire: pairs with the drop of the last one, on whatever thread, so that its release
        // of the word comes before our store to it.
        if joined.holding.swap(true, Ordering::Acquire) {
            return None;
        }
        let Some(taken) = Taken::take(joined, HELD) else {
            joined.holding.store(false, Ordering::Release);
            return None;
        };
        let held = Self {
            joined: Arc::clone(joined),
            meta: taken.meta,
            at: taken.at,
            len: taken.len,
        };
        Some((held, taken.ticket))
    }

    /// What is known of the frame.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The payload; may be empty.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the slot is leased until the drop below releases it, and the writer does not
        // write a leased slot.
        #[allow(unsafe_code, reason = "the lease protects the bytes")]
        unsafe {
            self.joined.ring.bytes(self.at, self.len)
        }
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        protocol::release(layout::lease_word(&self.joined.page, HELD));
        self.joined.holding.store(false, Ordering::Release);
    }
}

/// A leased slot whose numbers make sense; releasing it is the business of who asked.
struct Taken {
    ticket: Ticket,
    meta: Meta,
    at: usize,
    len: usize,
}

impl Taken {
    fn take(joined: &Joined, word: usize) -> Option<Self> {
        let word = layout::lease_word(&joined.page, word);
        let geometry = joined.geometry;
        let ticket = protocol::lease(layout::newest(&joined.ring), word, geometry.slots())?;
        let (meta, len) = layout::read_slot(&joined.ring, ticket.slot());
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > geometry.slot_bytes() {
            protocol::release(word);
            return None;
        }
        let at = geometry.payload(ticket.slot());
        Some(Self {
            ticket,
            meta,
            at,
            len,
        })
    }
}
