//! Writing and reading back.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::FileExt as _;

use anyhow::Context as _;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sha2::{Digest as _, Sha256};

use super::gpt;
use super::map::{Map, Range};
use super::source::Image;
use crate::signals;

const PART: usize = 1 << 20;
/// After so much the disk is waited for: what is shown is then on the disk, and not in memory.
const SYNC: u64 = 32 << 20;
/// Before the first partition.
const TABLE: u64 = 1 << 20;
/// At the end of the disk: the second partition table of before.
const TAIL: u64 = 1 << 20;

/// What was written.
#[derive(Debug)]
pub(super) struct Written(Vec<Range>);

/// Writes the image, by its map where there is one.
pub(super) fn image(image: &Image, disk: &File) -> anyhow::Result<Written> {
    let written = match image.map() {
        Some(map) => mapped(image, map, disk)?,
        None => whole(image, disk)?,
    };
    disk.sync_all().context("wait for the disk")?;
    Ok(written)
}

fn mapped(image: &Image, map: &Map, disk: &File) -> anyhow::Result<Written> {
    let mut stream = image.stream()?;
    let mut progress = Progress::new("write", map.ranges.iter().map(length).sum());
    let mut at = 0;
    for range in &map.ranges {
        stream.skip(range.start - at)?;
        let sum = copy(&mut stream, disk, range.start, length(range), &mut progress)?;
        anyhow::ensure!(
            sum == range.sum,
            "the image is damaged: bytes {} to {} are not those of its map; get it again",
            range.start,
            range.end
        );
        at = range.end;
    }
    Ok(Written(map.ranges.clone()))
}

fn whole(image: &Image, disk: &File) -> anyhow::Result<Written> {
    let mut stream = image.stream()?;
    let size = image.size();
    let mut progress = Progress::new("write", size);
    let sum = copy(&mut stream, disk, 0, size, &mut progress)?;
    stream.end()?;
    let range = Range {
        start: 0,
        end: size,
        sum,
    };
    Ok(Written(vec![range]))
}

/// Copies `length` bytes to `at`; gives their sum.
fn copy(
    from: &mut impl Read,
    disk: &File,
    at: u64,
    length: u64,
    progress: &mut Progress,
) -> anyhow::Result<[u8; 32]> {
    let (mut sum, mut part, mut done) = (Sha256::new(), vec![0; PART], 0);
    while done < length {
        signals::check()?;
        let want = usize::try_from(length - done).map_or(PART, |left| left.min(PART));
        let part = &mut part[..want];
        from.read_exact(part).context("the image ends too early")?;
        sum.update(&*part);
        disk.write_all_at(part, at + done)
            .with_context(|| format!("write to the disk at byte {}", at + done))?;
        done += want as u64;
        if progress.passed(want as u64) {
            disk.sync_data().context("wait for the disk")?;
        }
    }
    Ok(sum.finalize().into())
}

/// Makes empty what a map leaves out. A map leaves out blocks of noughts too, so that an earlier content
/// could speak from there: files of an old FAT, and a journal with the number of the new one. Only a
/// slot that is empty as a whole stays as it is: whoever writes one writes all of it.
pub(super) fn erase_traces(image: &Image, disk: &File, size: u64) -> anyhow::Result<()> {
    let gaps = image.map().map(Map::gaps).unwrap_or_default();
    let inside = |limit: u64| {
        let cut = gaps
            .iter()
            .map(move |(start, end)| (*start, *end.min(&limit)));
        cut.filter(|(start, end)| start < end)
    };
    // The table first: what it leaves out is a part of it.
    let mut silent = Progress::new("clean", u64::MAX);
    for (start, end) in inside(TABLE) {
        zero(disk, start, end, &mut silent)?;
    }
    let partitions = gpt::partitions(disk).unwrap_or_default();
    let slots = partitions.iter().filter(|p| p.label.starts_with("root-"));
    let slots: Vec<_> = slots.collect();
    let mut parts = Vec::new();
    for (mut start, end) in inside(u64::MAX) {
        for slot in &slots {
            if start <= slot.start && slot.end <= end {
                parts.push((start, slot.start));
                start = slot.end;
            }
        }
        parts.push((start, end));
    }
    parts.push((size.saturating_sub(TAIL).max(image.size()), size));
    let all = parts.iter().map(|(start, end)| end.saturating_sub(*start));
    let mut progress = Progress::new("clean", all.sum());
    for (start, end) in parts {
        zero(disk, start, end, &mut progress)?;
    }
    disk.sync_all().context("wait for the disk")
}

fn zero(disk: &File, start: u64, end: u64, progress: &mut Progress) -> anyhow::Result<()> {
    let nothing = vec![0; PART];
    let mut at = start;
    while at < end {
        signals::check()?;
        let want = usize::try_from(end - at).map_or(PART, |left| left.min(PART));
        disk.write_all_at(&nothing[..want], at)
            .with_context(|| format!("write to the disk at byte {at}"))?;
        at += want as u64;
        if progress.passed(want as u64) {
            disk.sync_data().context("wait for the disk")?;
        }
    }
    Ok(())
}

impl Written {
    /// In bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(length).sum()
    }

    /// Reads all of it from the disk, not from memory.
    pub(super) fn verify(&self, disk: &File) -> anyhow::Result<()> {
        posix_fadvise(disk, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
            .context("forget what is in memory of the disk")?;
        let mut progress = Progress::new("verify", self.bytes());
        let mut part = vec![0; PART];
        for range in &self.0 {
            let (mut sum, mut at) = (Sha256::new(), range.start);
            while at < range.end {
                signals::check()?;
                let want = usize::try_from(range.end - at).map_or(PART, |left| left.min(PART));
                let part = &mut part[..want];
                disk.read_exact_at(part, at)
                    .with_context(|| format!("read the disk at byte {at}"))?;
                sum.update(&*part);
                at += want as u64;
                progress.passed(want as u64);
            }
            let sum: [u8; 32] = sum.finalize().into();
            anyhow::ensure!(
                sum == range.sum,
                "the disk does not keep what is written to it (bytes {} to {}): take another card",
                range.start,
                range.end
            );
        }
        Ok(())
    }
}

fn length(range: &Range) -> u64 {
    range.end - range.start
}

/// How far it is, on a terminal.
#[derive(Debug)]
struct Progress {
    what: &'static str,
    all: u64,
    done: u64,
    unsynced: u64,
    shown: Option<u64>,
}

impl Progress {
    fn new(what: &'static str, all: u64) -> Self {
        let shown = io::stderr().is_terminal().then_some(u64::MAX);
        Self {
            what,
            all,
            done: 0,
            unsynced: 0,
            shown,
        }
    }

    /// So many more bytes; whether it is time to wait for the disk.
    fn passed(&mut self, bytes: u64) -> bool {
        self.done += bytes;
        self.unsynced += bytes;
        let percent = (self.done * 100).checked_div(self.all).unwrap_or(100);
        if self.shown.is_some_and(|shown| shown != percent) {
            self.shown = Some(percent);
            let (done, all) = (self.done / 1_000_000, self.all / 1_000_000);
            let end = if self.done >= self.all {
                "\r\x1b[K"
            } else {
                ""
            };
            let text = format!(
                "\r  {:<10} {percent:>3} %  {done} of {all} MB {end}",
                self.what
            );
            let _ = write!(io::stderr(), "{text}");
        }
        let sync = self.unsynced >= SYNC;
        if sync {
            self.unsynced = 0;
        }
        sync
    }
}
