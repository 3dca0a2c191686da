//! Which frames of a clip are looked at: at most one each period, always the newest.
//!
//! A look is due a period after the one before was. Then the newest frame that was not seen is taken, or
//! the next one is waited for; what comes meanwhile is overwritten. The daemon's `pace` also lets a frame
//! of a live camera come a quarter of a period early, since cameras are not exact; here the times are the
//! clip's, and looks take none, so that single looks may fall on a neighbouring frame.

use std::time::Duration;

use super::wire::Frame;

/// The pace of one clip.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    /// When the next look is due; the first frame is looked at whenever it comes.
    due: Duration,
    /// The newest frame that was not looked at.
    newest: Option<Frame>,
}

impl Pace {
    /// A look at most every `period`.
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            due: Duration::ZERO,
            newest: None,
        }
    }

    /// The frames to look at now that `frame` has come: the one before, if its moment was between the
    /// two, and this one, if it was waited for.
    pub(super) fn take(&mut self, frame: Frame) -> [Option<Frame>; 2] {
        let old = self.newest.take().filter(|_| self.due < frame.time);
        if old.is_some() {
            self.due += self.period;
        }
        if self.due > frame.time {
            self.newest = Some(frame);
            return [old, None];
        }
        self.due = frame.time.max(self.due + self.period);
        [old, Some(frame)]
    }

    /// The frame that is still to be looked at when no other comes.
    pub(super) fn rest(&mut self) -> Option<Frame> {
        self.newest.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of the looks at frames of `times`, both in milliseconds.
    fn looks(period: u64, times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut pace = Pace::new(Duration::from_millis(period));
        let mut seen = Vec::new();
        for time in times {
            let time = Duration::from_millis(time);
            let bytes = Vec::new();
            seen.extend(pace.take(Frame { time, bytes }).into_iter().flatten());
        }
        seen.extend(pace.rest());
        seen.iter()
            .map(|frame| u64::try_from(frame.time.as_millis()).unwrap())
            .collect()
    }

    #[test]
    fn takes_the_newest_frame_whenever_a_look_is_due() {
        let video = (0..8).map(|n| n * 40);
        assert_eq!(looks(100, video), [0, 80, 200, 280]);
    }

    #[test]
    fn a_slow_camera_is_waited_for_and_no_frame_is_lost() {
        assert_eq!(looks(100, [0, 500, 1000]), [0, 500, 1000]);
        assert_eq!(looks(100, [700, 760, 1500]), [700, 760, 1500]);
    }

    #[test]
    fn a_slow_pace_drops_all_but_the_newest() {
        assert_eq!(looks(1000, (0..30).map(|n| n * 100)), [0, 1000, 2000, 2900]);
    }
}
