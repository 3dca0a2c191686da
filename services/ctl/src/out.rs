//! Standard output: lines, tables and JSON. A closed pipe is an error like any other, not a panic.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// How answers are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    json: bool,
    colour: bool,
}

/// What a word means, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
}

#[allow(clippy::unused_self, reason = "whoever prints was handed an `Out`")]
impl Out {
    /// JSON or text; colours only in a terminal, and not where `NO_COLOR` is set.
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            json,
            colour: wanted && !json && io::stdout().is_terminal(),
        }
    }

    /// Text without colours, for a file.
    pub(crate) const fn plain() -> Self {
        Self {
            json: false,
            colour: false,
        }
    }

    /// Whether programs read us.
    pub(crate) fn json(self) -> bool {
        self.json
    }

    /// One line of text.
    pub(crate) fn line(self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", text.as_ref())
    }

    /// One JSON value on a line.
    pub(crate) fn value(self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value).map_err(io::Error::other)?;
        self.line(text)
    }

    /// Bytes as they are.
    pub(crate) fn bytes(self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// `text` in the colour of `tone`.
    pub(crate) fn paint(self, text: &str, tone: Tone) -> String {
        match (self.colour, tone) {
            (true, Tone::Good) => format!("\x1b[32m{text}\x1b[0m"),
            (true, Tone::Bad) => format!("\x1b[31m{text}\x1b[0m"),
            (false, _) => text.to_owned(),
        }
    }

    /// Rows under a heading, columns aligned.
    pub(crate) fn table<const N: usize>(
        self,
        heading: [&str; N],
        rows: &[[String; N]],
    ) -> io::Result<()> {
        for line in table(heading, rows) {
            self.line(line)?;
        }
        Ok(())
    }
}

/// The lines of a table.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let mut widths = heading.map(|text| text.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let body = rows
        .iter()
        .map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(heading)).chain(body).collect()
}

/// Counts as text: `car 2, person 1`; nothing counted is `nothing`.
pub(crate) fn counts<'a, N: std::fmt::Display + PartialEq + Default + 'a>(
    counts: impl IntoIterator<Item = (&'a String, &'a N)>,
) -> String {
    let seen = counts.into_iter().filter(|(_, n)| **n != N::default());
    let texts: Vec<String> = seen.map(|(label, n)| format!("{label} {n}")).collect();
    if texts.is_empty() {
        String::from("nothing")
    } else {
        texts.join(", ")
    }
}

/// Removes what a terminal would obey: names come from devices and files.
pub(crate) fn safe(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let rows = [
            ["front".to_owned(), "streaming".to_owned()],
            ["ö".to_owned(), String::new()],
        ];
        assert_eq!(
            table(["ID", "STATE"], &rows),
            ["ID     STATE", "front  streaming", "ö"]
        );
    }

    #[test]
    fn counts_name_only_what_is_there() {
        let map =
            std::collections::BTreeMap::from([("car".to_owned(), 2_u32), ("dog".to_owned(), 0)]);
        assert_eq!(counts(&map), "car 2");
        assert_eq!(counts::<u32>([]), "nothing");
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(safe("a\x1b[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
