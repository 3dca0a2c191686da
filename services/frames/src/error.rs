//! What can go wrong when a ring is made, joined or waited for.

use nix::errno::Errno;

use crate::layout::{MAX_READERS, MAX_SLOT_BYTES, MAX_SLOTS, MIN_SLOTS};

/// One of the three descriptors of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The memfd with the frames.
    Ring,
    /// The memfd with the reader's lease words.
    Leases,
    /// The socket with the wake-ups.
    Wakeup,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring",
            Self::Leases => "lease page",
            Self::Wakeup => "wake-up socket",
        })
    }
}

/// An operation of this crate that failed, with its object.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The number of slots is out of range.
    #[error("ring of {0} slots: the range is {MIN_SLOTS} to {MAX_SLOTS}")]
    Slots(u32),
    /// The size of a slot is out of range.
    #[error("slot of {0} bytes: the range is 1 to {MAX_SLOT_BYTES}")]
    SlotBytes(usize),
    /// The kernel gave no memory file.
    #[error("create memory for the {part}")]
    Create {
        /// What it was for.
        part: Part,
        /// The kernel's reason.
        source: Errno,
    },
    /// A memory file could not be mapped.
    #[error("map {len} bytes of the {part}")]
    Map {
        /// What was mapped.
        part: Part,
        /// Its size in bytes.
        len: usize,
        /// The kernel's reason.
        source: Errno,
    },
    /// The wake-up socket could not be made, or its descriptors not be copied.
    #[error("open the {part} for a new reader")]
    Admit {
        /// What was opened.
        part: Part,
        /// The kernel's reason.
        source: Errno,
    },
    /// All places are taken.
    #[error("the ring has {MAX_READERS} readers already")]
    TooManyReaders,
    /// The writer behind this door was dropped.
    #[error("the ring's writer is gone")]
    WriterGone,
    /// A descriptor of a reader could not be examined.
    #[error("examine the descriptor given as {part}")]
    Examine {
        /// Which one.
        part: Part,
        /// The kernel's reason.
        source: Errno,
    },
    /// A descriptor is not a memfd (of ordinary pages).
    #[error("the descriptor given as {0} is not a memfd")]
    NotMemory(Part),
    /// A memfd can still change its size, or be written by others.
    #[error("the {part} lacks the seals `{missing}`")]
    Unsealed {
        /// Which one.
        part: Part,
        /// Names of the seals.
        missing: String,
    },
    /// A memfd has a seal that makes it useless.
    #[error("the {part} is sealed against writing")]
    Unwritable {
        /// Which one.
        part: Part,
    },
    /// A memfd is not as long as it says.
    #[error("the {part} is {len} bytes long, not {expected}")]
    Length {
        /// Which one.
        part: Part,
        /// Bytes it has.
        len: u64,
        /// Bytes it should have.
        expected: u64,
    },
    /// The first bytes are those of something else.
    #[error("the {0} does not begin like one")]
    Magic(Part),
    /// The other side speaks another version of the layout.
    #[error("the {part} has layout version {version}, this reader knows {known}")]
    Version {
        /// Which one.
        part: Part,
        /// The version found.
        version: u64,
        /// The version of this crate.
        known: u64,
    },
    /// The lease page was made for another ring: the writer of this one would not look at it.
    #[error("the lease page belongs to another ring")]
    Stranger,
    /// The wake-up descriptor is not a `SOCK_SEQPACKET` socket.
    #[error("the descriptor given as wake-up socket is not a sequenced-packet socket")]
    NotSocket,
    /// Waiting failed.
    #[error("wait for a frame")]
    Wait {
        /// The kernel's reason.
        source: Errno,
    },
}
