//! A V4L2 camera: MJPEG or YUYV by memory-mapped streaming.
//!
//! [`node`] speaks to the device, `offers` reads what it can, [`choice`] decides what to ask of it (on data, no device needed),
//! [`stream`] takes pictures, [`controls`] turns knobs. Of the `v4l` crate only the layer of system
//! calls is used; why is in `docs/adr/0008-v4l-bindings.md`.

pub mod choice;
pub mod controls;
pub mod node;
mod offers;
pub mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vigla_kit::Clock;

use self::choice::{Choice, Wanted};
use self::controls::Knobs;
use self::node::Node;
use self::stream::{Buffer, Stream};
use super::{Controls, Source, SourceError};
use crate::jpeg;
use crate::picture::{Format, Picture};

/// A JPEG of another size than agreed must come so often in a row to be believed.
const INSIST: u32 = 5;
/// A capture time further back than this is a driver's mistake.
const OLDEST_USEC: u64 = 5_000_000;

/// A streaming camera.
#[derive(Debug)]
pub struct Camera {
    stream: Stream,
    node: Arc<Node>,
    choice: Choice,
    /// A size that JPEGs have instead of the agreed one, and how often in a row.
    other: ((u32, u32), u32),
    lines: Vec<u8>,
    clock: Clock,
}

impl Camera {
    /// Opens the device at `path`, chooses what comes nearest to `wanted`, and starts streaming.
    pub fn open(path: &Path, wanted: Wanted, clock: Clock) -> Result<Self, SourceError> {
        let node = Arc::new(Node::open(path)?);
        let offers = node.offers()?;
        let best =
            choice::best(&offers, wanted).ok_or_else(|| SourceError::NoFormat(path.into()))?;
        let choice = node.agree(best)?;
        tracing::info!(
            format = choice.format.code(),
            width = choice.width,
            height = choice.height,
            rate = choice.rate,
            "device"
        );
        Ok(Self {
            stream: Stream::start(Arc::clone(&node))?,
            node,
            choice,
            other: ((0, 0), 0),
            lines: Vec::new(),
            clock,
        })
    }
}

impl Source for Camera {
    fn next(&mut self, patience: Duration) -> Result<Option<Picture<'_>>, SourceError> {
        let Self {
            stream,
            choice,
            other,
            lines,
            clock,
            ..
        } = self;
        let Some(buffer) = stream.take(patience)? else {
            return Ok(None);
        };
        let mono_usec = capture_time(&buffer, clock);
        let (bytes, damaged) = (buffer.bytes, buffer.damaged);
        let bytes = match choice.format {
            Format::Mjpg => {
                believe_size(choice, other, bytes);
                bytes
            }
            Format::Yuyv => unpadded(bytes, *choice, lines),
        };
        Ok(Some(Picture {
            format: choice.format,
            width: choice.width,
            height: choice.height,
            bytes,
            mono_usec,
            damaged,
        }))
    }

    fn controls(&self) -> Option<Box<dyn Controls>> {
        Some(Box::new(Knobs::new(Arc::clone(&self.node))))
    }
}

/// The header of a JPEG is the truth about its size, but one odd picture is only damaged.
fn believe_size(choice: &mut Choice, other: &mut ((u32, u32), u32), bytes: &[u8]) {
    let Some(size) = jpeg::size(bytes) else {
        return;
    };
    if size == (choice.width, choice.height) {
        other.1 = 0;
        return;
    }
    *other = if other.0 == size {
        (size, other.1 + 1)
    } else {
        (size, 1)
    };
    if other.1 >= INSIST {
        (choice.width, choice.height) = size;
        other.1 = 0;
    }
}

/// The picture without padding at the ends of its lines; a short picture stays short.
fn unpadded<'a>(bytes: &'a [u8], choice: Choice, lines: &'a mut Vec<u8>) -> &'a [u8] {
    let (line, stride) = (choice.width as usize * 2, choice.stride as usize);
    if stride <= line {
        let whole = line * choice.height as usize;
        return &bytes[..bytes.len().min(whole)];
    }
    lines.clear();
    for row in bytes.chunks(stride).take(choice.height as usize) {
        lines.extend_from_slice(&row[..row.len().min(line)]);
    }
    lines
}

/// The driver's time on our clock; now, when that makes no sense.
fn capture_time(buffer: &Buffer<'_>, clock: &Clock) -> u64 {
    let now = clock.mono_usec();
    let age = buffer.age_usec.filter(|&age| age < OLDEST_USEC);
    now.saturating_sub(age.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(width: u32, height: u32, stride: u32) -> Choice {
        Choice {
            format: Format::Yuyv,
            width,
            height,
            rate: 30.0,
            stride,
        }
    }

    #[test]
    fn padding_goes_and_short_pictures_stay_short() {
        let mut lines = Vec::new();
        let padded = [1, 1, 1, 1, 0, 0, 2, 2, 2, 2, 0, 0];
        assert_eq!(
            unpadded(&padded, choice(2, 2, 6), &mut lines),
            [1, 1, 1, 1, 2, 2, 2, 2]
        );
        assert_eq!(
            unpadded(&padded[..8], choice(2, 2, 6), &mut lines),
            [1, 1, 1, 1, 2, 2]
        );
        assert_eq!(unpadded(&padded, choice(2, 2, 4), &mut lines).len(), 8);
        assert_eq!(unpadded(&padded[..3], choice(2, 2, 4), &mut lines).len(), 3);
    }

    #[test]
    fn another_size_is_believed_when_it_insists() {
        let mut choice = choice(640, 480, 0);
        let mut other = ((0, 0), 0);
        let mut artist = crate::source::synthetic::Artist::new(320, 240).unwrap();
        let odd = artist.frame(0.0).unwrap();
        for _ in 1..INSIST {
            believe_size(&mut choice, &mut other, &odd);
        }
        believe_size(&mut choice, &mut other, b"no picture");
        assert_eq!(choice.width, 640);
        believe_size(&mut choice, &mut other, &odd);
        assert_eq!((choice.width, choice.height), (320, 240));
    }
}
