//! The inbox through which a new reader joins while the writer runs.
//!
//! A list with one atomic head: a door pushes, the writer takes all at once. No lock, because the
//! writer would wait for whoever holds it (and that thread may be asleep with it), and no channel,
//! because the safety of a lease rests on an order that no channel promises: a reader that was
//! pushed before its first lease is seen by every scan that could hurt it. See `protocol`.

#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{marker::PhantomData, ptr};

/// Things pushed by any thread, taken by one.
pub(crate) struct Inbox<T> {
    head: AtomicPtr<Node<T>>,
    owns: PhantomData<Box<Node<T>>>,
}

struct Node<T> {
    item: T,
    next: *mut Node<T>,
}

impl<T> Inbox<T> {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            owns: PhantomData,
        }
    }

    /// Adds `item`. Repeats only when another push or take won meanwhile.
    pub(crate) fn push(&self, item: T) {
        let mut head = self.head.load(Ordering::Relaxed);
        let mut node = Box::new(Node { item, next: head });
        loop {
            node.next = head;
            let raw = Box::into_raw(node);
            // Release: the node is whole before it can be seen.
            match (self.head).compare_exchange(head, raw, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => {
                    head = now;
                    #[allow(unsafe_code, reason = "takes back the box that lost the race")]
                    // SAFETY: `raw` came from `Box::into_raw` above and was not shared.
                    let back = unsafe { Box::from_raw(raw) };
                    node = back;
                }
            }
        }
    }

    /// Takes everything, newest first. Never waits.
    pub(crate) fn take(&self) -> Taken<T> {
        // Acquire: pairs with `push`. A swap and not a load, so the list has one owner from here
        // on, and the head cannot come back (no ABA).
        Taken(self.head.swap(ptr::null_mut(), Ordering::Acquire))
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        self.take().for_each(drop);
    }
}

/// A list cut off the inbox; owned by whoever took it.
pub(crate) struct Taken<T>(*mut Node<T>);

impl<T> Iterator for Taken<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.0.is_null() {
            return None;
        }
        #[allow(unsafe_code, reason = "the list is made of raw boxes")]
        // SAFETY: the node came from `Box::into_raw` in `push`, and the swap in `take` made this
        // list the only way to it.
        let node = unsafe { Box::from_raw(self.0) };
        self.0 = node.next;
        Some(node.item)
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

// SAFETY: an inbox owns its items and moves each to one taker; it hands out no references.
#[allow(unsafe_code, reason = "the raw pointers own boxes of `T`")]
unsafe impl<T: Send> Send for Inbox<T> {}
// SAFETY: as above; `push` and `take` work on `&self` by one atomic word.
#[allow(unsafe_code, reason = "the raw pointers own boxes of `T`")]
unsafe impl<T: Send> Sync for Inbox<T> {}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn takes_all_once() {
        let inbox = Inbox::new();
        inbox.push(1);
        inbox.push(2);
        assert_eq!(inbox.take().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(inbox.take().next(), None);
    }

    #[test]
    fn drops_what_nobody_took() {
        let witness = Arc::new(());
        let inbox = Inbox::new();
        for _ in 0..3 {
            inbox.push(Arc::clone(&witness));
        }
        let mut taken = inbox.take();
        inbox.push(Arc::clone(&witness));
        assert!(taken.next().is_some());
        drop(taken);
        drop(inbox);
        assert_eq!(Arc::strong_count(&witness), 1);
    }

    #[test]
    fn loses_nothing_under_many_doors() {
        let inbox = Inbox::new();
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            for door in 0..4 {
                let inbox = &inbox;
                scope.spawn(move || (0..500).for_each(|n| inbox.push(door * 500 + n)));
            }
            while seen.len() < 2000 {
                seen.extend(inbox.take());
            }
        });
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..2000));
    }
}
