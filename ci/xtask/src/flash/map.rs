//! A block map (bmap 2.0): which blocks of an image are used, and the SHA-256 of each run of them.

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

/// A digest.
pub(super) type Sum = [u8; 32];

/// Bytes of the image that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    /// The first byte behind it.
    pub(super) end: u64,
    pub(super) sum: Sum,
}

/// The map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Map {
    /// Of the image, in bytes.
    pub(super) size: u64,
    /// In order, none over another.
    pub(super) ranges: Vec<Range>,
}

impl Map {
    /// Reads a map, which must be whole and sound.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        own_sum(text)?;
        let text = without_comments(text)?;
        let version = text
            .split_once("<bmap version=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let version = version.context("no `<bmap version=...>`")?.0;
        ensure!(
            version.starts_with("2."),
            "its version is `{version}`, and 2.0 is known"
        );
        let kind = element(&text, "ChecksumType")?;
        ensure!(kind == "sha256", "its checksums are `{kind}`, not sha256");
        let size = number(element(&text, "ImageSize")?)?;
        let block = number(element(&text, "BlockSize")?)?;
        ensure!(
            (512..=1 << 24).contains(&block) && block.is_power_of_two(),
            "blocks of {block} bytes"
        );
        let ranges = ranges(&text, block, size)?;
        let used: u64 = ranges
            .iter()
            .map(|range| (range.end - range.start).div_ceil(block))
            .sum();
        let told = number(element(&text, "MappedBlocksCount")?)?;
        ensure!(used == told, "it has {used} blocks and says {told}");
        Ok(Self { size, ranges })
    }

    /// The runs that no range has, from 0 to the end of the image.
    pub(super) fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for range in &self.ranges {
            if range.start > at {
                gaps.push((at, range.start));
            }
            at = range.end;
        }
        if self.size > at {
            gaps.push((at, self.size));
        }
        gaps
    }
}

/// The map vouches for itself: its sum is that of its text with noughts in place of the sum.
fn own_sum(text: &str) -> anyhow::Result<()> {
    let told = element(text, "BmapFileChecksum")?;
    let plain = text.replacen(told, &"0".repeat(told.len()), 1);
    let sum: Sum = Sha256::digest(plain.as_bytes()).into();
    ensure!(
        digits(told) == Some(sum),
        "it is damaged: its own checksum is another"
    );
    Ok(())
}

fn without_comments(text: &str) -> anyhow::Result<String> {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("<!--") {
        plain.push_str(before);
        rest = after.split_once("-->").context("a comment never ends")?.1;
    }
    plain.push_str(rest);
    Ok(plain)
}

fn element<'t>(text: &'t str, name: &str) -> anyhow::Result<&'t str> {
    let inner = text
        .split_once(&format!("<{name}>"))
        .and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    Ok(inner.with_context(|| format!("no `<{name}>`"))?.0.trim())
}

fn number(text: &str) -> anyhow::Result<u64> {
    text.parse()
        .with_context(|| format!("`{text}` is no number"))
}

fn ranges(text: &str, block: u64, size: u64) -> anyhow::Result<Vec<Range>> {
    let mut ranges: Vec<Range> = Vec::new();
    for piece in text.split("<Range ").skip(1) {
        let (sum, rest) = piece
            .trim_start()
            .strip_prefix("chksum=\"")
            .and_then(|rest| rest.split_once('"'))
            .context("a range without `chksum`")?;
        let blocks = rest
            .split_once('>')
            .and_then(|(_, rest)| rest.split_once("</Range>"));
        let blocks = blocks.context("a range never ends")?.0.trim();
        let (first, last) = blocks.split_once('-').unwrap_or((blocks, blocks));
        let (first, last) = (number(first.trim())?, number(last.trim())?);
        let end = last.checked_add(1).and_then(|end| end.checked_mul(block));
        let (start, end) = (first.checked_mul(block), end);
        let (Some(start), Some(end)) = (start, end) else {
            anyhow::bail!("a range ends far behind everything");
        };
        let range = Range {
            start,
            // The last block of an image may be a part of one.
            end: end.min(size),
            sum: digits(sum).context("a sum is 64 hexadecimal digits")?,
        };
        let after = ranges.last().map_or(0, |before| before.end);
        ensure!(
            range.start >= after && range.start < range.end && end - range.end < block,
            "the range {blocks} is out of order or of the image"
        );
        ranges.push(range);
    }
    Ok(ranges)
}

fn digits(text: &str) -> Option<Sum> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut sum = Sum::default();
    for (i, byte) in sum.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(sum)
}
