//! `docs/security.md` against the code: every provision has a row, and every row a test or a command that exists, or
//! says "not met" with a reason. Whether a test shows what its row claims is for people to judge.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context as _;
use clap::Parser as _;

use super::Verdict;
use crate::{Arguments, Verb, places};

/// How many provisions each section of ETSI EN 303 645 has, from 5.1 on.
const SECTIONS: [usize; 13] = [5, 3, 16, 4, 8, 9, 2, 3, 3, 1, 4, 3, 1];
/// Of its chapter 6.
const PRIVACY: usize = 5;
/// Of the Cyber Resilience Act: annexes and articles.
const ACT: [&str; 26] = [
    "I.1 (1)", "I.1 (2a)", "I.1 (2b)", "I.1 (2c)", "I.1 (2d)", "I.1 (2e)", "I.1 (2f)", "I.1 (2g)",
    "I.1 (2h)", "I.1 (2i)", "I.1 (2j)", "I.1 (2k)", "I.1 (2l)", "I.1 (2m)", "I.2 (1)", "I.2 (2)",
    "I.2 (3)", "I.2 (4)", "I.2 (5)", "(6)", "I.2 (7)", "I.2 (8)", "II", "VII", "13 (8)", "14",
];
/// Fewer letters are no reason, and leave no room for what an operator can do.
const REASON: usize = 60;

pub(super) fn check() -> anyhow::Result<Verdict> {
    let text = fs::read_to_string(places::repository().join("docs/security.md"))
        .context("read `docs/security.md`")?;
    let (rows, proofs, wrong) = look(&text);
    anyhow::ensure!(wrong.is_empty(), "docs/security.md: {}", wrong.join("\n"));
    Ok(Verdict::Good(format!(
        "{rows} provisions, {proofs} tests and commands that exist"
    )))
}

/// Rows, proofs that exist, and what is wrong.
fn look(text: &str) -> (usize, usize, Vec<String>) {
    let rows = [rows(text, "etsi"), rows(text, "cra")].concat();
    let ids: Vec<_> = rows.iter().flat_map(|row| names(row.0)).collect();
    let mut wrong = complete(&ids);
    let mut proofs = 0;
    for (id, proof) in &rows {
        let (good, bad): (Vec<_>, Vec<_>) = codes(proof)
            .filter_map(|code| Some((code, exists(code)?)))
            .partition(|(_, there)| *there);
        wrong.extend(
            bad.iter()
                .map(|(code, _)| format!("{id}: there is no `{code}`")),
        );
        proofs += good.len();
        match reason(proof) {
            Some(reason) if !enough(reason, &ids) => {
                wrong.push(format!("{id}: not met, but why, and what can be done?"));
            }
            None if good.is_empty() => {
                wrong.push(format!("{id}: neither a test or command nor \"not met\""));
            }
            Some(_) | None => {}
        }
    }
    (rows.len(), proofs, wrong)
}

/// Provision and proof of each row of a table.
fn rows<'a>(text: &'a str, table: &str) -> Vec<(&'a str, &'a str)> {
    let (start, end) = (format!("<!-- {table} -->"), format!("<!-- /{table} -->"));
    let body = text.split(&start).nth(1).unwrap_or_default();
    let body = body.split(&end).next().unwrap_or_default();
    let cells = body.lines().skip(3).filter_map(|line| {
        let mut cells = line.trim_matches('|').splitn(3, " | ");
        Some((cells.next()?.trim(), cells.nth(1)?.trim()))
    });
    cells.collect()
}

/// A row may be about several.
fn names(id: &str) -> impl Iterator<Item = &str> {
    id.split(", ")
}

fn complete(ids: &[&str]) -> Vec<String> {
    let etsi = SECTIONS.iter().enumerate().flat_map(|(at, count)| {
        (1..=*count).map(move |provision| format!("5.{}-{provision}", at + 1))
    });
    let privacy = (1..=PRIVACY).map(|provision| format!("6.{provision}"));
    let wanted = etsi
        .chain(privacy)
        .chain(ACT.map(ToOwned::to_owned))
        .collect::<BTreeSet<_>>();
    let there: BTreeSet<_> = ids.iter().map(|id| (*id).to_owned()).collect();
    let lack = wanted.difference(&there);
    let stray = there.difference(&wanted);
    let mut wrong: Vec<_> = lack.map(|id| format!("{id}: has no row")).collect();
    wrong.extend(stray.map(|id| format!("{id}: is no provision")));
    if there.len() < ids.len() {
        wrong.push("a provision has two rows".to_owned());
    }
    wrong
}

