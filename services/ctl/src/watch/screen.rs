//! Lines that are drawn again in place, and the terminal as it was when we leave.

use std::fmt::Write as _;
use std::io::{self, Write};

use vigla_bus::detector::FrameDetections;

use super::terminal;
use crate::out::{Out, Tone, counts, safe};

/// With fewer columns names are not aligned.
const NARROW: usize = 40;

/// One camera at one moment.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) camera: String,
    pub(super) frame: Option<FrameDetections>,
    pub(super) rate: Option<f64>,
}

/// The lines on the screen. Dropping it gives the terminal back.
#[derive(Debug)]
pub(super) struct Screen {
    out: Out,
    drawn: bool,
    lines: usize,
}

impl Screen {
    /// `drawn`: in place, in a terminal; otherwise lines follow lines.
    pub(super) fn new(out: Out, drawn: bool) -> io::Result<Self> {
        if drawn {
            // No cursor, and no wrapping: a long line must stay one line to be drawn over.
            out.bytes(b"\x1b[?25l\x1b[?7l")?;
        }
        Ok(Self {
            out,
            drawn,
            lines: 0,
        })
    }

    /// Shows these rows instead of those before.
    pub(super) fn show(&mut self, rows: &[Row]) -> io::Result<()> {
        if !self.drawn {
            let mut lines = self.lines(rows, usize::MAX).into_iter();
            return lines.try_for_each(|line| self.out.line(line));
        }
        let (columns, height) = terminal::size();
        let lines = fitted(self.lines(rows, columns), height.saturating_sub(1));
        let mut text = String::new();
        if self.lines > 0 {
            let _ = write!(text, "\x1b[{}F", self.lines);
        }
        for line in &lines {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J");
        self.lines = lines.len();
        self.out.bytes(text.as_bytes())
    }

    fn lines(&self, rows: &[Row], columns: usize) -> Vec<String> {
        if rows.is_empty() {
            let text = "no camera; waiting for one";
            return vec![text.chars().take(columns).collect()];
        }
        rows.iter().map(|row| self.line(row, columns)).collect()
    }

    /// A row in at most so many columns. Cut before it is painted: half an escape sequence would
    /// be obeyed.
    fn line(&self, row: &Row, columns: usize) -> String {
        let (seen, tone, rest) = match &row.frame {
            None => (String::from("no detections"), Tone::Bad, String::new()),
            Some(frame) => {
                let blind = frame.basis == "no-model";
                let tone = if blind { Tone::Bad } else { Tone::Good };
                (safe(&counts(&frame.counts)), tone, rest(frame, row.rate))
            }
        };
        let name = safe(&row.camera);
        let name = if columns < NARROW {
            format!("{name}  ")
        } else {
            format!("{name:12}  ")
        };
        let mut left = columns;
        let mut cut = |text: &str| -> String {
            let kept: String = text.chars().take(left).collect();
            left -= kept.chars().count();
            kept
        };
        let (name, seen, rest) = (cut(&name), cut(&seen), cut(&rest));
        format!("{name}{}{rest}", self.out.paint(&seen, tone))
    }
}

/// What stands behind the counts.
fn rest(frame: &FrameDetections, rate: Option<f64>) -> String {
    let mut text = format!("  frame {}  lag {:.0} ms", frame.frame_id, frame.lag_ms);
    if let Some(rate) = rate {
        let _ = write!(text, "  {rate:.1}/s");
    }
    if frame.basis != "inferred" {
        let _ = write!(text, "  {}", safe(&frame.basis));
    }
    text
}

/// So many lines at most: what has scrolled off the top cannot be drawn over.
fn fitted(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        let kept = most.saturating_sub(1);
        let more = format!("and {} more", lines.len() - kept);
        lines.truncate(kept);
        lines.push(more);
    }
    lines
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.drawn {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(b"\x1b[?7h\x1b[?25h");
            let _ = stdout.flush();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_is_there() {
        let screen = Screen {
            out: Out::new(true),
            drawn: false,
            lines: 0,
        };
        let counts =
            std::collections::BTreeMap::from([("car".to_owned(), 2), ("person".to_owned(), 0)]);
        let frame = FrameDetections {
            frame_id: 7,
            lag_ms: 40.4,
            counts,
            basis: "still".into(),
            ..Default::default()
        };
        let row = Row {
            camera: "front".into(),
            frame: Some(frame),
            rate: Some(9.96),
        };
        assert_eq!(
            screen.line(&row, usize::MAX),
            "front         car 2  frame 7  lag 40 ms  10.0/s  still"
        );
        assert_eq!(screen.line(&row, 18), "front  car 2  fram");
        let row = Row {
            camera: "back".into(),
            frame: None,
            rate: None,
        };
        assert_eq!(screen.line(&row, 80), "back          no detections");
        assert_eq!(screen.line(&row, 3), "bac");
    }

    #[test]
    fn there_are_never_more_lines_than_the_terminal_has() {
        let lines = |n: usize| vec![String::from("x"); n];
        assert_eq!(fitted(lines(3), 3), lines(3));
        assert_eq!(fitted(lines(5), 3), ["x", "x", "and 3 more"]);
        assert_eq!(fitted(lines(5), 0), ["and 5 more"]);
    }
}
