//! `/proc/diskstats`: what each whole disk read and wrote.

use super::page::{Kind, Page};
use super::probe::Probe;

/// A sector of the kernel's accounts, in bytes, whatever the disk has.
pub const SECTOR: u64 = 512;

/// A whole disk and its numbers: those of the kernel's `iostats`, from `reads completed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk<'a> {
    /// `mmcblk0`.
    pub name: &'a str,
    /// 11 of old kernels, 15 with discards, 17 with flushes.
    pub numbers: Vec<u64>,
}

/// What a column is counted in.
#[derive(Debug, Clone, Copy)]
enum Unit {
    One,
    Sectors,
    Millis,
}

/// A column of the file, and its metric.
const COLUMNS: [(usize, &str, Unit, &str); 17] = [
    (
        0,
        "node_disk_reads_completed_total",
        Unit::One,
        "The total number of reads completed successfully.",
    ),
    (
        1,
        "node_disk_reads_merged_total",
        Unit::One,
        "The total number of reads merged.",
    ),
    (
        2,
        "node_disk_read_bytes_total",
        Unit::Sectors,
        "The total number of bytes read successfully.",
    ),
    (
        3,
        "node_disk_read_time_seconds_total",
        Unit::Millis,
        "The total number of seconds spent by all reads.",
    ),
    (
        4,
        "node_disk_writes_completed_total",
        Unit::One,
        "The total number of writes completed successfully.",
    ),
    (
        5,
        "node_disk_writes_merged_total",
        Unit::One,
        "The number of writes merged.",
    ),
    (
        6,
        "node_disk_written_bytes_total",
        Unit::Sectors,
        "The total number of bytes written successfully.",
    ),
    (
        7,
        "node_disk_write_time_seconds_total",
        Unit::Millis,
        "The total number of seconds spent by all writes.",
    ),
    (
        8,
        "node_disk_io_now",
        Unit::One,
        "The number of I/Os currently in progress.",
    ),
    (
        9,
        "node_disk_io_time_seconds_total",
        Unit::Millis,
        "Total seconds spent doing I/Os.",
    ),
    (
        10,
        "node_disk_io_time_weighted_seconds_total",
        Unit::Millis,
        "The weighted # of seconds spent doing I/Os.",
    ),
    (
        11,
        "node_disk_discards_completed_total",
        Unit::One,
        "The total number of discards completed successfully.",
    ),
    (
        12,
        "node_disk_discards_merged_total",
        Unit::One,
        "The total number of discards merged.",
    ),
    (
        13,
        "node_disk_discarded_sectors_total",
        Unit::One,
        "The total number of sectors discarded successfully.",
    ),
    (
        14,
        "node_disk_discard_time_seconds_total",
        Unit::Millis,
        "This is the total number of seconds spent by all discards.",
    ),
    (
        15,
        "node_disk_flush_requests_total",
        Unit::One,
        "The total number of flush requests completed successfully",
    ),
    (
        16,
        "node_disk_flush_requests_time_seconds_total",
        Unit::Millis,
        "This is the total number of seconds spent by all flush requests.",
    ),
];

/// The whole disks of `/proc/diskstats`.
#[must_use]
pub fn disks(text: &str) -> Vec<Disk<'_>> {
    text.lines().filter_map(disk).collect()
}

fn disk(line: &str) -> Option<Disk<'_>> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let name = words.next().filter(|name| whole(name))?;
    let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).take(17).collect();
    (numbers.len() >= 11).then_some(Disk { name, numbers })
}

/// Whether it is a disk of its own: neither a partition nor a loop, as node-exporter sees it.
/// (`mmcblk0p2` counts as a disk there, and so here.)
fn whole(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = stem.len() < name.len();
    let letter = |stem: &str, bus: &str| {
        let rest = stem.strip_prefix(bus);
        rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_lowercase()))
    };
    let partition = ["hd", "sd", "vd", "xvd"]
        .iter()
        .any(|bus| letter(stem, bus));
    let memory = matches!(stem, "ram" | "loop" | "fd");
    let numbered_disk = stem.starts_with("nvme") && stem.ends_with('p');
    !(numbered && (partition || memory || numbered_disk))
}

pub(super) fn write(probe: &dyn Probe, page: &mut Page) {
    let text = probe.read("/proc/diskstats").unwrap_or_default();
    let disks = disks(&text);
    for (column, name, unit, help) in COLUMNS {
        let kind = if name.ends_with("_total") {
            Kind::Counter
        } else {
            Kind::Gauge
        };
        let mut family = page.family(name, kind, help);
        for disk in &disks {
            let Some(value) = disk.numbers.get(column) else {
                continue;
            };
            let device = [("device", disk.name)];
            match unit {
                Unit::One => family.put(&device, value),
                Unit::Sectors => family.put(&device, value.saturating_mul(SECTOR)),
                Unit::Millis => family.put(&device, seconds(*value)),
            }
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a few hundred years of milliseconds are exact"
)]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_loops_are_no_disks() {
        for (name, expected) in [
            ("vda", true),
            ("vda1", false),
            ("sdb", true),
            ("sdb12", false),
            ("xvda1", false),
            ("mmcblk0", true),
            ("mmcblk0p2", true),
            ("nvme0n1", true),
            ("nvme0n1p3", false),
            ("loop0", false),
            ("ram3", false),
            ("zram0", true),
            ("dm-0", true),
        ] {
            assert_eq!(whole(name), expected, "{name}");
        }
    }

    #[test]
    fn short_lines_are_left_out() {
        let text = " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n 8 1 sdb 1 2\n179 0 mmcblk0 x\nrubbish\n";
        let disks = disks(text);
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].numbers[6], 7);
    }
}
