//! Which events of two runs are the same.
//!
//! Two events belong together when kind, label and zones are equal and their times are near enough.
//! The nearest find each other first, so that one that comes a little later does not push all that
//! follow out of their places. Pure: same input, same output.

use std::collections::BTreeMap;
use std::time::Duration;

use vigla_bus::detector::Event;

/// What is in one run, in the other, and in both; each in the order of time.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) only_a: Vec<Event>,
    pub(super) only_b: Vec<Event>,
    pub(super) both: Vec<Pair>,
}

/// The same event in both runs.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) a: Event,
    pub(super) b: Event,
}

impl Pair {
    /// Reasons that are others: rule, value in A, value in B; empty where it took no part.
    pub(super) fn reasons(&self) -> BTreeMap<&str, [&str; 2]> {
        let (a, b) = (&self.a.reasons, &self.b.reasons);
        let rules = a.keys().chain(b.keys());
        let pairs = rules.map(|rule| {
            let [in_a, in_b] = [a, b].map(|of| of.get(rule).map_or("", String::as_str));
            (rule.as_str(), [in_a, in_b])
        });
        pairs.filter(|(_, [a, b])| a != b).collect()
    }
}

/// Matches events that are at most `within` apart.
pub(super) fn compare(a: Vec<Event>, b: Vec<Event>, within: Duration) -> Difference {
    let within = u64::try_from(within.as_micros()).unwrap_or(u64::MAX);
    let partner = partners(&a, &b, within);
    let mut b: Vec<Option<Event>> = b.into_iter().map(Some).collect();
    let mut difference = Difference::default();
    for (event, partner) in a.into_iter().zip(partner) {
        match partner.and_then(|index| b[index].take()) {
            Some(b) => difference.both.push(Pair { a: event, b }),
            None => difference.only_a.push(event),
        }
    }
    difference.only_b = b.into_iter().flatten().collect();
    difference
}

/// For each of `a` the one of `b` that it belongs to.
fn partners(a: &[Event], b: &[Event], within: u64) -> Vec<Option<usize>> {
    let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, event) in b.iter().enumerate() {
        alike.entry(key(event)).or_default().push(index);
    }
    let mut near = Vec::new();
    for (index, event) in a.iter().enumerate() {
        for other in alike.get(&key(event)).into_iter().flatten() {
            let apart = event.time_usec.abs_diff(b[*other].time_usec);
            if apart <= within {
                // Of two at one time, those of the same number: it is given in the order of arrival.
                near.push((apart, event.track != b[*other].track, index, *other));
            }
        }
    }
    near.sort_unstable();
    let (mut partner, mut taken) = (vec![None; a.len()], vec![false; b.len()]);
    for (_, _, of_a, of_b) in near {
        if partner[of_a].is_none() && !taken[of_b] {
            (partner[of_a], taken[of_b]) = (Some(of_b), true);
        }
    }
    partner
}

fn key(event: &Event) -> (&str, &str, Vec<&str>) {
    let mut zones: Vec<&str> = event.zones.iter().map(String::as_str).collect();
    zones.sort_unstable();
    (&event.kind, &event.label, zones)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time_ms: u64, label: &str, zones: &[&str]) -> Event {
        Event {
            time_usec: time_ms * 1000,
            kind: "arrival".into(),
            label: label.into(),
            zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
            ..Event::default()
        }
    }

    fn times(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.time_usec / 1000).collect()
    }

    #[test]
    fn the_same_events_are_all_in_both() {
        let events = || vec![event(0, "car", &["a", "b"]), event(0, "car", &["b", "a"])];
        let same = compare(events(), events(), Duration::ZERO);
        assert_eq!((same.both.len(), same.only_a.len()), (2, 0));
        assert!(same.both.iter().all(|pair| pair.reasons().is_empty()));
    }

    #[test]
    fn label_zone_kind_and_time_must_agree() {
        let second = Duration::from_secs(1);
        for other in [
            event(500, "person", &["a"]),
            event(500, "car", &["b"]),
            event(500, "car", &[]),
            event(1501, "car", &["a"]),
            Event {
                kind: "departure".into(),
                ..event(500, "car", &["a"])
            },
        ] {
            let found = compare(vec![event(500, "car", &["a"])], vec![other], second);
            assert_eq!((found.only_a.len(), found.only_b.len()), (1, 1));
        }
    }

    #[test]
    fn the_nearest_find_each_other() {
        let a = [0, 900, 1800].map(|time| event(time, "car", &[]));
        let b = [850, 1750, 2700].map(|time| event(time, "car", &[]));
        let found = compare(a.into(), b.into(), Duration::from_secs(1));
        assert_eq!(times(&found.only_a), [0]);
        assert_eq!(times(&found.only_b), [2700]);
        let pairs: Vec<_> = found.both.iter().map(|p| p.b.time_usec / 1000).collect();
        assert_eq!(pairs, [850, 1750]);
    }

    #[test]
    fn of_two_at_one_time_the_same_track_is_meant() {
        let car = |track| Event {
            track,
            ..event(0, "car", &[])
        };
        let found = compare(vec![car(1), car(2)], vec![car(2)], Duration::ZERO);
        assert_eq!((found.only_a[0].track, found.both[0].a.track), (1, 2));
    }

    #[test]
    fn reasons_that_differ_or_are_new_are_told() {
        let with = |reasons: &[(&str, &str)]| Event {
            reasons: reasons
                .iter()
                .map(|(rule, value)| ((*rule).to_owned(), (*value).to_owned()))
                .collect(),
            ..event(0, "car", &[])
        };
        let a = with(&[("gate", "motion"), ("scores", "0.5")]);
        let b = with(&[("gate", "motion"), ("scores", "0.6"), ("zone x", "outside")]);
        let reasons = Pair { a, b };
        let reasons = reasons.reasons();
        let expected = [("scores", ["0.5", "0.6"]), ("zone x", ["", "outside"])];
        assert_eq!(reasons, BTreeMap::from(expected));
    }
}