/// What stands between backticks.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether what is named is there; `None`: it names no proof.
fn exists(code: &str) -> Option<bool> {
    if let Some(words) = code.strip_prefix("cargo xtask ") {
        return Some(runs(words));
    }
    let (file, name) = code.split_once(".rs::")?;
    let text = fs::read_to_string(places::repository().join(format!("{file}.rs")));
    Some(text.is_ok_and(|text| is_test(&text, name)))
}

/// Whether the command line of this very program takes it.
fn runs(words: &str) -> bool {
    let words = ["cargo xtask"].into_iter().chain(words.split(' '));
    match Arguments::try_parse_from(words).map(|arguments| arguments.verb) {
        Ok(Verb::Check(options)) => options
            .only
            .iter()
            .all(|only| super::STAGES.iter().any(|(name, _)| name == only)),
        Ok(_) => true,
        Err(_) => false,
    }
}

/// Whether a function of this name has the mark of a test above it.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let heads = [format!("fn {name}("), format!("async fn {name}(")];
    lines.iter().enumerate().any(|(at, line)| {
        let above = lines[..at].iter().rev();
        let mut marks = above.take_while(|line| line.starts_with("#[") || line.ends_with(")]"));
        heads.iter().any(|head| line.starts_with(head))
            && marks.any(|mark| *mark == "#[test]" || mark.starts_with("#[tokio::test"))
    })
}

/// What follows "not met" or "does not apply".
fn reason(proof: &str) -> Option<&str> {
    ["ot met**", "does not apply**"]
        .iter()
        .find_map(|mark| Some(proof.split_once(mark)?.1))
}

/// Long enough, or it stands in the row that is pointed to.
fn enough(reason: &str, ids: &[&str]) -> bool {
    let words = reason.split(|one: char| !(one.is_ascii_alphanumeric() || ".-".contains(one)));
    let pointed = words
        .map(|word| word.trim_end_matches('.'))
        .any(|word| word.contains('-') && ids.contains(&word));
    reason.len() >= REASON || pointed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        fs::read_to_string(places::repository().join(path)).unwrap()
    }

    #[test]
    fn every_row_has_a_proof_that_exists_or_is_not_met() {
        let (rows, proofs, wrong) = look(&read("docs/security.md"));
        assert_eq!(wrong, Vec::<String>::new());
        assert!(rows > 80 && proofs > 100, "{rows} rows, {proofs} proofs");
    }

    #[test]
    fn a_row_without_a_proof_is_found() {
        let text = read("docs/security.md");
        let changed = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            look(&text.replacen(from, to, 1)).2.join("\n")
        };
        let gone = changed(
            "secret.rs::secrets_are_long",
            "secret.rs::secrets_are_short",
        );
        assert!(
            gone.starts_with("5.1-2: there is no `services/gateway"),
            "{gone}"
        );
        let stage = changed(
            "`cargo xtask check advisories`",
            "`cargo xtask check wishes`",
        );
        assert!(stage.starts_with("5.2-3: there is no"), "{stage}");
        let row = changed("| 5.1-4 |", "| 5.1-9 |");
        assert!(row.contains("5.1-4: has no row"), "{row}");
        assert!(row.contains("5.1-9: is no provision"), "{row}");
        let empty = changed(
            "`services/gateway/src/login/secret.rs::secrets_are_long_and_never_the_same`",
            "trust us",
        );
        assert_eq!(empty, "5.1-2: neither a test or command nor \"not met\"");
        let bare = changed(
            "`services/gateway/src/login/secret.rs::secrets_are_long_and_never_the_same`",
            "**not met**",
        );
        assert_eq!(bare, "5.1-2: not met, but why, and what can be done?");
    }

    #[test]
    fn only_a_marked_function_is_a_test() {
        let text = "#[test]\nfn one() {}\n\nfn two() {}\n#[tokio::test(flavor = \"x\")]\n#[ignore = \"y\"]\nasync fn three() {}\n";
        assert!(is_test(text, "one") && is_test(text, "three"));
        assert!(!is_test(text, "two") && !is_test(text, "four"));
    }

    #[test]
    fn the_policy_says_how_to_report_and_invents_no_address() {
        let policy = read("SECURITY.md");
        for wanted in [
            "## Reporting",
            "Report a\nvulnerability",
            "## What is looked after",
            "## How updates are signed",
            "ninety days",
        ] {
            assert!(policy.contains(wanted), "{wanted}");
        }
        // Domains of RFC 2606 belong to nobody; every other one is somebody's.
        let ours = concat!("@vig", "la.org");
        let mut git = std::process::Command::new("git");
        git.current_dir(places::repository());
        git.args(["grep", "--untracked", "-l", "--fixed-strings", ours]);
        let found = git.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
        assert!(!policy.contains('@'), "an address in SECURITY.md");
    }
}
