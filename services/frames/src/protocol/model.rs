//! The protocol in every order that the memory model allows, by loom.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --release -p vigla-frames`
//!
//! A slot's payload is one loom cell: loom fails the run if it is ever read and written without an
//! order between the two, which is the whole promise of this crate. `holes` takes parts of the
//! protocol away and expects loom to notice: it tests the model.
//!
//! What loom does not show: its `SeqCst` fences also synchronise, as those of the language do not.
//! The head of `protocol` argues without that, and the words and `newest` carry their own
//! Acquire and Release for it.

#![allow(clippy::unwrap_used, reason = "a thread that panicked fails the model")]

mod holes;

use std::{array, cell::RefCell};

use loom::{
    cell::UnsafeCell,
    model::Builder,
    sync::{Arc, atomic::AtomicU64},
    thread,
};

use super::*;
use crate::arrivals::Inbox;

const SLOTS: u32 = 3;

loom::lazy_static! {
    static ref FENCES: AtomicU64 = AtomicU64::new(0);
}

/// A fence whose place among the others loom varies.
///
/// Loom tries both orders of two accesses to one atomic, but takes two fences as they come, and so
/// would never see a reader's fence fall between a writer's last access and its fence. The counter
/// is that access; relaxed, it orders nothing that the fences do not.
pub(super) fn fence(order: Ordering) {
    FENCES.fetch_add(1, Ordering::Relaxed);
    loom::sync::atomic::fence(order);
}

/// A ring: the newest word, a cell per slot, and the way in.
struct Ring {
    newest: AtomicU64,
    payload: [UnsafeCell<u64>; SLOTS as usize],
    arrivals: Inbox<Arc<AtomicU64>>,
}

// SAFETY: loom checks every access to the cells; that is what it is here for.
#[allow(unsafe_code, reason = "the cells are shared as the slots are")]
unsafe impl Sync for Ring {}

impl Ring {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            newest: AtomicU64::new(NOTHING),
            payload: array::from_fn(|_| UnsafeCell::new(0)),
            arrivals: Inbox::new(),
        })
    }

    /// A reader's lease word, seen by every scan from now on.
    fn admit(&self) -> Arc<AtomicU64> {
        let word = Arc::new(AtomicU64::new(NOTHING));
        self.arrivals.push(Arc::clone(&word));
        word
    }

    /// The payload of a leased frame is that frame's, at both looks.
    fn read(&self, ticket: Ticket) {
        for _ in 0..2 {
            // SAFETY: see `Sync`.
            #[allow(unsafe_code, reason = "a loom cell")]
            let payload = self.payload[ticket.slot() as usize].with(|cell| unsafe { *cell });
            assert_eq!(payload, ticket.0 >> 8);
        }
    }

    /// The writer: publishes `frames` frames and returns how many found no slot.
    fn write(&self, frames: u64, learn: Learn) -> usize {
        let mut publisher = Publisher::new(SLOTS);
        let words = RefCell::new(Vec::new());
        let mut dropped = 0;
        for _ in 0..frames {
            words.borrow_mut().extend(self.arrivals.take());
            let known = || {
                if learn == Learn::AfterTheFence {
                    words.borrow_mut().extend(self.arrivals.take());
                }
                words.borrow().clone()
            };
            let Some(slot) = choose(&publisher, known) else {
                dropped += 1;
                continue;
            };
            self.fill(slot, publisher.sequence + 1);
            publisher.publish(&self.newest, slot);
        }
        dropped
    }

    fn fill(&self, slot: u32, payload: u64) {
        // SAFETY: see `Sync`.
        #[allow(unsafe_code, reason = "a loom cell")]
        self.payload[slot as usize].with_mut(|cell| unsafe { *cell = payload });
    }
}

/// When the writer learns of new readers: the second way is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Learn {
    AfterTheFence,
    BeforeTheFence,
}

/// `Publisher::choose` for words in loom's `Arc`s.
fn choose(publisher: &Publisher, words: impl FnOnce() -> Vec<Arc<AtomicU64>>) -> Option<u32> {
    let known = std::cell::OnceCell::new();
    publisher.choose(|| known.get_or_init(words).iter().map(|word| &**word))
}

/// Runs `f` in every order with at most `preemptions` involuntary switches.
fn explore(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut model = Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(f);
}

/// A reader that looks `times` times.
fn look_again(ring: &Ring, word: &AtomicU64, times: usize) {
    for _ in 0..times {
        if let Some(ticket) = lease(&ring.newest, word, SLOTS) {
            ring.read(ticket);
            release(word);
        }
    }
}

#[test]
fn leased_payload_is_never_written() {
    explore(4, || {
        let ring = Ring::new();
        let word = ring.admit();
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || look_again(&ring, &word, 2))
        };
        // Three slots, one reader: there is always a free one, whatever it does.
        assert_eq!(ring.write(4, Learn::AfterTheFence), 0);
        reader.join().unwrap();
    });
}

#[test]
fn two_readers_do_not_disturb_each_other() {
    explore(2, || {
        let ring = Ring::new();
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let (ring, word) = (Arc::clone(&ring), ring.admit());
                thread::spawn(move || look_again(&ring, &word, 1))
            })
            .collect();
        ring.write(4, Learn::AfterTheFence);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

fn join_while_writing(learn: Learn) {
    explore(3, move || {
        let ring = Ring::new();
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let word = ring.admit();
                look_again(&ring, &word, 1);
            })
        };
        assert_eq!(ring.write(4, learn), 0);
        reader.join().unwrap();
    });
}

#[test]
fn reader_may_join_at_any_moment() {
    join_while_writing(Learn::AfterTheFence);
}

#[test]
fn reader_that_dies_holding_costs_one_slot() {
    explore(4, || {
        let ring = Ring::new();
        let word = ring.admit();
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                if let Some(ticket) = lease(&ring.newest, &word, SLOTS) {
                    ring.read(ticket); // and is never heard of again
                }
            })
        };
        assert_eq!(ring.write(4, Learn::AfterTheFence), 0);
        reader.join().unwrap();
    });
}

#[test]
fn withdrawn_frame_is_not_overwritten_under_a_reader() {
    explore(4, || {
        let ring = Ring::new();
        let word = ring.admit();
        let mut publisher = Publisher::new(SLOTS);
        publisher.publish(&ring.newest, 0);
        ring.fill(0, 1);
        let reader = {
            let (ring, word) = (Arc::clone(&ring), Arc::clone(&word));
            thread::spawn(move || look_again(&ring, &word, 2))
        };
        publisher.withdraw(&ring.newest);
        let slot = choose(&publisher, || vec![word]).unwrap();
        ring.fill(slot, 2);
        publisher.publish(&ring.newest, slot);
        reader.join().unwrap();
    });
}

#[test]
fn inbox_loses_nothing() {
    explore(3, || {
        let inbox = Arc::new(Inbox::new());
        let doors: Vec<_> = (0..2)
            .map(|n| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || inbox.push(n))
            })
            .collect();
        let mut seen: Vec<i32> = inbox.take().collect();
        for door in doors {
            door.join().unwrap();
        }
        seen.extend(inbox.take());
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
    });
}
