//! The crates of `Cargo.lock` as BitBake fetches them: one URI with one hash each. The same as
//! `bitbake -c update_crates vigla-services` writes, without a build of Python before it.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context as _;
use serde::Deserialize;

use crate::places;

#[derive(Debug, Deserialize)]
struct Lock {
    package: Vec<Crate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    source: Option<String>,
    pub(crate) checksum: Option<String>,
}

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What `Cargo.lock` takes from the registry.
pub(crate) fn locked() -> anyhow::Result<Vec<Crate>> {
    let text = fs::read_to_string(places::repository().join("Cargo.lock"))?;
    parse(&text)
}

pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Crate>> {
    let lock: Lock = toml::from_str(text).context("in `Cargo.lock`")?;
    let mut crates = Vec::new();
    for package in lock.package {
        match package.source.as_deref() {
            None => {}
            Some(REGISTRY) if package.checksum.is_some() => crates.push(package),
            Some(other) => anyhow::bail!(
                "`{}` comes from `{other}`, which BitBake cannot fetch with a hash: take a release of it",
                package.name
            ),
        }
    }
    Ok(crates)
}

pub(crate) fn include() -> anyhow::Result<String> {
    Ok(render(&locked()?))
}

fn render(crates: &[Crate]) -> String {
    let mut text =
        String::from("# Made of Cargo.lock by `cargo xtask layer --write`.\n\nSRC_URI += \"\\\n");
    for Crate { name, version, .. } in crates {
        let _ = writeln!(text, "    crate://crates.io/{name}/{version} \\");
    }
    text.push_str("\"\n\n");
    for one in crates {
        let sum = one.checksum.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "SRC_URI[{}-{}.sha256sum] = \"{sum}\"",
            one.name, one.version
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_a_hash_is_refused() {
        let ours = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n";
        assert_eq!(parse(ours).unwrap(), []);
        let git = format!("{ours}source = \"git+https://example.org/a\"\n");
        let error = parse(&git).unwrap_err().to_string();
        assert!(error.contains("take a release"), "{error}");
    }

    #[test]
    fn each_crate_has_its_uri_and_its_sum() {
        let text = format!(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{REGISTRY}\"\nchecksum = \"ff\"\n"
        );
        let text = render(&parse(&text).unwrap());
        assert!(
            text.contains("    crate://crates.io/a/1.0.0 \\\n"),
            "{text}"
        );
        assert!(
            text.contains("SRC_URI[a-1.0.0.sha256sum] = \"ff\""),
            "{text}"
        );
    }
}
