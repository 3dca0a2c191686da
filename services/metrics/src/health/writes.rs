//! What each service writes to disks, and what that is a day.

use std::collections::BTreeMap;

use vigla_bus::names::{DEVICE, METRICS, SERVICES};

use super::wear::a_day;
use crate::host::Probe;
use crate::host::page::{Kind, Page};

/// Bytes written by each service since it was started: what the kernel charges to its unit, and without units what
/// it tells of ourselves.
#[must_use]
pub fn written(probe: &dyn Probe) -> Vec<(&'static str, u64)> {
    let units = SERVICES.into_iter().chain(DEVICE).filter_map(|service| {
        let unit = format!(
            "/sys/fs/cgroup/system.slice/{}.service/io.stat",
            service.binary
        );
        Some((service.binary, all_devices(&probe.read(&unit)?)))
    });
    let units: Vec<_> = units.collect();
    if units.is_empty() {
        let own = probe.read("/proc/self/io").and_then(|text| own(&text));
        return own
            .map(|bytes| (METRICS.binary, bytes))
            .into_iter()
            .collect();
    }
    units
}

/// `179:0 rbytes=1 wbytes=2 rios=3 ...`, a line per disk.
fn all_devices(text: &str) -> u64 {
    let words = text.split_ascii_whitespace();
    let bytes = words.filter_map(|word| word.strip_prefix("wbytes=")?.parse().ok());
    bytes.fold(0, u64::saturating_add)
}

/// `write_bytes: 4096`.
fn own(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"))?;
    line.trim().parse().ok()
}

/// The bytes of each service on the page.
pub fn write(probe: &dyn Probe, page: &mut Page) {
    let help = "Bytes that the service wrote to disks since it started. Bad when a day has more than `health.written_bytes_a_day`.";
    let mut family = page.family("vigla_metrics_written_bytes_total", Kind::Counter, help);
    for (service, bytes) in written(probe) {
        family.put(&[("service", service)], bytes);
    }
}

/// Follows what is written, also across restarts of a service, whose count then begins at 0.
#[derive(Debug, Default)]
pub struct Ledger(BTreeMap<&'static str, Account>);

#[derive(Debug)]
struct Account {
    since: f64,
    last: u64,
    grown: u64,
    /// Of the last whole day.
    yesterday: Option<f64>,
}

const DAY: f64 = 86_400.0;

impl Ledger {
    /// Takes the counts `now`, at `seconds` of a clock that never jumps. Gives bytes a day by service, for those that
    /// have been watched long enough.
    pub fn follow(
        &mut self,
        now: &[(&'static str, u64)],
        seconds: f64,
    ) -> Vec<(&'static str, f64)> {
        let mut rates = Vec::new();
        for (service, bytes) in now {
            let account = self.0.entry(service).or_insert(Account {
                since: seconds,
                last: *bytes,
                grown: 0,
                yesterday: None,
            });
            let growth = bytes.checked_sub(account.last).unwrap_or(*bytes);
            account.grown = account.grown.saturating_add(growth);
            account.last = *bytes;
            let rate = a_day(account.grown, seconds - account.since);
            if seconds - account.since >= DAY {
                (account.yesterday, account.since, account.grown) = (rate, seconds, 0);
            }
            rates.extend(account.yesterday.or(rate).map(|rate| (*service, rate)));
        }
        rates
    }

    /// Bytes that the service has written since its day began, which is a day after the one before, and the first
    /// one with us.
    #[must_use]
    pub fn today(&self, service: &str) -> u64 {
        self.0.get(service).map_or(0, |account| account.grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_does_not_hide_what_was_written() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.follow(&[("a", 500)], 0.0), []);
        assert_eq!(ledger.follow(&[("a", 1500)], 1800.0), []);
        assert_eq!(ledger.follow(&[("a", 1000)], 43_200.0), [("a", 4000.0)]);
        assert_eq!((ledger.today("a"), ledger.today("b")), (2000, 0));
        assert_eq!(ledger.follow(&[("a", 2000)], 86_400.0), [("a", 3000.0)]);
        // The day before stands until the next one is whole; what was spent in it is not.
        assert_eq!(ledger.follow(&[("a", 2000)], 90_000.0), [("a", 3000.0)]);
        assert_eq!(ledger.today("a"), 0);
    }

    #[test]
    fn adds_up_the_disks_of_a_unit() {
        assert_eq!(
            all_devices("179:0 rbytes=1 wbytes=2 rios=3\n8:0 wbytes=40 wios=x\nrubbish"),
            42
        );
        assert_eq!(
            own("rchar: 1\nwrite_bytes: 7\ncancelled_write_bytes: 0\n"),
            Some(7)
        );
    }
}
