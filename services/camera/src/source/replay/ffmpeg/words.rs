//! Which line of what ffmpeg complains about names the cause.
//!
//! The last line is often only a farewell (`Conversion failed!`), and the first may be hours old on
//! a camera with a bad cable. So a line with a known cause beats any other, a later one an earlier,
//! and farewells count only when there is nothing else.

use crate::source::Cause;

/// Longest line that is kept, in characters.
const MOST: usize = 300;

/// What lines hold that name a cause.
const KNOWN: &[(&str, Cause)] = &[
    ("401 Unauthorized", Cause::Denied),
    ("403 Forbidden", Cause::Denied),
    ("404 ", Cause::NoPath),
    ("Connection refused", Cause::Unreachable),
    ("timed out", Cause::Unreachable),
    ("No route to host", Cause::Unreachable),
    ("is unreachable", Cause::Unreachable),
    ("resolve hostname", Cause::Unreachable),
    ("Invalid data found", Cause::NoVideo),
    ("matches no streams", Cause::NoVideo),
    ("no decoder found", Cause::NoVideo),
];

/// What comes after the line that matters.
const FAREWELLS: &[&str] = &[
    "Conversion failed",
    "Error opening input file",
    "Error opening output file",
    "Impossible to open",
    "Output file is empty",
    "Output file #0 does not contain any stream",
    "To ignore this",
];

/// The most telling line so far.
#[derive(Debug, Default)]
pub(super) struct Words {
    weight: u8,
    line: String,
}

impl Words {
    /// Takes in what was said; `shown` is the name that people know the input by.
    pub(super) fn hear(&mut self, said: &str, shown: &str) {
        for line in said.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let weight = weight(line);
            if weight >= self.weight {
                let line = line.replace("pipe:0", shown);
                let line = line.chars().take(MOST).collect();
                *self = Self { weight, line };
            }
        }
    }

    /// The line and the cause it names; `None` when nothing was said.
    pub(super) fn verdict(&self) -> Option<(Cause, String)> {
        let said = !self.line.is_empty();
        said.then(|| (cause(&self.line).unwrap_or(Cause::Other), self.line.clone()))
    }
}

fn weight(line: &str) -> u8 {
    if cause(line).is_some() {
        3
    } else if FAREWELLS.iter().any(|words| line.contains(words)) {
        1
    } else {
        2
    }
}

fn cause(line: &str) -> Option<Cause> {
    let known = KNOWN.iter().find(|(words, _)| line.contains(words));
    known.map(|(_, cause)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(said: &str) -> (Cause, String) {
        let mut words = Words::default();
        words.hear(said, "rtsp://h/live");
        words.verdict().unwrap()
    }

    #[test]
    fn the_line_with_the_cause_is_chosen() {
        let no_video = "[in#0 @ 0x1] Error opening input: Invalid data found when processing input\n\
                        Error opening input file file:notes.txt.\n\
                        Error opening input files: Invalid data found when processing input\n";
        let no_stream = "Stream map '0:v:0' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n";
        let unauthorised = "[rtsp @ 0x1] method DESCRIBE failed: 401 Unauthorized\n\
                            [concat @ 0x2] Impossible to open 'pipe:0'\n";
        for (said, cause) in [
            (no_video, Cause::NoVideo),
            (no_stream, Cause::NoVideo),
            (unauthorised, Cause::Denied),
            ("pipe:0: Server returned 404 Not Found", Cause::NoPath),
            (
                "pipe:0: Connection refused\nConversion failed!",
                Cause::Unreachable,
            ),
            ("[mjpeg @ 0x3] overread 8\nConversion failed!", Cause::Other),
            ("Conversion failed!", Cause::Other),
        ] {
            assert_eq!(verdict(said).0, cause, "{said}");
        }
        assert_eq!(
            verdict("[mjpeg @ 0x3] overread 8\n\nConversion failed!\n").1,
            "[mjpeg @ 0x3] overread 8"
        );
        assert_eq!(
            verdict("pipe:0: Connection refused\nConversion failed!").1,
            "rtsp://h/live: Connection refused"
        );
        assert!(Words::default().verdict().is_none());
    }
}
