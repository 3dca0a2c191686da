//! What a start that failed leaves behind: which checks failed, which units, the last of the kernel.

use serde::{Deserialize, Serialize};

use crate::gate::Check;

/// The dossier of a start; on the bus and over MQTT it is this, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dossier {
    /// The boot, 32 hex digits.
    pub boot_id: String,
    /// What the mission gate looked at; empty when the start never came so far.
    pub checks: Vec<Check>,
    /// Units that systemd says have failed.
    pub failed_units: Vec<String>,
    /// The last lines of the kernel, oldest first.
    pub kernel: Vec<String>,
}

/// Lines of the kernel that are kept, and bytes of each.
const LINES: usize = 60;
const WIDTH: usize = 160;

/// The end of `text`, without what a terminal would obey.
#[must_use]
pub fn tail(text: &str) -> Vec<String> {
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with("-- "))
        .collect();
    let from = lines.len().saturating_sub(LINES);
    let clean = |line: &&str| -> String {
        line.chars()
            .filter(|c| !c.is_control())
            .take(WIDTH)
            .collect()
    };
    lines[from..].iter().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_short_and_plain() {
        let line = |n: u32| format!("[{n}] \u{1b}[31mx{}", "y".repeat(500));
        let text = (0..200).map(line).collect::<Vec<_>>().join("\n");
        let tail = tail(&format!("-- Journal begins --\n{text}"));
        assert_eq!(tail.len(), 60);
        assert!(tail[59].starts_with("[199] [31mx") && tail[59].len() <= 160);
    }
}
