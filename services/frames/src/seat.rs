//! A reader as the writer sees it: a page to look at and a socket to wake.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    layout::{LEASES, MAX_READERS, lease_word},
    memory::Map,
    wakeup,
};

/// One of the places; given back on drop.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    /// `None` if all are taken.
    pub(crate) fn take(count: &Arc<AtomicUsize>) -> Option<Self> {
        // Relaxed: a number, it guards no memory.
        count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < MAX_READERS).then_some(taken + 1)
            })
            .ok()
            .map(|_| Self(Arc::clone(count)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One reader, from its admission to its hang-up.
#[derive(Debug)]
pub(crate) struct Seat {
    /// Read-only here: whatever is in it came from the reader.
    pub(crate) page: Map,
    pub(crate) socket: OwnedFd,
    pub(crate) wakeups: bool,
    pub(crate) _place: Place,
}

impl Seat {
    pub(crate) fn words(&self) -> impl Iterator<Item = &AtomicU64> {
        (0..LEASES).map(|n| lease_word(&self.page, n))
    }
}

/// Drops the seats whose reader has hung up.
pub(crate) fn sweep(seats: &mut Vec<Seat>) {
    if seats.is_empty() {
        return;
    }
    let mut gone = wakeup::hung_up(seats.iter().map(|seat| seat.socket.as_fd())).into_iter();
    seats.retain(|_| !gone.next().unwrap_or(false));
}
