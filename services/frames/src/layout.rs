//! What the bytes of a ring and of a lease page mean. Native byte order: both ends are one machine.
//!
//! ```text
//! ring   0     magic, version, slots, slot_bytes        written once, before sealing
//!        128   newest                                   alone on its lines: readers poll it
//!        256   slot 0: len, frame_id, ..., 256+128 slot 1: ...
//!        P     payload of slot 0, P+stride: slot 1 ...  P and stride are multiples of 4096
//!
//! page   0     magic, version, ring                     written once, before sealing
//!        128   lease word 0, lease word 1               written by the one reader
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{error::Error, memory::Map, meta::Meta};

/// Fewest slots: one newest, one being written, one leased.
pub const MIN_SLOTS: u32 = 3;
/// Most slots: the writer's scan has a bit for each.
pub const MAX_SLOTS: u32 = 64;
/// Largest payload of a slot, bytes (1 GiB): an 8K RGB picture is a tenth of it.
pub const MAX_SLOT_BYTES: usize = 1 << 30;
/// Leases one reader can hold at a time.
pub const LEASES: usize = 2;
/// Readers one ring can have at a time.
pub const MAX_READERS: usize = 64;

/// Length of a lease page's file, bytes. Not the machine's page: 16 KiB kernels map it as well.
pub(crate) const LEASE_BYTES: usize = 4096;
/// Bytes at the front that `Geometry::parse` wants to see.
pub(crate) const PREFIX: usize = 32;
/// Version of both layouts; a reader refuses any other.
pub(crate) const VERSION: u64 = 1;

const RING_MAGIC: u64 = u64::from_ne_bytes(*b"VIGLARNG");
const PAGE_MAGIC: u64 = u64::from_ne_bytes(*b"VIGLALSE");
const NEWEST: usize = 128;
const SLOT_HEADERS: usize = 256;
/// Two cache lines: the prefetcher of x86 fetches pairs.
const SLOT_HEADER: usize = 128;
const PAYLOAD_ALIGN: usize = 4096;
const LEASE_WORDS: usize = 128;

/// Size of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Slots, 3..=64. Never a frame lost to leases: two more than the lease words in use, which is
    /// one per reader, two per reader that also holds frames. Untouched slots cost no memory.
    pub slots: u32,
    /// Largest payload, bytes, 1..=[`MAX_SLOT_BYTES`].
    pub slot_bytes: usize,
}

/// A valid [`Config`] and the offsets that follow from it. Nothing here can overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    slots: u32,
    slot_bytes: usize,
}

impl Geometry {
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let Config { slots, slot_bytes } = config;
        if !(MIN_SLOTS..=MAX_SLOTS).contains(&slots) {
            return Err(Error::Slots(slots));
        }
        if !(1..=MAX_SLOT_BYTES).contains(&slot_bytes) {
            return Err(Error::SlotBytes(slot_bytes));
        }
        Ok(Self { slots, slot_bytes })
    }

    pub(crate) fn slots(self) -> u32 {
        self.slots
    }

    pub(crate) fn slot_bytes(self) -> usize {
        self.slot_bytes
    }

    /// Length of the whole file, bytes: at most 64 GiB and a bit.
    pub(crate) fn len(self) -> usize {
        self.payload(self.slots)
    }

    /// Where slot `slot`'s payload begins; `slot == slots` is the end.
    pub(crate) fn payload(self, slot: u32) -> usize {
        let first = SLOT_HEADERS + self.slots as usize * SLOT_HEADER;
        let stride = self.slot_bytes.next_multiple_of(PAYLOAD_ALIGN);
        first.next_multiple_of(PAYLOAD_ALIGN) + slot as usize * stride
    }
}

fn put(map: &Map, offset: usize, value: u64) {
    // Relaxed: ordered by `newest` (frames) or by the kernel handing over the descriptor (prefix).
    map.word(offset).store(value, Ordering::Relaxed);
}

fn get(map: &Map, offset: usize) -> u64 {
    map.word(offset).load(Ordering::Relaxed)
}

/// Writes the front of a ring.
pub(crate) fn write_ring(map: &Map, geometry: Geometry) {
    let words = [
        RING_MAGIC,
        VERSION,
        u64::from(geometry.slots),
        geometry.slot_bytes as u64,
    ];
    for (n, word) in words.into_iter().enumerate() {
        put(map, n * 8, word);
    }
}

