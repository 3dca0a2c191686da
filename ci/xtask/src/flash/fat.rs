//! A file onto the FAT partition, without mounting it.
//!
//! By the crate `fatfs` and not by mtools: a laptop that writes a card need not have them, and a
//! partition inside a disk that is open for nobody else needs no loop device.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use anyhow::Context as _;
use fatfs::{Date, DateTime, FileSystem, FsOptions, Time, TimeProvider};

use super::gpt::Partition;

/// Puts `bytes` into the file `name` at the top, in place of what is there, and reads it back.
pub(super) fn put(
    disk: &File,
    partition: &Partition,
    name: &str,
    bytes: &[u8],
) -> anyhow::Result<()> {
    let what = || format!("put `{name}` on the partition `{}`", partition.label);
    write(disk, partition, name, bytes).with_context(what)?;
    disk.sync_all().with_context(what)?;
    let there = read(disk, partition, name).with_context(what)?;
    anyhow::ensure!(there == bytes, "{}: it is read back as another", what());
    Ok(())
}

/// The first day of FAT: nobody asks when the file was written, and a clock may be wrong.
#[derive(Debug)]
struct FirstDay;

impl FirstDay {
    const DATE: Date = Date {
        year: 1980,
        month: 1,
        day: 1,
    };
}

impl TimeProvider for FirstDay {
    fn get_current_date(&self) -> Date {
        Self::DATE
    }

    fn get_current_date_time(&self) -> DateTime {
        let (hour, min, sec, millis) = (0, 0, 0, 0);
        let date = Self::DATE;
        let time = Time {
            hour,
            min,
            sec,
            millis,
        };
        DateTime { date, time }
    }
}

fn write(disk: &File, partition: &Partition, name: &str, bytes: &[u8]) -> io::Result<()> {
    let options = FsOptions::new().time_provider(&FirstDay);
    let system = FileSystem::new(Window::new(disk, partition), options)?;
    {
        let mut file = system.root_dir().create_file(name)?;
        file.truncate()?;
        file.write_all(bytes)?;
        file.flush()?;
    }
    system.unmount()
}

/// What the file `name` holds.
pub(super) fn read(disk: &File, partition: &Partition, name: &str) -> io::Result<Vec<u8>> {
    let system = FileSystem::new(Window::new(disk, partition), FsOptions::new())?;
    let mut bytes = Vec::new();
    system.root_dir().open_file(name)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a partition, and no other.
#[derive(Debug)]
pub(super) struct Window<'d> {
    disk: &'d File,
    start: u64,
    length: u64,
    at: u64,
}

impl<'d> Window<'d> {
    pub(super) fn new(disk: &'d File, partition: &Partition) -> Self {
        Self {
            disk,
            start: partition.start,
            length: partition.end - partition.start,
            at: 0,
        }
    }

    /// How many of `wanted` bytes are left.
    fn room(&self, wanted: usize) -> usize {
        let left = self.length.saturating_sub(self.at);
        usize::try_from(left).map_or(wanted, |left| left.min(wanted))
    }
}

impl Read for Window<'_> {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        let room = self.room(part.len());
        let read = self.disk.read_at(&mut part[..room], self.start + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Write for Window<'_> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let room = self.room(part.len());
        let written = self.disk.write_at(&part[..room], self.start + self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("before the partition"))?;
        Ok(self.at)
    }
}
