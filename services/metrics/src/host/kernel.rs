//! Time, names, pressure and open files: what the kernel says of itself.

use super::page::{Kind, Page};
use super::probe::{Probe, Time, Uname};

/// Whose pressure, which line of the file, and its metric.
const PRESSURES: [(&str, &str, &str, &str); 5] = [
    (
        "cpu",
        "some",
        "node_pressure_cpu_waiting_seconds_total",
        "Total time in seconds that processes have waited for CPU time",
    ),
    (
        "io",
        "some",
        "node_pressure_io_waiting_seconds_total",
        "Total time in seconds that processes have waited due to IO congestion",
    ),
    (
        "io",
        "full",
        "node_pressure_io_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IO congestion",
    ),
    (
        "memory",
        "some",
        "node_pressure_memory_waiting_seconds_total",
        "Total time in seconds that processes have waited for memory",
    ),
    (
        "memory",
        "full",
        "node_pressure_memory_stalled_seconds_total",
        "Total time in seconds no process could make progress due to memory congestion",
    ),
];

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    write_pressure(probe, page);
    let text = probe.read("/proc/sys/fs/file-nr").unwrap_or_default();
    let mut numbers = text
        .split_ascii_whitespace()
        .map(|word| word.parse::<u64>().ok());
    let allocated = numbers.next().flatten();
    page.gauge(
        "node_filefd_allocated",
        "File descriptor statistics: allocated.",
        allocated,
    );
    // Without any limit it is 2^63-1, a number that a float shows as one more.
    let maximum = numbers.nth(1).flatten();
    page.gauge(
        "node_filefd_maximum",
        "File descriptor statistics: maximum.",
        maximum,
    );
    if let Some(name) = probe.uname() {
        write_uname(&name, page);
    }
    if let Some(time) = probe.time() {
        write_time(&time, page);
    }
}

fn write_pressure(probe: &dyn Probe, page: &mut Page) {
    let mut read = ("", String::new());
    for (of, line, name, help) in PRESSURES {
        if read.0 != of {
            read = (
                of,
                probe
                    .read(&format!("/proc/pressure/{of}"))
                    .unwrap_or_default(),
            );
        }
        page.counter(name, help, pressure(&read.1, line));
    }
}

/// The seconds in all of `some` or `full`: `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    reason = "285 years of microseconds are exact"
)]
pub fn pressure(text: &str, line: &str) -> Option<f64> {
    let mut words = text
        .lines()
        .map(str::split_ascii_whitespace)
        .find_map(|mut words| (words.next() == Some(line)).then_some(words))?;
    let total = words.find_map(|word| word.strip_prefix("total="))?;
    Some(total.parse::<u64>().ok()? as f64 / 1e6)
}

fn write_uname(name: &Uname, page: &mut Page) {
    let labels = [
        ("domainname", name.domainname.as_str()),
        ("machine", &name.machine),
        ("nodename", &name.nodename),
        ("release", &name.release),
        ("sysname", &name.sysname),
        ("version", &name.version),
    ];
    let help = "Labeled system information as provided by the uname system call.";
    page.family("node_uname_info", Kind::Gauge, help)
        .put(&labels, 1);
}

fn write_time(time: &Time, page: &mut Page) {
    let help = "System time in seconds since epoch (1970).";
    page.gauge("node_time_seconds", help, Some(time.seconds));
    let help = "Is clock synchronized to a reliable server (1 = yes, 0 = no).";
    page.gauge("node_timex_sync_status", help, Some(u8::from(time.synced)));
    let help = "Value of the status array bits.";
    page.gauge("node_timex_status", help, Some(time.status));
    let help = "Time offset in between local system and reference clock.";
    page.gauge("node_timex_offset_seconds", help, Some(time.offset));
    let help = "Maximum error in seconds.";
    page.gauge("node_timex_maxerror_seconds", help, Some(time.max_error));
    let help = "Estimated error in seconds.";
    page.gauge(
        "node_timex_estimated_error_seconds",
        help,
        Some(time.estimated_error),
    );
    let help = "Local clock frequency adjustment.";
    page.gauge(
        "node_timex_frequency_adjustment_ratio",
        help,
        Some(time.frequency),
    );
    let help = "International Atomic Time (TAI) offset.";
    page.gauge("node_timex_tai_offset_seconds", help, Some(time.tai));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_total_of_its_line() {
        let text =
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=x\n";
        assert_eq!(pressure(text, "some"), Some(1.5));
        assert_eq!(pressure(text, "full"), None);
        assert_eq!(pressure(text, "irq"), None);
    }
}
