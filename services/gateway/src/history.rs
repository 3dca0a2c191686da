//! Counts per minute, camera and label, for the last day. Pure: minutes are passed in.
//!
//! In memory only: the lasting record is the matter of `metrics`; this one feeds the curve on
//! the page. A camera costs about 150 kB for a day.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

/// Minutes that are kept.
pub(crate) const KEPT_MINUTES: usize = 24 * 60;

/// One minute of one camera, as served.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Minute {
    pub(crate) camera_id: String,
    /// Start of the minute, microseconds since the epoch.
    pub(crate) start_usec: u64,
    pub(crate) labels: BTreeMap<String, Figures>,
}

/// What one label did in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Most in view at once.
    pub(crate) max: u32,
    /// Mean over the samples of the minute.
    pub(crate) mean: f64,
    /// Arrivals in this minute.
    pub(crate) arrivals: u64,
}

/// The last day of all cameras.
#[derive(Debug, Default)]
pub(crate) struct History {
    cameras: BTreeMap<String, Track>,
}

#[derive(Debug, Default)]
struct Track {
    minutes: VecDeque<Bucket>,
    /// The detector's running totals when we last looked.
    arrivals: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Bucket {
    minute: u64,
    labels: BTreeMap<String, Tally>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    max: u32,
    sum: u64,
    samples: u32,
    arrivals: u64,
}

impl History {
    /// Adds one look at a camera: what is in view, and the detector's totals of arrivals.
    ///
    /// A total that went down means that the detector started anew; it then counts from 0. The
    /// first look only notes the totals: what came before the gateway is not of this minute.
    pub(crate) fn add(
        &mut self,
        camera: &str,
        time_secs: u64,
        counts: &BTreeMap<String, u32>,
        arrivals: &BTreeMap<String, u64>,
    ) {
        let first_look = !self.cameras.contains_key(camera);
        let track = self.cameras.entry(camera.to_owned()).or_default();
        let news: Vec<_> = arrivals
            .iter()
            .map(|(label, &total)| {
                let before = track.arrivals.get(label).copied().unwrap_or(0);
                let new = if first_look {
                    0
                } else if total >= before {
                    total - before
                } else {
                    total
                };
                (label, new)
            })
            .collect();
        let bucket = track_bucket(&mut track.minutes, time_secs / 60);
        for (label, &count) in counts {
            let tally = bucket.labels.entry(label.clone()).or_default();
            tally.max = tally.max.max(count);
            tally.sum += u64::from(count);
            tally.samples += 1;
        }
        for (label, new) in news {
            bucket.labels.entry(label.clone()).or_default().arrivals += new;
        }
        track.arrivals.clone_from(arrivals);
    }

    /// The last `minutes` minutes of one camera or of all, oldest first for each camera; minutes
    /// without a look are absent.
    pub(crate) fn of(&self, camera: Option<&str>, now_secs: u64, minutes: usize) -> Vec<Minute> {
        let from = (now_secs / 60).saturating_sub(minutes as u64);
        self.cameras
            .iter()
            .filter(|(id, _)| camera.is_none_or(|wanted| wanted == id.as_str()))
            .flat_map(|(id, track)| track.minutes.iter().map(move |bucket| (id, bucket)))
            .filter(|(_, bucket)| bucket.minute > from)
            .map(|(id, bucket)| bucket.minute(id))
            .collect()
    }
}

/// The bucket of `minute`, made when it is new. A clock that jumps back goes on in the newest.
fn track_bucket(minutes: &mut VecDeque<Bucket>, minute: u64) -> &mut Bucket {
    if minutes.back().is_none_or(|newest| newest.minute < minute) {
        if minutes.len() == KEPT_MINUTES {
            minutes.pop_front();
        }
        minutes.push_back(Bucket {
            minute,
            labels: BTreeMap::new(),
        });
    }
    let newest = minutes.len() - 1;
    &mut minutes[newest]
}

impl Bucket {
    fn minute(&self, camera: &str) -> Minute {
        let figures = |tally: &Tally| Figures {
            max: tally.max,
            mean: mean(tally.sum, tally.samples),
            arrivals: tally.arrivals,
        };
        Minute {
            camera_id: camera.to_owned(),
            start_usec: self.minute * 60_000_000,
            labels: self
                .labels
                .iter()
                .map(|(label, tally)| (label.clone(), figures(tally)))
                .collect(),
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "sums of one minute of counts are far below 2^52"
)]
fn mean(sum: u64, samples: u32) -> f64 {
    if samples == 0 {
        return 0.0;
    }
    (sum as f64 / f64::from(samples) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<T: Copy>(pairs: &[(&str, T)]) -> BTreeMap<String, T> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    #[test]
    fn a_minute_has_maximum_mean_and_arrivals() {
        let mut history = History::default();
        for (second, count, total) in [(60, 0, 10), (61, 3, 13), (62, 1, 14)] {
            history.add(
                "a",
                second,
                &map(&[("car", count)]),
                &map(&[("car", total)]),
            );
        }
        let minutes = history.of(Some("a"), 62, 60);
        assert_eq!(minutes.len(), 1);
        assert_eq!(minutes[0].start_usec, 60_000_000);
        let expected = Figures {
            max: 3,
            mean: 1.33,
            arrivals: 4,
        };
        assert_eq!(minutes[0].labels["car"], expected);
    }

    #[test]
    fn a_restarted_detector_does_not_count_twice_or_backwards() {
        let mut history = History::default();
        for (second, total) in [(600, 50), (601, 52), (602, 0), (603, 1)] {
            history.add("a", second, &map(&[]), &map(&[("car", total)]));
        }
        assert_eq!(history.of(Some("a"), 603, 1)[0].labels["car"].arrivals, 3);
    }

    #[test]
    fn only_the_asked_minutes_and_only_this_camera() {
        let mut history = History::default();
        for minute in 0..10 {
            history.add("a", minute * 60, &map(&[("car", 1)]), &map(&[]));
        }
        history.add("b", 540, &map(&[("car", 1)]), &map(&[]));
        let minutes = |camera| -> Vec<u64> {
            let minutes = history.of(camera, 9 * 60 + 59, 3);
            minutes.iter().map(|m| m.start_usec / 60_000_000).collect()
        };
        assert_eq!(minutes(Some("a")), [7, 8, 9]);
        assert_eq!(minutes(None), [7, 8, 9, 9]);
        assert!(minutes(Some("c")).is_empty());
    }

    #[test]
    fn a_day_is_kept_and_no_more_and_clocks_may_jump() {
        let mut history = History::default();
        for minute in 0..2 * KEPT_MINUTES as u64 {
            history.add("a", minute * 60, &map(&[("car", 1)]), &map(&[]));
        }
        history.add("a", 0, &map(&[("car", 9)]), &map(&[]));
        let all = history.of(Some("a"), u64::MAX, 60);
        assert!(all.is_empty(), "nothing near the end of time");
        let track = &history.cameras["a"];
        assert_eq!(track.minutes.len(), KEPT_MINUTES);
        assert_eq!(track.minutes.back().unwrap().labels["car"].max, 9);
    }
}
