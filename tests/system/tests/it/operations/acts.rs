//! The acts of `vigla-act`, which is no daemon: its verbs, its answers, and where requests and answers lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{document, fits, hold, repository, rows, table};

fn source(file: &str) -> String {
    let path = repository().join("services/act/src").join(file);
    std::fs::read_to_string(path).unwrap()
}

/// The texts that the function `name` of `source` has for each variant.
fn words(source: &str, name: &str) -> BTreeMap<String, String> {
    let (_, body) = source.split_once(&format!("fn {name}(self)")).unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap();
    let arms = body.lines().filter_map(|line| {
        let (variant, text) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
        Some((variant.to_owned(), text.strip_suffix("\",")?.to_owned()))
    });
    arms.collect()
}

fn verbs() -> BTreeMap<String, String> {
    let source = source("verb.rs");
    let (names, about) = (words(&source, "name"), words(&source, "about"));
    let pairs = names.into_iter().map(|(variant, name)| {
        let about = about[&variant].clone();
        (name, about)
    });
    pairs.collect()
}

#[test]
fn every_act_stands_in_the_document() {
    let mut right =
        String::from("| act | what it does | who may ask | unit |\n|---|---|---|---|\n");
    let verbs = verbs();
    assert!(verbs.contains_key("reboot"), "{verbs:?}");
    for (verb, about) in &verbs {
        let unit = format!("vigla-act-{verb}.service");
        let dist = repository().join("services/act/dist/usr/lib/systemd/system");
        assert!(dist.join(&unit).exists(), "`{verb}` has no unit");
        let _ = writeln!(
            right,
            "| `{verb}` | {about} | group `vigla-act-{verb}` | `{unit}` |"
        );
    }
    hold("acts", &right);
}

/// The messages of the errors, with `...` for what differs.
fn messages(source: &str) -> BTreeSet<String> {
    let found = source
        .split("#[error(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\")]"));
    let plain = found.map(|(text, _)| {
        let mut parts = text.split('{');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| {
            all + "..." + part.split_once('}').map_or("", |(_, rest)| rest)
        })
    });
    plain.collect()
}

#[test]
fn every_answer_of_an_act_stands_in_the_document() {
    let results = rows(&table(&document(), "act results"));
    let text = source("answer.rs");
    let said = text
        .split("=> (\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    let said: BTreeSet<_> = said.map(String::from).collect();
    assert_eq!(said, results.into_keys().collect());

    let known = rows(&table(&document(), "act errors"));
    let refusals = messages(&source("request.rs"));
    let failures = messages(&source("acts.rs"));
    assert!(refusals.len() > 5 && failures.len() == 1);
    let all: BTreeSet<_> = refusals.into_iter().chain(failures).collect();
    assert_eq!(all, known.into_keys().collect());
}

#[test]
fn requests_and_answers_stand_in_the_document() {
    let text = document();
    let files = rows(&table(&text, "files"));
    let folders = repository().join("services/act/dist/usr/lib/tmpfiles.d/vigla-act.conf");
    let folders = std::fs::read_to_string(folders).unwrap();
    for verb in verbs().keys() {
        let folder = format!("/run/vigla/act/{verb}");
        assert!(folders.contains(&folder), "`{folder}` is not made");
        for path in [
            format!("{folder}/request.json"),
            format!("/run/vigla/act/answers/{verb}.json"),
        ] {
            let known = files.keys().any(|pattern| fits(&path, pattern));
            assert!(
                known,
                "`{path}` is missing in the table `files` of docs/operations.md"
            );
        }
    }
}
