//! Which frames an eye takes, so that they are not more than `rate` a second.
//!
//! The beat is kept by the clock of the frames, and the eye rests until shortly before the next one is due.
//! Resting for a whole period by its own clock would fall behind a camera of the same rate by a
//! little each time, until every frame had waited for most of a period when it was looked at.

use std::time::Duration;

/// The pace of one eye, in microseconds of monotonic time.
#[derive(Debug)]
pub(crate) struct Pace {
    period: u64,
    due: u64,
    /// The last frame was of no use, so the next one may come at once.
    again: bool,
    /// The frame being looked at is such a second try.
    second: bool,
}

impl Pace {
    /// At most one frame each `period`.
    pub(crate) fn new(period: Duration) -> Self {
        Self {
            period: u64::try_from(period.as_micros()).unwrap_or(u64::MAX),
            due: 0,
            again: false,
            second: false,
        }
    }

    /// A frame may come a quarter early: cameras are not exact, and the beat makes up for it.
    fn open(&self) -> u64 {
        self.due.saturating_sub(self.period / 4)
    }

    /// How long no frame can be in time from now on.
    pub(crate) fn rest(&self, now: u64) -> Duration {
        Duration::from_micros(self.open().saturating_sub(now).min(self.period))
    }

    /// By how much a frame captured at `captured` is too early, in microseconds; `None` when it is in time. It may be
    /// looked at that much later, if no other has come until then.
    pub(crate) fn early(&self, captured: u64) -> Option<u64> {
        let early = self.due.saturating_sub(captured).min(self.period);
        (captured < self.open()).then_some(early)
    }

    /// A frame is looked at. One that came too early and was waited with, because no other came, draws the beat
    /// towards it, a little each time: otherwise every frame of a camera of the same rate would wait for ever.
    pub(crate) fn take(&mut self, captured: u64) {
        self.second = std::mem::take(&mut self.again);
        let next = captured.saturating_add(self.period);
        let drawn = match self.early(captured) {
            Some(_) => self.period / 32,
            None => 0,
        };
        self.due = self.due.saturating_add(self.period - drawn);
        // Late by more than a period, or the clock of another source: a new beat.
        if self.due < captured || self.due > next.saturating_add(self.period) {
            self.due = next;
        }
    }

    /// The frame that was taken was of no use: the one after it may take its place, but not a third.
    /// Otherwise a camera whose every second frame is torn might show us only those.
    pub(crate) fn useless(&mut self) {
        if !self.second {
            self.again = true;
            self.due = self.due.saturating_sub(self.period);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames taken in ten seconds of a camera with `gap` microseconds between frames, at 10 a second.
    fn taken(gap: u64) -> usize {
        let mut pace = Pace::new(Duration::from_millis(100));
        let frames = (1..).map(|n| n * gap).take_while(|at| *at <= 10_000_000);
        let taken = frames.filter(|at| {
            let in_time = pace.early(*at).is_none();
            if in_time {
                pace.take(*at);
            }
            in_time
        });
        taken.count()
    }

    #[test]
    fn a_camera_of_the_same_rate_loses_nothing_and_a_fast_one_gives_the_rate() {
        assert_eq!(taken(100_000), 100);
        assert_eq!(taken(99_000), 101, "it is one percent fast");
        assert!((98..=101).contains(&taken(33_333)), "{}", taken(33_333));
        assert!((98..=101).contains(&taken(91_000)), "{}", taken(91_000));
        assert_eq!(taken(250_000), 40);
    }

    #[test]
    fn rests_until_shortly_before_the_next_is_due() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(100));
        pace.take(1_000_000);
        assert_eq!(pace.rest(1_020_000), ms(55));
        assert_eq!(pace.early(1_070_000), Some(30_000));
        assert_eq!(pace.early(1_130_000), None);
        pace.take(1_130_000);
        assert_eq!(pace.rest(1_130_000), ms(45), "the beat is kept");
        pace.take(3_000_000);
        assert_eq!(pace.rest(3_000_000), ms(75), "and no burst follows");
    }

    #[test]
    fn frames_of_a_camera_of_the_same_rate_do_not_wait_for_ever() {
        let mut pace = Pace::new(Duration::from_millis(100));
        pace.take(1_000_000);
        // The beat is 60 ms behind the camera.
        let frames = (0..).map(|n| 1_040_000 + n * 100_000);
        let waited = frames.take(40).map(|captured| {
            let early = pace.early(captured);
            pace.take(captured);
            early
        });
        let waited: Vec<_> = waited.collect();
        assert_eq!(waited[0], Some(60_000));
        assert!(waited[12..].iter().all(Option::is_none), "{waited:?}");
    }

    #[test]
    fn a_clock_that_goes_back_holds_up_for_one_period() {
        let mut pace = Pace::new(Duration::from_millis(100));
        pace.take(u64::MAX);
        assert_eq!(pace.rest(0), Duration::from_millis(100));
        assert_eq!(pace.early(5_000_000), Some(100_000));
        pace.take(5_000_000);
        assert_eq!(pace.early(5_100_000), None);
    }

    #[test]
    fn a_useless_frame_is_followed_by_the_next_one_but_not_by_a_third() {
        let mut pace = Pace::new(Duration::from_millis(100));
        pace.take(1_000_000);
        pace.useless();
        assert_eq!(pace.early(1_050_000), None);
        pace.take(1_050_000);
        assert!(pace.early(1_070_000).is_some(), "the beat is kept");
        pace.take(1_100_000);
        pace.useless();
        pace.take(1_150_000);
        pace.useless();
        assert!(pace.early(1_160_000).is_some());
    }
}
