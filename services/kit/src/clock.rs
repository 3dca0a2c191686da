//! Time as a parameter. Elapsed time is monotonic (`CLOCK_BOOTTIME`); wall time has a quality.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// How far the wall clock can be trusted. Every event carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// Not before the build, and no more is known.
    Floor,
    /// Several sources agree.
    Agreed,
    /// The kernel's clock is disciplined by a time service.
    Synced,
}

impl Quality {
    /// The word on the wire: `floor`, `agreed` or `synced`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Agreed => "agreed",
            Self::Synced => "synced",
        }
    }

    /// What a word on the wire means; one that is not known means nothing is.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let all = [Self::Agreed, Self::Synced];
        let known = all.into_iter().find(|quality| quality.word() == word);
        known.unwrap_or(Self::Floor)
    }
}

/// A clock that tests can turn by hand. Cheap to clone; clones share their time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

#[derive(Debug, Default)]
struct Manual {
    wall: AtomicU64,
    mono: AtomicU64,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `wall_usec` until [`advance`](Self::advance) turns it.
    #[must_use]
    pub fn manual(wall_usec: u64) -> Self {
        let manual = Manual {
            wall: AtomicU64::new(wall_usec),
            mono: AtomicU64::new(1_000_000),
        };
        Self(Source::Manual(Arc::new(manual)))
    }

    /// Wall time in microseconds since the epoch.
    #[must_use]
    pub fn now_usec(&self) -> u64 {
        match &self.0 {
            Source::System => read(ClockId::CLOCK_REALTIME),
            Source::Manual(manual) => manual.wall.load(Ordering::Relaxed),
        }
    }

    /// Microseconds since boot, sleep included; never jumps.
    #[must_use]
    pub fn mono_usec(&self) -> u64 {
        match &self.0 {
            Source::System => read(ClockId::CLOCK_BOOTTIME),
            Source::Manual(manual) => manual.mono.load(Ordering::Relaxed),
        }
    }

    /// How far [`now_usec`](Self::now_usec) can be trusted.
    #[must_use]
    pub fn quality(&self) -> Quality {
        match &self.0 {
            Source::System if kernel_is_synced() => Quality::Synced,
            Source::System | Source::Manual(_) => Quality::Floor,
        }
    }

    /// Sets the wall time of a manual clock, as a time service does: elapsed time goes on as before.
    pub fn set_wall(&self, usec: u64) {
        if let Source::Manual(manual) = &self.0 {
            manual.wall.store(usec, Ordering::Relaxed);
        }
    }

    /// Turns a manual clock on; the system's clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let usec = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            manual.wall.fetch_add(usec, Ordering::Relaxed);
            manual.mono.fetch_add(usec, Ordering::Relaxed);
        }
    }
}

/// Wall time as RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn rfc3339(usec: u64) -> String {
    i64::try_from(usec)
        .ok()
        .and_then(|usec| jiff::Timestamp::from_microsecond(usec).ok())
        .map_or_else(String::new, |time| format!("{time:.3}"))
}

fn read(id: ClockId) -> u64 {
    clock_gettime(id).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        seconds * 1_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0) / 1000
    })
}

/// `adjtimex` without changing anything: the kernel says whether a time service disciplines it.
fn kernel_is_synced() -> bool {
    // SAFETY: an all-zero `timex` is valid, and with `modes = 0` the call only fills it in.
    #[allow(unsafe_code, reason = "nix has no adjtimex")]
    let state = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex.status)
    };
    state.0 >= 0 && state.0 != libc::TIME_ERROR && state.1 & libc::STA_UNSYNC == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(5);
        let twin = clock.clone();
        twin.advance(Duration::from_micros(7));
        assert_eq!(clock.now_usec(), 12);
        assert_eq!(clock.quality().word(), "floor");
    }

    #[test]
    fn a_quality_is_read_back() {
        for quality in [Quality::Floor, Quality::Agreed, Quality::Synced] {
            assert_eq!(Quality::of(quality.word()), quality);
        }
        assert_eq!(Quality::of("from the future"), Quality::Floor);
    }

    #[test]
    fn writes_rfc3339_in_utc() {
        assert_eq!(rfc3339(1_700_000_000_123_456), "2023-11-14T22:13:20.123Z");
    }
}
