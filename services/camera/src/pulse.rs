//! The watchdog of many loops: fed only while every one of them still turns.
//!
//! Each capture thread and the roster beat at each turn. A beat feeds the watchdog if no other loop has
//! been silent for too long; so one thread that hangs in a driver stops the feeding, although
//! the others go on, and systemd starts us anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A loop that has not beaten for this long hangs. Less than the `WatchdogSec` of the unit.
const SILENCE: Duration = Duration::from_secs(15);

/// The loops of the daemon. Cheap to clone.
#[derive(Clone)]
pub struct Pulse {
    beats: Arc<Mutex<HashMap<u64, Instant>>>,
    feed: Arc<dyn Fn() + Send + Sync>,
}

impl Pulse {
    /// A pulse that calls `feed` while all is well.
    pub fn new(feed: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            beats: Arc::default(),
            feed: Arc::new(feed),
        }
    }

    /// Joins a loop; it leaves when the [`Beat`] is dropped.
    pub fn join(&self) -> Beat {
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let number = beats.keys().max().map_or(0, |most| most + 1);
        beats.insert(number, Instant::now());
        Beat {
            pulse: self.clone(),
            number,
        }
    }
}

impl std::fmt::Debug for Pulse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pulse")
    }
}

/// One loop.
#[derive(Debug)]
pub struct Beat {
    pulse: Pulse,
    number: u64,
}

impl Beat {
    /// Says that this loop turns.
    pub fn beat(&self) {
        let now = Instant::now();
        let well = {
            let mut beats = self
                .pulse
                .beats
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            beats.insert(self.number, now);
            beats
                .values()
                .all(|beat| now.duration_since(*beat) < SILENCE)
        };
        if well {
            (self.pulse.feed)();
        }
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        let mut beats = self
            .pulse
            .beats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        beats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_silent_loop_stops_the_feeding() {
        let fed = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&fed);
        let pulse = Pulse::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let (lively, hanging) = (pulse.join(), pulse.join());
        lively.beat();
        assert_eq!(fed.load(Ordering::Relaxed), 1);
        let long_ago = Instant::now().checked_sub(SILENCE * 2).unwrap();
        pulse.beats.lock().unwrap().insert(hanging.number, long_ago);
        lively.beat();
        assert_eq!(fed.load(Ordering::Relaxed), 1);
        drop(hanging);
        lively.beat();
        assert_eq!(fed.load(Ordering::Relaxed), 2);
    }
}
