//! Which frames of a clip are looked at: those that the daemon's eye would take from a camera that sends them.
//!
//! The beat is the daemon's own ([`crate::pace`]); here is only what its eye does with it, by the clip's clock: it
//! sleeps until shortly before a look is due, holds a frame that is too early, and looks at that one when
//! no other has come in time. A look takes no time here, so that no frame is missed meanwhile.

use std::time::Duration;

use super::wire::Frame;
use crate::pace::Pace;

/// The pace of one clip.
#[derive(Debug)]
pub(super) struct Picker {
    pace: Pace,
    /// The newest frame, which came too early, and when it is looked at if no other comes, in microseconds.
    held: Option<(Frame, u64)>,
}

impl Picker {
    /// A look at most every `period`.
    pub(super) fn new(period: Duration) -> Self {
        let pace = Pace::new(period);
        Self { pace, held: None }
    }

    /// The frame that was held and whose time has come before the frame of `time`. Asked before
    /// [`offer`](Self::offer).
    pub(super) fn overdue(&mut self, time: Duration) -> Option<Frame> {
        let held = self.held.take_if(|(_, due)| *due < micros(time));
        held.map(|(frame, _)| self.take(frame))
    }

    /// Gives the frame back if it is to be looked at now.
    pub(super) fn offer(&mut self, frame: Frame) -> Option<Frame> {
        self.held = None;
        let captured = micros(frame.time);
        let Some(early) = self.pace.early(captured) else {
            return Some(self.take(frame));
        };
        // The eye notices it when it wakes up, and waits from then on.
        let awake = frame.time.saturating_add(self.pace.rest(captured));
        self.held = Some((frame, micros(awake).saturating_add(early)));
        None
    }

    /// The frame that is still to be looked at when no other comes.
    pub(super) fn rest(&mut self) -> Option<Frame> {
        let held = self.held.take();
        held.map(|(frame, _)| self.take(frame))
    }

    /// The frame that was looked at was of no use.
    pub(super) fn useless(&mut self) {
        self.pace.useless();
    }

    fn take(&mut self, frame: Frame) -> Frame {
        self.pace.take(micros(frame.time));
        frame
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of the looks at frames of `times`, both in milliseconds; every frame in `torn` is useless.
    fn looks(period: u64, times: impl IntoIterator<Item = u64>, torn: &[u64]) -> Vec<u64> {
        let mut pace = Picker::new(Duration::from_millis(period));
        let mut seen = Vec::new();
        for time in times {
            let time = Duration::from_millis(time);
            let mut look = |pace: &mut Picker, frame: Option<Frame>| {
                let Some(frame) = frame else { return };
                let millis = u64::try_from(frame.time.as_millis()).unwrap();
                seen.push(millis);
                if torn.contains(&millis) {
                    pace.useless();
                }
            };
            let held = pace.overdue(time);
            look(&mut pace, held);
            let bytes = Vec::new();
            let now = pace.offer(Frame { time, bytes });
            look(&mut pace, now);
        }
        let last = pace.rest();
        seen.extend(last.map(|frame| u64::try_from(frame.time.as_millis()).unwrap()));
        seen
    }

    #[test]
    fn takes_the_newest_frame_whenever_a_look_is_due() {
        let video = (0..8).map(|n| n * 40);
        assert_eq!(looks(100, video, &[]), [0, 80, 200, 280]);
    }

    #[test]
    fn a_slow_camera_is_waited_for_and_no_frame_is_lost() {
        assert_eq!(looks(100, [0, 500, 1000], &[]), [0, 500, 1000]);
        assert_eq!(looks(100, [700, 760, 1500], &[]), [700, 760, 1500]);
    }

    #[test]
    fn a_slow_pace_drops_all_but_the_newest() {
        let video = (0..30).map(|n| n * 100);
        assert_eq!(looks(1000, video, &[]), [0, 800, 1800, 2800, 2900]);
    }

    /// As the daemon: a frame may come a quarter of a period early, and the beat makes up for it.
    #[test]
    fn a_clip_of_the_same_rate_loses_nothing_to_jitter() {
        let jitter = [0, 95, 205, 290, 410, 480];
        assert_eq!(looks(100, jitter, &[]), jitter);
    }

    /// As the daemon: a clip whose every second frame is torn is seen nevertheless.
    #[test]
    fn a_torn_frame_is_followed_by_the_next_one() {
        let video = (0..6).map(|n| n * 50);
        assert_eq!(looks(100, video, &[0, 100]), [0, 50, 100, 150, 200, 250]);
    }
}
