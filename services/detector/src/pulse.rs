//! Whether the camera threads still turn: the engine's idle tick asks before it says "alive".
//!
//! The watchdog must notice a thread that hangs although the engine is fine, so each eye leaves
//! the time of its last turn here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// An eye turns several times a second; one that has not for so long hangs. Shorter than the
/// unit's `WatchdogSec`, longer than any wait for a busy engine.
const LIMIT_USEC: u64 = 15_000_000;

/// The last turns of all eyes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulses(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

/// The mark of one eye; gone from the list when dropped.
#[derive(Debug)]
pub(crate) struct Pulse {
    name: String,
    last: Arc<AtomicU64>,
    all: Pulses,
}

impl Pulses {
    /// Enters an eye.
    pub(crate) fn enter(&self, name: &str, mono_usec: u64) -> Pulse {
        let last = Arc::new(AtomicU64::new(mono_usec));
        self.list().insert(name.to_owned(), Arc::clone(&last));
        Pulse {
            name: name.to_owned(),
            last,
            all: self.clone(),
        }
    }

    /// The first eye that hangs.
    pub(crate) fn hanging(&self, mono_usec: u64) -> Option<String> {
        let hangs =
            |last: &AtomicU64| mono_usec.saturating_sub(last.load(Ordering::Relaxed)) > LIMIT_USEC;
        let list = self.list();
        let mut hanging = list.iter().filter(|(_, last)| hangs(last));
        hanging.next().map(|(name, _)| name.clone())
    }

    fn list(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<AtomicU64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pulse {
    /// Notes a turn.
    pub(crate) fn beat(&self, mono_usec: u64) {
        self.last.store(mono_usec, Ordering::Relaxed);
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let mut list = self.all.list();
        // A new eye of the same camera may have entered already.
        if list
            .get(&self.name)
            .is_some_and(|last| Arc::ptr_eq(last, &self.last))
        {
            list.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_who_hangs_and_forgets_who_left() {
        let pulses = Pulses::default();
        let (front, yard) = (pulses.enter("front", 0), pulses.enter("yard", 0));
        front.beat(LIMIT_USEC);
        assert_eq!(pulses.hanging(LIMIT_USEC), None);
        assert_eq!(pulses.hanging(LIMIT_USEC + 1).as_deref(), Some("yard"));
        drop(yard);
        assert_eq!(pulses.hanging(LIMIT_USEC + 1), None);
    }

    #[test]
    fn a_new_eye_of_the_same_camera_outlives_the_old_one() {
        let pulses = Pulses::default();
        let old = pulses.enter("front", 0);
        let _new = pulses.enter("front", 0);
        drop(old);
        assert_eq!(pulses.hanging(u64::MAX).as_deref(), Some("front"));
    }
}
