//! Who may depend on whom, against what cargo says. The picture is in `docs/architecture.md`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;

use super::Verdict;
use crate::{build, process};

/// What each of our crates may link. Who is not in the table may link nothing of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("vigla-bus", &[]),
    ("vigla-frames", &[]),
    ("vigla-vision", &[]),
    ("vigla-fleet", &[]),
    ("vigla-testkit", &["vigla-bus", "vigla-frames"]), // only its feature `peers`
    ("vigla-testkit-kube", &["vigla-testkit"]),
    ("vigla-fleet", &[]),
    ("vigla-kit", &["vigla-bus"]),
    (
        "vigla-camera",
        &["vigla-bus", "vigla-kit", "vigla-frames", "vigla-vision"],
    ),
    (
        "vigla-detector",
        &["vigla-bus", "vigla-kit", "vigla-frames", "vigla-vision"],
    ),
    ("vigla-metrics", &["vigla-bus", "vigla-kit", "vigla-frames"]),
    ("vigla-gateway", &["vigla-bus", "vigla-kit", "vigla-frames"]),
    ("vigla-updater", &["vigla-bus", "vigla-kit"]),
    // In the cloud.
    ("vigla-registrar", &["vigla-fleet", "vigla-kit"]),
    ("vigla-cloud", &["vigla-fleet"]),
    (
        "vigla-enrolment",
        &["vigla-bus", "vigla-kit", "vigla-fleet"],
    ),
    // `watch` and `camera snapshot` read the rings, as every other reader does.
    ("vigla-ctl", &["vigla-bus", "vigla-frames", "vigla-vision"]),
    // Root links as little as it can.
    ("vigla-act", &[]),
    ("vigla-site", &["vigla-act"]),
    ("vigla-state", &["vigla-act"]),
    // `flash` reads what goes onto a card as the node does; `run --cluster` is a cluster.
    (
        "xtask",
        &[
            "vigla-fleet",
            "vigla-site",
            "vigla-testkit",
            "vigla-testkit-kube",
        ],
    ),
    (
        "vigla-system-tests",
        &["vigla-bus", "vigla-frames", "vigla-testkit"],
    ),
    ("vigla-boot-tests", &["vigla-testkit"]),
    // Measures the libraries as the daemons use them.
    (
        "vigla-bench",
        &[
            "vigla-boot-tests",
            "vigla-detector",
            "vigla-frames",
            "vigla-kit",
            "vigla-metrics",
            "vigla-system-tests",
            "vigla-testkit",
            "vigla-vision",
        ],
    ),
];

/// What is no part of the product may link the test kit.
const BENCHES: &[&str] = &[
    "vigla-testkit-kube",
    "xtask",
    "vigla-system-tests",
    "vigla-boot-tests",
    "vigla-bench",
];

/// Nobody links these: they are programs. (`vigla-bench` measures the engine of `vigla-detector` and the queue of
/// `vigla-metrics`, which only the table above lets it.)
const PROGRAMS: &[&str] = &[
    "vigla-camera",
    "vigla-gateway",
    "vigla-ctl",
    "vigla-updater",
    "vigla-enrolment",
    "xtask",
];

/// The contract must stay light, or its clients would not use it.
const CONTRACT: (&str, &[&str]) = ("vigla-bus", &["serde", "zbus"]);

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `null` for what is linked, `dev`, `build`.
    kind: Option<String>,
    /// Set for what is in this repository.
    path: Option<String>,
}

pub(super) fn check() -> anyhow::Result<Verdict> {
    let mut cargo = build::cargo("metadata");
    cargo.args(["--no-deps", "--format-version", "1", "--locked"]);
    let text = process::output(&mut cargo)?;
    let metadata: Metadata = serde_json::from_str(&text).context("read cargo's metadata")?;
    let wrong = wrong(&metadata.packages);
    anyhow::ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Verdict::Good(format!("{} crates", metadata.packages.len())))
}

fn wrong(packages: &[Package]) -> Vec<String> {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages {
        let from = package.name.as_str();
        for dependency in &package.dependencies {
            let (to, linked) = (
                dependency.name.as_str(),
                dependency.kind.as_deref() != Some("dev"),
            );
            let ours = dependency.path.is_some();
            if ours && PROGRAMS.contains(&to) {
                wrong.push(format!(
                    "`{from}` depends on the program `{to}`: put what is shared into a library"
                ));
            } else if to == "vigla-testkit" && linked && !BENCHES.contains(&from) {
                wrong.push(format!(
                    "`{from}` links `{to}`: it is for [dev-dependencies]"
                ));
            } else if ours && linked && to.starts_with("vigla-") && to != "vigla-testkit" {
                if !allowed.get(from).is_some_and(|list| list.contains(&to)) {
                    wrong.push(format!("`{from}` must not link `{to}` (the arrows are in ci/xtask/src/check/arrows.rs)"));
                }
            } else if !ours && linked && from == CONTRACT.0 && !CONTRACT.1.contains(&to) {
                wrong.push(format!(
                    "`{from}` links `{to}`: the contract links only {}",
                    CONTRACT.1.join(", ")
                ));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, to: &str, kind: Option<&str>, ours: bool) -> Vec<Package> {
        let path = ours.then(|| "/x".to_owned());
        let dependency = Dependency {
            name: to.into(),
            kind: kind.map(Into::into),
            path,
        };
        vec![Package {
            name: name.into(),
            dependencies: vec![dependency],
        }]
    }

    #[test]
    fn arrows_that_are_drawn_pass_and_others_do_not() {
        for (from, to, kind, ours, fine) in [
            ("vigla-camera", "vigla-frames", None, true, true),
            ("vigla-gateway", "vigla-vision", None, true, false),
            ("vigla-gateway", "vigla-camera", Some("dev"), true, false),
            ("vigla-kit", "vigla-testkit", Some("dev"), true, true),
            ("vigla-kit", "vigla-testkit", None, true, false),
            ("vigla-bus", "tokio", None, false, false),
            ("vigla-bus", "tokio", Some("dev"), false, true),
            ("vigla-new", "vigla-bus", None, true, false),
        ] {
            let found = wrong(&package(from, to, kind, ours));
            assert_eq!(found.is_empty(), fine, "{from} -> {to}: {found:?}");
        }
    }
}
