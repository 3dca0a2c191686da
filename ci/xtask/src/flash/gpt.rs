//! The partition table of a disk, as far as it is needed to find a partition by its label.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, ensure};

/// Our images have these; a disk with others is refused.
pub(super) const SECTOR: u64 = 512;

/// A partition, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) label: String,
    pub(super) start: u64,
    /// The first byte behind it.
    pub(super) end: u64,
}

/// The partitions in the order of the table.
pub(super) fn partitions(disk: &File) -> anyhow::Result<Vec<Partition>> {
    let mut head = [0; 92];
    disk.read_exact_at(&mut head, SECTOR)
        .context("read the partition table")?;
    ensure!(
        &head[..8] == b"EFI PART",
        "there is no partition table (GPT)"
    );
    let (table, count, size) = (word(&head, 72)?, half(&head, 80)?, half(&head, 84)?);
    ensure!(
        count <= 256 && (128..=4096).contains(&size),
        "the partition table is damaged"
    );
    let mut partitions = Vec::new();
    for index in 0..u64::from(count) {
        let at = table
            .checked_mul(SECTOR)
            .context("the partition table is damaged")?;
        let mut row = [0; 128];
        disk.read_exact_at(&mut row, at + index * u64::from(size))
            .context("read the partition table")?;
        if row[..16] == [0; 16] {
            continue;
        }
        let (first, last) = (word(&row, 32)?, word(&row, 40)?);
        let end = last.checked_add(1).and_then(|end| end.checked_mul(SECTOR));
        let (start, end) = (first.checked_mul(SECTOR), end);
        let (Some(start), Some(end)) = (start, end) else {
            anyhow::bail!("the partition table is damaged");
        };
        ensure!(start < end, "the partition table is damaged");
        let label = row[56..128].chunks_exact(2);
        let label: Vec<u16> = label
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .take_while(|unit| *unit != 0)
            .collect();
        let label = String::from_utf16_lossy(&label);
        partitions.push(Partition { label, start, end });
    }
    Ok(partitions)
}

fn word(bytes: &[u8], at: usize) -> anyhow::Result<u64> {
    let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
    Ok(u64::from_le_bytes(*word.context("a table cut off")?))
}

fn half(bytes: &[u8], at: usize) -> anyhow::Result<u32> {
    let half = bytes.get(at..).and_then(|rest| rest.first_chunk());
    Ok(u32::from_le_bytes(*half.context("a table cut off")?))
}
