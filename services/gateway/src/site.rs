//! What `vigla-site` found in the owner's file on the card: a problem that everybody may hear, and its contents for
//! the owner alone.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time;
use vigla_bus::Problem;
use vigla_kit::Context;

/// The file is written at the start of the node, and whenever somebody runs `vigla-site`.
const EVERY: Duration = Duration::from_mins(1);

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// So many lines are named in a problem.
const NAMED: usize = 3;

/// What was found. Keys that we do not know are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Findings {
    /// Whether there is an owner's file.
    found: bool,
    mistakes: Vec<Mistake>,
    /// What was right and could not be done.
    troubles: Vec<String>,
}

/// As `vigla-site` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Mistake {
    line: usize,
    what: String,
    fix: String,
}

impl Findings {
    /// What the file says; nothing where there is none, as on a laptop.
    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::File::open(path).and_then(|file| {
            let mut text = Vec::new();
            file.take(LARGEST).read_to_end(&mut text)?;
            Ok(text)
        });
        let Ok(text) = text else {
            return Self::default();
        };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::debug!(%error, "cannot read what was found in the owner's file");
            Self::default()
        })
    }

    /// What everybody may hear: which lines, and nothing of what stands in them.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.mistakes.is_empty() {
            problems.push(Problem::new("site-mistake", lines(&self.mistakes)));
        }
        if !self.troubles.is_empty() {
            problems.push(Problem::new("site-trouble", ""));
        }
        problems
    }
}

/// `line 7`, `lines 7 and 9`, `lines 1, 2, 3 and 4 more`.
fn lines(mistakes: &[Mistake]) -> String {
    let mut lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
    lines.sort_unstable();
    lines.dedup();
    let mut words: Vec<_> = lines.iter().take(NAMED).map(usize::to_string).collect();
    if lines.len() > NAMED {
        words.push(format!("{} more", lines.len() - NAMED));
    }
    let last = words.pop().unwrap_or_default();
    if words.is_empty() {
        format!("line {last}")
    } else {
        format!("lines {} and {last}", words.join(", "))
    }
}

/// Keeps the problems true.
pub(crate) async fn follow(context: Context, file: PathBuf) -> anyhow::Result<()> {
    let mut beat = time::interval(EVERY);
    loop {
        beat.tick().await;
        let now = Findings::read(&file).problems();
        context
            .problems
            .replace(&["site-mistake", "site-trouble"], now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lines: &[usize]) -> Findings {
        let mistake = |line: &usize| Mistake {
            line: *line,
            what: "unknown key `secret`".into(),
            ..Mistake::default()
        };
        Findings {
            mistakes: lines.iter().map(mistake).collect(),
            ..Findings::default()
        }
    }

    #[test]
    fn a_problem_names_lines_and_nothing_of_them() {
        for (lines, subject) in [
            (&[7][..], "line 7"),
            (&[9, 7, 9], "lines 7 and 9"),
            (&[1, 2, 3, 4, 5], "lines 1, 2, 3 and 2 more"),
        ] {
            assert_eq!(
                at(lines).problems(),
                [Problem::new("site-mistake", subject)]
            );
        }
        assert_eq!(at(&[]).problems(), []);
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.json");
        assert_eq!(Findings::read(&path), Findings::default());
        for text in ["", "{", "[]", r#"{"mistakes": 7}"#, "\u{0}"] {
            vigla_kit::atomic::write(&path, text.as_bytes()).unwrap();
            assert_eq!(Findings::read(&path), Findings::default(), "{text}");
        }
        let newer = r#"{"found": true, "new": 1, "troubles": ["x"], "mistakes": [{"line": 2}]}"#;
        vigla_kit::atomic::write(&path, newer.as_bytes()).unwrap();
        let found = Findings::read(&path);
        assert_eq!((found.problems().len(), found.mistakes[0].line), (2, 2));
    }
}
