//! One line of the table: what we cost, what the peer costs, and whether that is the goal.

use serde::Serialize;

/// A row. Numbers are in the unit that the note names.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    /// What is compared.
    pub(crate) what: &'static str,
    pub(crate) ours: Option<f64>,
    pub(crate) peer: Option<f64>,
    pub(crate) ratio: Option<f64>,
    /// What the ratio, or without a peer our own figure, should be.
    pub(crate) goal: String,
    /// `null` when the row was skipped.
    pub(crate) ok: Option<bool>,
    pub(crate) note: String,
}

/// On which side of the number the goal lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}"),
            Self::AtLeast(least) => format!(">= {least}"),
        }
    }

    fn met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Row {
    /// Ours against a peer's.
    pub(crate) fn ratio(
        id: &'static str,
        what: &'static str,
        (ours, peer): (f64, f64),
        goal: Goal,
        note: impl Into<String>,
    ) -> Self {
        let ratio = ours / peer;
        Self {
            id,
            what,
            ours: Some(ours),
            peer: Some(peer),
            ratio: Some(ratio),
            goal: goal.text(),
            ok: Some(goal.met(ratio)),
            note: note.into(),
        }
    }

    /// Ours against a limit.
    pub(crate) fn limit(
        id: &'static str,
        what: &'static str,
        ours: f64,
        goal: Goal,
        note: impl Into<String>,
    ) -> Self {
        let (goal, ok) = (goal.text(), Some(goal.met(ours)));
        Self {
            id,
            what,
            ours: Some(ours),
            peer: None,
            ratio: None,
            goal,
            ok,
            note: note.into(),
        }
    }

    /// Nothing was measured, because.
    pub(crate) fn skipped(id: &'static str, why: impl Into<String>) -> Self {
        let note = format!("skipped: {}", why.into());
        Self {
            id,
            what: "",
            ours: None,
            peer: None,
            ratio: None,
            goal: String::new(),
            ok: None,
            note,
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: Option<f64>| number.map_or_else(|| String::from("-"), short);
        let ok = match self.ok {
            Some(true) => "ok",
            Some(false) => "NO",
            None => "-",
        };
        let (ours, peer, ratio) = (number(self.ours), number(self.peer), number(self.ratio));
        write!(
            f,
            "{:4} {ok:3} {ours:>9} {peer:>9} {ratio:>7} {:>9}  {}",
            self.id, self.goal, self.what
        )?;
        if !self.note.is_empty() {
            write!(f, "\n{:54}{}", "", self.note)?;
        }
        Ok(())
    }
}

/// Three digits that count.
fn short(number: f64) -> String {
    match number.abs() {
        0.0 => String::from("0"),
        big if big >= 100.0 => format!("{number:.0}"),
        middle if middle >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_the_goal_is_met() {
        assert_eq!(
            Row::ratio("P0", "", (1.0, 2.0), Goal::AtMost(0.5), "").ok,
            Some(true)
        );
        assert_eq!(
            Row::ratio("P0", "", (1.0, 2.0), Goal::AtLeast(0.6), "").ok,
            Some(false)
        );
        assert_eq!(
            Row::limit("P0", "", 91.0, Goal::AtMost(90.0), "").ok,
            Some(false)
        );
        assert_eq!(Row::skipped("P0", "no peer").ok, None);
    }
}
