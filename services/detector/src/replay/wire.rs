//! What goes in and out of `vigla-replay`: frames with their times, and JSON lines.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use vigla_bus::detector::Event;

/// No frame is larger, in bytes.
const LARGEST: u64 = 64 << 20;

/// A picture and its time in the clip.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) time: Duration,
    /// JPEG.
    pub(super) bytes: Vec<u8>,
}

/// Frames from a stream: 8 bytes of microseconds, 8 bytes of length, and so many bytes of JPEG.
#[derive(Debug)]
pub(super) struct Frames<R> {
    input: R,
    count: u64,
    last: u64,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R) -> Self {
        let (count, last) = (0, 0);
        Self { input, count, last }
    }

    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The next frame; `None` at an end between two frames.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Frame>> {
        let mut head = [0; 16];
        let first = loop {
            match self.input.read(&mut head) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.context("read a frame")?,
            }
        };
        if first == 0 {
            return Ok(None);
        }
        let rest = self.input.read_exact(&mut head[first..]);
        rest.context("the frames end inside of one")?;
        let number = |half: usize| {
            let bytes = head[half * 8..][..8].try_into();
            u64::from_le_bytes(bytes.expect("it has eight bytes"))
        };
        let (time, length) = (number(0), number(1));
        ensure!(length <= LARGEST, "a frame of {length} bytes is too large");
        ensure!(
            time >= self.last,
            "the frames are not in the order of their times"
        );
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(length).read_to_end(&mut bytes);
        let read = read.context("read a frame")?;
        ensure!(read as u64 == length, "the frames end inside of one");
        (self.count, self.last) = (self.count + 1, time);
        let time = Duration::from_micros(time);
        Ok(Some(Frame { time, bytes }))
    }
}

/// An answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Line {
    /// The settings are sound and the model has answered: frames may come.
    Ready {
        /// `name@version`, or `truth`.
        model: String,
        /// Whose settings apply.
        camera: String,
        /// The cameras that have settings of their own.
        cameras: Vec<String>,
    },
    /// Something happened; `time_usec` is the time in the clip.
    Event(Box<Event>),
    /// All frames were played.
    Done {
        /// Frames that came.
        frames: u64,
        /// Frames that were looked at.
        looks: u64,
        /// Looks of the model.
        inferred: u64,
        /// Frames that could not be looked at: damaged, or the model gave no answer.
        unusable: u64,
    },
}

impl Line {
    /// Writes it as one line.
    pub(super) fn write(&self, output: &mut impl Write) -> anyhow::Result<()> {
        let json = serde_json::to_string(self).context("write an answer")?;
        writeln!(output, "{json}").context("write an answer")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(time: u64, length: u64, bytes: &[u8]) -> Vec<u8> {
        [&time.to_le_bytes(), &length.to_le_bytes(), bytes].concat()
    }

    #[test]
    fn reads_frames_to_the_end_and_refuses_half_of_one() {
        let whole = [frame(0, 3, b"abc"), frame(40_000, 0, b"")].concat();
        let mut frames = Frames::new(whole.as_slice());
        assert_eq!(frames.next().unwrap().unwrap().bytes, b"abc");
        let time = frames.next().unwrap().unwrap().time;
        assert_eq!(time, Duration::from_millis(40));
        assert!(frames.next().unwrap().is_none());
        assert_eq!(frames.count(), 2);
        for cut in 1..19 {
            assert!(Frames::new(&whole[..cut]).next().is_err(), "{cut}");
        }
    }

    #[test]
    fn refuses_what_is_too_large_or_runs_backwards() {
        assert!(Frames::new(&frame(0, u64::MAX, b"x")[..]).next().is_err());
        let backwards = [frame(5, 0, b""), frame(4, 0, b"")].concat();
        let mut frames = Frames::new(backwards.as_slice());
        frames.next().unwrap();
        assert!(frames.next().is_err());
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_errors_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut frames = Frames::new(bytes.as_slice());
            while let Ok(Some(_)) = frames.next() {}
        }
    }
}
