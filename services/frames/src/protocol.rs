//! Hazard pointers: how a reader takes a frame without asking, and why the writer cannot hurt it.
//!
//! ```text
//!   reader                                   writer
//!   t = newest                               (newest is another slot since the last publish)
//!   word = slot(t)                           fence            "Fw"
//!   fence            "Fr"                    learn of readers, read every word
//!   newest still t?  yes: leased             write a slot that is neither newest nor in a word
//!                    no: try again           newest = that slot
//! ```
//!
//! Why it holds. All `SeqCst` fences have one order. If Fr comes before Fw, the writer's scan sees
//! the word (or a later value of it) and leaves the slot alone. If Fw comes before Fr, the reader's
//! second look sees what the writer stored before Fw, which is not `t`: the writer only ever picks
//! slots that are not newest, so `t` was replaced one publish earlier, and a ticket never comes
//! back because it carries a sequence. Neither side can miss the other; without the fences both
//! can (store buffering), which `model::holes::the_fences_are_needed` shows.
//!
//! The same order lets a reader join: it is known to the writer before its first Fr, and the writer
//! learns of readers after Fw, so a scan that does not know of it is one whose Fw came first.
//!
//! That the payload's plain reads and writes are ordered too is the work of Release and Acquire: the
//! scan that finds a slot free has read the store that ended the last lease of it.
//!
//! This module is atomics only, so that loom can run it in every order: see `model`. It knows
//! nothing of processes, memory maps or sockets.

#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use self::model::fence;

#[cfg(loom)]
mod model;

/// Value of `newest` before the first frame, and of a lease word that holds nothing.
const NOTHING: u64 = 0;

/// Looks at `newest` before giving up. Each further look means that the writer published in the
/// nanoseconds between two loads, so a second is rare and a fourth is a writer gone mad.
const LOOKS: u32 = 64;

/// One publication: which slot, and a sequence from 1 that never comes back.
///
/// The sequence has 56 bits: at a million frames a second they last two thousand years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Ticket {
    fn new(sequence: u64, slot: u32) -> Self {
        Self(sequence << 8 | u64::from(slot))
    }

    /// `None` when nothing is published.
    fn from_word(word: u64) -> Option<Self> {
        (word != NOTHING).then_some(Self(word))
    }

    /// 0..=255: a reader compares it with the number of slots before use.
    pub(crate) fn slot(self) -> u32 {
        (self.0 & 0xff) as u32
    }
}

/// The newest ticket, without a lease: good for "is there something new", for nothing else.
pub(crate) fn look(newest: &AtomicU64) -> Option<Ticket> {
    // Relaxed: the payload is not read on the strength of this load.
    Ticket::from_word(newest.load(Ordering::Relaxed))
}

/// Leases the newest frame into `word`, which must hold nothing. `slots` bounds what is believed.
///
/// `None`: nothing is published, or the writer's numbers make no sense.
pub(crate) fn lease(newest: &AtomicU64, word: &AtomicU64, slots: u32) -> Option<Ticket> {
    let mut wanted = look(newest)?;
    for _ in 0..LOOKS {
        if wanted.slot() >= slots {
            break;
        }
        // Release, and not only in `release`: this store may overwrite the word of a lease given
        // back just now, and the scan that reads this value must see that lease's reads as done.
        word.store(u64::from(wanted.slot()) + 1, Ordering::Release);
        fence(Ordering::SeqCst); // Fr
        // Acquire: pairs with `publish`, so that header and payload are there.
        match Ticket::from_word(newest.load(Ordering::Acquire)) {
            Some(now) if now == wanted => return Some(now),
            Some(now) => wanted = now,
            None => break,
        }
    }
    release(word);
    None
}

/// Gives the frame in `word` back.
pub(crate) fn release(word: &AtomicU64) {
    // Release: pairs with the scan's Acquire. Every read of the payload happens before the writer
    // learns that the slot is free.
    word.store(NOTHING, Ordering::Release);
}

/// The writer's side. Its own memory of what is newest is the truth; it never reads it back.
#[derive(Debug)]
pub(crate) struct Publisher {
    slots: u32,
    newest: Option<Ticket>,
    sequence: u64,
}

