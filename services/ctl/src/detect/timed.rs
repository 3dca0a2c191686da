//! Pictures of a video with the video's own times.
//!
//! A stream of JPEG pictures has no times. ffmpeg's filter `showinfo` says each in a line among its
//! talk, before the picture leaves; a thread takes the times out and keeps the complaints.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::Problem;
use super::ffmpeg::Pictures;

/// What makes ffmpeg keep every picture, and say its time.
const FILTER: [&str; 4] = ["-vf", "showinfo=checksum=0", "-fps_mode", "passthrough"];
/// Between two pictures of which one has no time: that of 25 a second.
const USUAL: Duration = Duration::from_millis(40);
/// So much of the complaints is kept, in bytes.
const KEPT: usize = 4000;

/// When a picture is; nothing where the video does not say.
#[derive(Debug, PartialEq, Eq)]
struct Moment(Option<Duration>);

/// The pictures of a video, each with its time.
pub(crate) struct Timed {
    pictures: Pictures,
    times: Receiver<Moment>,
    last: Option<Duration>,
}

impl Timed {
    /// Starts to read `file`.
    pub(crate) fn open(file: &Path) -> Result<Self, Problem> {
        let (sender, times) = channel();
        let listen = move |stderr| listen(BufReader::new(stderr), &sender);
        let pictures = Pictures::start(file, &FILTER, "level+info", listen)?;
        let last = None;
        Ok(Self {
            pictures,
            times,
            last,
        })
    }

    /// The next picture; `None` at the end. Times never run backwards.
    pub(crate) fn next(&mut self) -> Result<Option<(Duration, Vec<u8>)>, Problem> {
        let Some(jpeg) = self.pictures.next()? else {
            return Ok(None);
        };
        let said = self.times.recv();
        let said =
            said.map_err(|_| Problem::because("ffmpeg does not say when its pictures are"))?;
        let usual = self.last.map_or(Duration::ZERO, |last| last + USUAL);
        let time = said.0.unwrap_or(usual).max(self.last.unwrap_or_default());
        self.last = Some(time);
        Ok(Some((time, jpeg)))
    }

    /// What ffmpeg complained about, after the end, if it did not end well.
    pub(crate) fn complaint(self) -> Option<String> {
        self.pictures.complaint()
    }
}

/// Reads ffmpeg's talk to its end: times go to `times`, the first complaints are given back.
fn listen(mut talk: impl BufRead, times: &Sender<Moment>) -> String {
    let (mut complaints, mut line) = (String::new(), Vec::new());
    // A line that never ends is cut in pieces, none of which is a time.
    while let Ok(1..) = (&mut talk).take(1 << 16).read_until(b'\n', &mut line) {
        let text = String::from_utf8_lossy(&line);
        if let Some(time) = time(&text) {
            // Whoever wanted it may have ended.
            let _ = times.send(time);
        } else if let Some(complaint) = complaint(&text)
            && complaints.len() + complaint.len() <= KEPT
        {
            complaints.push_str(&complaint);
        }
        line.clear();
    }
    complaints
}

/// The time in a line of `showinfo`.
fn time(line: &str) -> Option<Moment> {
    let rest = line.strip_prefix("[Parsed_showinfo_0 @ ")?;
    let (_, rest) = rest.split_once("] [info] n:")?;
    let (_, rest) = rest.split_once(" pts_time:")?;
    let word = rest.split_whitespace().next()?;
    let seconds = word.parse::<f64>().ok().map(|seconds| seconds.max(0.0));
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Some(Moment(time))
}

/// A line that tells what is wrong, without its level.
fn complaint(line: &str) -> Option<String> {
    let marks = ["[error] ", "[fatal] ", "[panic] "];
    let mark = marks.into_iter().find(|mark| line.contains(mark))?;
    Some(line.replacen(mark, "", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_complaints_are_told_apart() {
        let talk = "[info]   Metadata: title: n: 7 pts_time:9\n\
            [Parsed_showinfo_0 @ 0x5d] [info] config in time_base: 1/12800\n\
            [Parsed_showinfo_0 @ 0x5d] [info] n:   0 pts:    512 pts_time:0.04    fmt:yuv420p\n\
            [swscaler @ 0x1] [warning] deprecated\n\
            [Parsed_showinfo_0 @ 0x5d] [info] n:   1 pts: NOPTS pts_time:NOPTS fmt:yuv420p\n\
            [mov,mp4 @ 0x5d] [error] moov atom not found\n\
            [Parsed_showinfo_0 @ 0x5d] [info] n:   2 pts:  -1 pts_time:-0.5 fmt:yuv420p";
        let (sender, times) = channel();
        let complaints = listen(talk.as_bytes(), &sender);
        drop(sender);
        let times: Vec<_> = times.iter().collect();
        let first = Duration::from_millis(40);
        let expected = [Some(first), None, Some(Duration::ZERO)];
        assert_eq!(times, expected.map(Moment));
        assert_eq!(complaints, "[mov,mp4 @ 0x5d] moov atom not found\n");
    }

    #[test]
    fn a_line_without_end_is_no_burden() {
        let (sender, times) = channel();
        let talk = vec![b'x'; 1 << 20];
        assert_eq!(listen(talk.as_slice(), &sender), "");
        assert!(times.try_recv().is_err());
    }
}
