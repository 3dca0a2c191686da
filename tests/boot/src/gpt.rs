//! Where the partitions of a raw card lie: the fields of a GPT (UEFI 2.10, chapter 5.3) that we need.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::Context as _;

const SECTOR: u64 = 512;
const HEADER: u64 = 1;
const ENTRY: usize = 128;

/// The bytes of the partition called `label` on the raw card `path`.
///
/// # Errors
/// When the card has no GPT, or no such partition.
pub fn partition(path: &Path, label: &str) -> anyhow::Result<Range<u64>> {
    let card = File::open(path).with_context(|| format!("open `{}`", path.display()))?;
    let mut header = [0; 92];
    card.read_exact_at(&mut header, HEADER * SECTOR)?;
    anyhow::ensure!(
        header.starts_with(b"EFI PART"),
        "`{}` has no GPT",
        path.display()
    );
    let first = number(&header[72..80]);
    for row in 0..128 {
        let mut entry = [0; ENTRY];
        card.read_exact_at(&mut entry, first * SECTOR + row * ENTRY as u64)?;
        let letters = entry[56..]
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let name: Vec<_> = letters.take_while(|letter| *letter != 0).collect();
        if String::from_utf16_lossy(&name) == label {
            let (from, last) = (number(&entry[32..40]), number(&entry[40..48]));
            return Ok(from * SECTOR..(last + 1) * SECTOR);
        }
    }
    anyhow::bail!("`{}` has no partition `{label}`", path.display())
}

fn number(bytes: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(bytes);
    u64::from_le_bytes(eight)
}
