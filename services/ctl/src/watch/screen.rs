//! Lines that are drawn again in place, and the terminal as it was when we leave.

use std::fmt::Write as _;
use std::io::{self, Write};

use vigla_bus::detector::FrameDetections;

use crate::out::{Out, Tone, counts, safe};

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
        let lines: Vec<String> = if rows.is_empty() {
            vec![String::from("no camera; waiting for one")]
        } else {
            rows.iter().map(|row| self.line(row)).collect()
        };
        if !self.drawn {
            return lines.iter().try_for_each(|line| self.out.line(line));
        }
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

    fn line(&self, row: &Row) -> String {
        let camera = safe(&row.camera);
        let Some(frame) = &row.frame else {
            return format!(
                "{camera:12}  {}",
                self.out.paint("no detections", Tone::Bad)
            );
        };
        let seen = safe(&counts(&frame.counts));
        let tone = if frame.basis == "no-model" {
            Tone::Bad
        } else {
            Tone::Good
        };
        let rate = row
            .rate
            .map_or_else(String::new, |rate| format!("  {rate:.1}/s"));
        let basis = if frame.basis == "inferred" {
            String::new()
        } else {
            format!("  {}", safe(&frame.basis))
        };
        format!(
            "{camera:12}  {}  frame {}  lag {:.0} ms{rate}{basis}",
            self.out.paint(&seen, tone),
            frame.frame_id,
            frame.lag_ms
        )
    }
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
            screen.line(&row),
            "front         car 2  frame 7  lag 40 ms  10.0/s  still"
        );
        let row = Row {
            camera: "back".into(),
            frame: None,
            rate: None,
        };
        assert_eq!(screen.line(&row), "back          no detections");
    }
}
