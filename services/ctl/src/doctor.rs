//! `viglactl doctor`: what is wrong, why, and what to do, most basic thing first.
//!
//! [`facts`] asks the services and looks around on this machine; [`judge`] makes findings of that,
//! and is a pure function; this prints. It changes nothing.

mod causes;
mod facts;
mod file;
mod judge;
mod local;

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;

use crate::fault::{FAILED, Fault};
use crate::out::{Out, Tone, safe};
use facts::Facts;

/// Something that was noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Which check noticed it, one of [`judge::CHECKS`].
    check: &'static str,
    /// Kebab-case, for programs.
    code: String,
    /// What is wrong, a clause.
    what: String,
    /// Why, as far as it can be seen from here; may be empty.
    cause: String,
    /// The next step.
    fix: String,
    /// False for what is worth knowing and breaks nothing.
    wrong: bool,
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Verdict {
    healthy: bool,
    checks: &'static [&'static str],
    /// Those of the checks that nobody could answer, and why.
    unknown: BTreeMap<&'static str, String>,
    findings: Vec<Finding>,
}

/// Looks, and judges.
pub(crate) async fn examine() -> Verdict {
    verdict(&Facts::gather().await)
}

fn verdict(facts: &Facts) -> Verdict {
    let findings = judge::judge(facts);
    Verdict {
        healthy: findings.iter().all(|finding| !finding.wrong),
        checks: judge::CHECKS,
        unknown: judge::unknown(facts),
        findings,
    }
}

pub(crate) async fn run(out: Out) -> Result<ExitCode, Fault> {
    let verdict = examine().await;
    if out.json() {
        out.value(&verdict)?;
    } else {
        for line in verdict.lines(out) {
            out.line(line)?;
        }
    }
    Ok(if verdict.healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    })
}

impl Verdict {
    /// For people: a line per check, and below it what was found.
    pub(crate) fn lines(&self, out: Out) -> Vec<String> {
        let mut lines = Vec::new();
        for check in self.checks {
            let mut found = self
                .findings
                .iter()
                .filter(|f| f.check == *check)
                .peekable();
            match (found.peek(), self.unknown.get(check)) {
                (Some(_), _) => {}
                (None, Some(why)) => lines.push(format!("?      {check}: {}", safe(why))),
                (None, None) => lines.push(format!("{}     {check}", out.paint("ok", Tone::Good))),
            }
            for finding in found {
                finding.tell(out, &mut lines);
            }
        }
        lines
    }
}

impl Finding {
    fn tell(&self, out: Out, lines: &mut Vec<String>) {
        let head = if self.wrong {
            out.paint("wrong", Tone::Bad)
        } else {
            String::from("note ")
        };
        lines.push(format!("{head}  {}: {}", self.check, safe(&self.what)));
        for (name, text) in [("cause", &self.cause), ("fix", &self.fix)] {
            if !text.is_empty() {
                lines.push(format!("       {name}: {}", safe(text)));
            }
        }
    }
}