/// Writes the front of a lease page for the ring with inode number `ring`.
pub(crate) fn write_page(map: &Map, ring: u64) {
    for (n, word) in [PAGE_MAGIC, VERSION, ring].into_iter().enumerate() {
        put(map, n * 8, word);
    }
}

/// The four words at the front of a file, as numbers.
fn words(prefix: [u8; PREFIX]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(prefix.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

fn check_front(words: [u64; 4], magic: u64, part: crate::Part) -> Result<(), Error> {
    if words[0] != magic {
        return Err(Error::Magic(part));
    }
    if words[1] != VERSION {
        return Err(Error::Version {
            part,
            version: words[1],
            known: VERSION,
        });
    }
    Ok(())
}

/// Reads the front of a ring: any bytes give a geometry or an error.
pub(crate) fn parse_ring(prefix: [u8; PREFIX]) -> Result<Geometry, Error> {
    let words = words(prefix);
    check_front(words, RING_MAGIC, crate::Part::Ring)?;
    Geometry::new(Config {
        slots: u32::try_from(words[2]).unwrap_or(u32::MAX),
        slot_bytes: usize::try_from(words[3]).unwrap_or(usize::MAX),
    })
}

/// Reads the front of a lease page: the inode number of its ring, or an error.
pub(crate) fn parse_page(prefix: [u8; PREFIX]) -> Result<u64, Error> {
    let words = words(prefix);
    check_front(words, PAGE_MAGIC, crate::Part::Leases)?;
    Ok(words[2])
}

/// The word that says which frame is newest.
pub(crate) fn newest(ring: &Map) -> &AtomicU64 {
    ring.word(NEWEST)
}

/// Lease word `n` of a reader's page, `n < LEASES`.
pub(crate) fn lease_word(page: &Map, n: usize) -> &AtomicU64 {
    page.word(LEASE_WORDS + n * 8)
}

/// Writes the header of a slot that the writer has for itself.
pub(crate) fn write_slot(ring: &Map, slot: u32, meta: &Meta, len: usize) {
    let words = [
        len as u64,
        meta.frame_id,
        meta.time_usec,
        meta.mono_usec,
        u64::from(meta.width) | u64::from(meta.height) << 32,
        u64::from(u32::from_ne_bytes(meta.fourcc)),
        meta.mask_digest,
    ];
    let at = SLOT_HEADERS + slot as usize * SLOT_HEADER;
    for (n, word) in words.into_iter().enumerate() {
        put(ring, at + n * 8, word);
    }
}

/// Reads the header of a leased slot: the description and the length the writer claims.
#[allow(
    clippy::cast_possible_truncation,
    reason = "the halves of a word are taken apart"
)]
pub(crate) fn read_slot(ring: &Map, slot: u32) -> (Meta, u64) {
    let at = SLOT_HEADERS + slot as usize * SLOT_HEADER;
    let word = |n: usize| get(ring, at + n * 8);
    let size = word(4);
    let meta = Meta {
        frame_id: word(1),
        time_usec: word(2),
        mono_usec: word(3),
        width: size as u32,
        height: (size >> 32) as u32,
        fourcc: (word(5) as u32).to_ne_bytes(),
        mask_digest: word(6),
    };
    (meta, word(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(slots: u32, slot_bytes: usize) -> Geometry {
        Geometry::new(Config { slots, slot_bytes }).unwrap()
    }

    #[test]
    fn slots_lie_apart_and_inside() {
        for slots in [3, 4, 63, 64] {
            for slot_bytes in [1, 4095, 4096, 4097, MAX_SLOT_BYTES - 1, MAX_SLOT_BYTES] {
                let geometry = geometry(slots, slot_bytes);
                let headers_end = SLOT_HEADERS + slots as usize * SLOT_HEADER;
                assert!(geometry.payload(0) >= headers_end);
                for slot in 0..slots {
                    let (start, end) = (geometry.payload(slot), geometry.payload(slot + 1));
                    assert!(start.is_multiple_of(PAYLOAD_ALIGN));
                    assert!(start + slot_bytes <= end && end <= geometry.len());
                }
            }
        }
    }

    #[test]
    fn smallest_ring_is_four_pages() {
        assert_eq!(geometry(3, 1).len(), 4 * 4096);
    }

    #[test]
    fn lease_words_fit_their_page() {
        const { assert!(LEASE_WORDS + LEASES * 8 <= LEASE_BYTES) };
        const { assert!(PREFIX <= LEASE_WORDS && PREFIX <= NEWEST) };
    }
}