impl Publisher {
    /// `slots` is 1..=64: one bit of the scan each.
    pub(crate) fn new(slots: u32) -> Self {
        Self {
            slots,
            newest: None,
            sequence: 0,
        }
    }

    /// A slot that nobody reads and nobody will, until it is published; `None` if all are taken.
    ///
    /// `words` is called after the fence: a reader that it does not know of yet was let in after
    /// the fence, and such a reader finds today's newest, never this slot. Words with nonsense in
    /// them hold nothing. The lowest free slot is taken, so memory that is not needed stays
    /// untouched, and what is needed stays in the cache.
    pub(crate) fn choose<'w, W>(&self, words: impl FnOnce() -> W) -> Option<u32>
    where
        W: Iterator<Item = &'w AtomicU64>,
    {
        fence(Ordering::SeqCst); // Fw
        let mut taken = self.newest.map_or(0, |newest| 1u64 << newest.slot());
        for word in words() {
            // Acquire: pairs with `release` (and with the store in `lease`).
            let held = word.load(Ordering::Acquire);
            if (1..=u64::from(self.slots)).contains(&held) {
                taken |= 1 << (held - 1);
            }
        }
        let free = taken.trailing_ones();
        (free < self.slots).then_some(free)
    }

    /// Makes the filled slot the newest.
    pub(crate) fn publish(&mut self, newest: &AtomicU64, slot: u32) {
        self.sequence += 1;
        let ticket = Ticket::new(self.sequence, slot);
        self.newest = Some(ticket);
        // Release: header and payload first.
        newest.store(ticket.0, Ordering::Release);
    }

    /// Nothing is newest any more: who comes later shall not find a frame from long ago.
    pub(crate) fn withdraw(&mut self, newest: &AtomicU64) {
        if self.newest.take().is_some() {
            newest.store(NOTHING, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn lease_holds_the_slot_until_released() {
        let newest = AtomicU64::new(NOTHING);
        let word = AtomicU64::new(NOTHING);
        let mut publisher = Publisher::new(3);
        assert_eq!(lease(&newest, &word, 3), None);

        publisher.publish(&newest, 0);
        let held = lease(&newest, &word, 3).unwrap();
        assert_eq!(held.slot(), 0);
        publisher.publish(&newest, 1);
        let words = || std::iter::once(&word);
        assert_eq!(publisher.choose(words), Some(2));
        release(&word);
        assert_eq!(publisher.choose(words), Some(0));
    }

    #[test]
    fn all_taken_is_none_and_nonsense_holds_nothing() {
        let newest = AtomicU64::new(NOTHING);
        let mut publisher = Publisher::new(3);
        publisher.publish(&newest, 1);
        let words = [1, 3].map(AtomicU64::new);
        assert_eq!(publisher.choose(|| words.iter()), None);
        let nonsense = [0, 4, 64, 65, 255, u64::MAX].map(AtomicU64::new);
        assert_eq!(publisher.choose(|| nonsense.iter()), Some(0));
    }

    #[test]
    fn sixty_four_slots_fit_the_scan() {
        let newest = AtomicU64::new(NOTHING);
        let mut publisher = Publisher::new(64);
        publisher.publish(&newest, 63);
        let words: Vec<_> = (1..=63).map(AtomicU64::new).collect();
        assert_eq!(publisher.choose(|| words.iter()), None);
        words[40].store(NOTHING, Ordering::Relaxed);
        assert_eq!(publisher.choose(|| words.iter()), Some(40));
    }

    #[test]
    fn withdrawn_frame_cannot_be_leased() {
        let newest = AtomicU64::new(NOTHING);
        let word = AtomicU64::new(NOTHING);
        let mut publisher = Publisher::new(3);
        publisher.publish(&newest, 0);
        publisher.withdraw(&newest);
        assert_eq!(lease(&newest, &word, 3), None);
        assert_eq!(publisher.choose(std::iter::empty), Some(0));
    }

    #[test]
    fn slot_beyond_the_ring_is_not_believed() {
        let newest = AtomicU64::new(Ticket::new(1, 7).0);
        let word = AtomicU64::new(NOTHING);
        assert_eq!(lease(&newest, &word, 3), None);
        assert_eq!(word.load(Ordering::Relaxed), NOTHING);
    }
}
