//! The maintenance window, in the time zone of the device. Pure: the time is an argument.

use std::time::Duration;

use jiff::Zoned;
use jiff::civil::{Time, Weekday};

/// Days and hours in which the node may restart by itself. `from` after `to` goes over midnight, and
/// then belongs to the day on which it begins; the same time twice is the whole day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Days on which it begins.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub to: Time,
}

impl Window {
    /// How long until it is open: nothing when it is, `None` when it never is.
    #[must_use]
    pub fn opens_in(&self, now: &Zoned) -> Option<Duration> {
        // Yesterday's may still be open; a week later everything is as today.
        for day in -1..=7 {
            let Ok(date) = now.date().checked_add(jiff::Span::new().days(day)) else {
                continue;
            };
            if !self.days.contains(&date.weekday()) {
                continue;
            }
            // A time that a change of the clocks leaves out is moved on, as people do.
            let at = |date: jiff::civil::Date, time| {
                date.to_datetime(time).to_zoned(now.time_zone().clone())
            };
            let last = if self.to <= self.from {
                date.tomorrow().ok()?
            } else {
                date
            };
            let (Ok(from), Ok(to)) = (at(date, self.from), at(last, self.to)) else {
                continue;
            };
            if *now < to {
                let wait = from.timestamp().duration_since(now.timestamp());
                return Some(Duration::try_from(wait).unwrap_or_default());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn window(days: &[Weekday], from: (i8, i8), to: (i8, i8)) -> Window {
        Window {
            days: days.to_vec(),
            from: time(from.0, from.1, 0, 0),
            to: time(to.0, to.1, 0, 0),
        }
    }

    const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    fn minutes(window: &Window, now: &str) -> Option<u64> {
        let now: Zoned = now.parse().unwrap();
        window.opens_in(&now).map(|wait| wait.as_secs() / 60)
    }

    #[test]
    fn opens_at_the_devices_own_hour() {
        let night = window(&ALL, (2, 0), (4, 0));
        for (now, wait) in [
            ("2026-11-22T01:00[+01:00]", Some(60)),
            ("2026-11-22T02:00[+01:00]", Some(0)),
            ("2026-11-22T03:59[+01:00]", Some(0)),
            ("2026-11-22T04:00[+01:00]", Some(22 * 60)),
        ] {
            assert_eq!(minutes(&night, now), wait, "{now}");
        }
    }

    #[test]
    fn goes_over_midnight_and_keeps_to_its_days() {
        let late = window(&[Weekday::Saturday], (23, 0), (1, 0));
        // 2026-11-22 is a Sunday.
        for (now, wait) in [
            ("2026-11-21T22:00[+00:00]", Some(60)),
            ("2026-11-22T00:30[+00:00]", Some(0)),
            ("2026-11-22T01:00[+00:00]", Some(6 * 24 * 60 + 22 * 60)),
        ] {
            assert_eq!(minutes(&late, now), wait, "{now}");
        }
        assert_eq!(
            minutes(&window(&[], (0, 0), (1, 0)), "2026-11-22T00:30[+00:00]"),
            None
        );
        assert_eq!(
            minutes(&window(&ALL, (0, 0), (0, 0)), "2026-11-22T00:30[+00:00]"),
            Some(0)
        );
    }

    #[test]
    fn a_change_of_the_clocks_does_not_lose_the_window() {
        let Ok(zone) = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3") else {
            panic!("a zone")
        };
        // On 2026-03-29 there is no 02:30 there.
        let gap = window(&ALL, (2, 30), (2, 45));
        let noon = jiff::civil::date(2026, 3, 28)
            .at(12, 0, 0, 0)
            .to_zoned(zone.clone())
            .unwrap();
        assert!(gap.opens_in(&noon).is_some());
        // On 2026-10-25 there is 02:00 to 03:00 twice.
        let night = window(&ALL, (2, 0), (4, 0));
        let midnight = jiff::civil::date(2026, 10, 25)
            .at(0, 0, 0, 0)
            .to_zoned(zone)
            .unwrap();
        assert_eq!(night.opens_in(&midnight).unwrap().as_secs(), 7200);
    }
}
