//! A leased frame: its bytes stay as they are until it is dropped.

use std::sync::atomic::AtomicU64;

use crate::{
    layout,
    meta::Meta,
    protocol::{self, Ticket},
    reader::Joined,
};

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
    /// Takes the newest frame of a ring into the first lease word.
    pub(crate) fn take(joined: &'r Joined) -> Option<(Self, Ticket)> {
        let word = layout::lease_word(&joined.page, 0);
        let geometry = joined.geometry;
        let ticket = protocol::lease(layout::newest(&joined.ring), word, geometry.slots())?;
        let (meta, len) = layout::read_slot(&joined.ring, ticket.slot());
        let len = match usize::try_from(len) {
            Ok(len) if len <= geometry.slot_bytes() => len,
            _ => {
                protocol::release(word);
                return None;
            }
        };
        let payload = geometry.payload(ticket.slot());
        // SAFETY: the slot is leased until the drop below releases it, and the writer does not
        // write a leased slot.
        #[allow(unsafe_code, reason = "the lease protects the bytes")]
        let bytes = unsafe { joined.ring.bytes(payload, len) };
        Some((Self { meta, bytes, word }, ticket))
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
