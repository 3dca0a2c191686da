//! The smallest image that has everything: a GPT with FAT, slots and data, most of it empty.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::flash::fat::Window;
use crate::flash::gpt::Partition;
use crate::process;

pub(super) const BLOCK: u64 = 4096;
const MB: u64 = 1 << 20;
/// Label, first MB, MBs.
pub(super) const LAYOUT: [(&str, u64, u64); 5] = [
    ("boot", 1, 4),
    ("env", 5, 1),
    ("root-a", 6, 2),
    ("data", 8, 2),
    ("root-b", 10, 2),
];
pub(super) const SIZE: u64 = 13 * MB;

/// Makes `card.img` in `folder`.
pub(super) fn image(folder: &Path) -> PathBuf {
    let path = folder.join("card.img");
    let mut options = fs::OpenOptions::new();
    let options = options.read(true).write(true).create_new(true);
    let file = options.open(&path).unwrap();
    file.set_len(SIZE).unwrap();
    let mut head = [0; 512];
    head[..8].copy_from_slice(b"EFI PART");
    head[72..80].copy_from_slice(&2_u64.to_le_bytes());
    head[80..84].copy_from_slice(&128_u32.to_le_bytes());
    head[84..88].copy_from_slice(&128_u32.to_le_bytes());
    file.write_all_at(&head, 512).unwrap();
    for (index, (label, start, size)) in LAYOUT.into_iter().enumerate() {
        let mut row = [0; 128];
        row[..16].fill(7);
        row[32..40].copy_from_slice(&(start * 2048).to_le_bytes());
        row[40..48].copy_from_slice(&((start + size) * 2048 - 1).to_le_bytes());
        for (at, unit) in label.encode_utf16().enumerate() {
            row[56 + 2 * at..58 + 2 * at].copy_from_slice(&unit.to_le_bytes());
        }
        file.write_all_at(&row, 1024 + 128 * index as u64).unwrap();
    }
    boot(&file);
    // In the middle of a slot, and at the start of the data.
    for at in [6 * MB + 8 * BLOCK, 8 * MB] {
        file.write_all_at(&vec![0x42; 3 * 4096], at).unwrap();
    }
    path
}

/// The FAT partition, with an older file of the owner that is longer than any of the tests'.
fn boot(file: &File) {
    let (label, start, size) = LAYOUT[0];
    let partition = Partition {
        label: label.into(),
        start: start * MB,
        end: (start + size) * MB,
    };
    let mut window = Window::new(file, &partition);
    fatfs::format_volume(&mut window, fatfs::FormatVolumeOptions::new()).unwrap();
    io::Seek::rewind(&mut window).unwrap();
    let system = fatfs::FileSystem::new(window, fatfs::FsOptions::new()).unwrap();
    let mut old = system.root_dir().create_file("vigla.toml").unwrap();
    old.write_all(&[b'#'; 10_000]).unwrap();
    old.flush().unwrap();
    drop(old);
    system.unmount().unwrap();
}

/// The map of an image, beside it, as bmaptool writes it.
pub(super) fn map(image: &Path) -> PathBuf {
    let bytes = fs::read(image).unwrap();
    let blocks: Vec<_> = bytes.chunks(4096).collect();
    let used: Vec<_> = blocks
        .iter()
        .map(|block| block.iter().any(|byte| *byte != 0))
        .collect();
    let (mut ranges, mut at) = (String::new(), 0);
    while at < blocks.len() {
        if !used[at] {
            at += 1;
            continue;
        }
        let count = used[at..].iter().take_while(|used| **used).count();
        let sum = hex(&Sha256::digest(blocks[at..at + count].concat()));
        let last = at + count - 1;
        let place = if count == 1 {
            format!("{at}")
        } else {
            format!("{at}-{last}")
        };
        let _ = writeln!(ranges, "        <Range chksum=\"{sum}\"> {place} </Range>");
        at += count;
    }
    let mapped = used.iter().filter(|used| **used).count();
    let zero = "0".repeat(64);
    let text = format!(
        "<?xml version=\"1.0\" ?>\n<!-- a <Range> of blocks -->\n<bmap version=\"2.0\">\n    \
         <ImageSize> {} </ImageSize>\n    <BlockSize> 4096 </BlockSize>\n    \
         <BlocksCount> {} </BlocksCount>\n    <MappedBlocksCount> {mapped} </MappedBlocksCount>\n    \
         <ChecksumType> sha256 </ChecksumType>\n    <BmapFileChecksum> {zero} </BmapFileChecksum>\n    \
         <BlockMap>\n{ranges}    </BlockMap>\n</bmap>\n",
        bytes.len(),
        blocks.len(),
    );
    let path = PathBuf::from(format!("{}.bmap", image.display()));
    fs::write(&path, summed(&text)).unwrap();
    path
}

/// The text with its own sum in place of whatever stands there.
pub(super) fn summed(text: &str) -> String {
    let (before, rest) = text.split_once("<BmapFileChecksum> ").unwrap();
    let (_, after) = rest.split_once(" </BmapFileChecksum>").unwrap();
    let with = |sum: &str| format!("{before}<BmapFileChecksum> {sum} </BmapFileChecksum>{after}");
    let sum = hex(&Sha256::digest(with(&"0".repeat(64)).as_bytes()));
    with(&sum)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `card.img.zst` of `card.img`, which goes away.
pub(super) fn pack(image: &Path) -> PathBuf {
    let mut zstd = std::process::Command::new("zstd");
    process::must("zstd", zstd.args(["-q", "--rm"]).arg(image)).unwrap();
    PathBuf::from(format!("{}.zst", image.display()))
}
