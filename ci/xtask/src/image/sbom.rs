//! What is in the image, for people who look for vulnerabilities: a `CycloneDX` 1.6 document of the
//! Debian packages, the crates of our programs, the inference library and the models.
//!
//! The packages come from the lock, because an extracted tree has no package database.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::archive::{ARCHITECTURE, SUITE};
use super::ffmpeg;
use super::k3s::K3s;
use super::lock::Pin;
use crate::{build, places, process};

/// Writes the document; the same bytes for the same inputs.
pub(crate) fn write(
    file: &Path,
    version: &str,
    epoch: u64,
    packages: &[Pin],
    crates: &[String],
    ffmpeg: &Pin,
    k3s: Option<&K3s>,
) -> anyhow::Result<()> {
    let mut components: Vec<_> = packages.iter().map(debian).collect();
    components.extend(self::crates(crates)?);
    components.extend(models()?);
    components.push(json!({
        "type": "library", "name": "onnxruntime", "version": "1.27.0",
        "purl": "pkg:pypi/onnxruntime@1.27.0",
        "licenses": [{"license": {"id": "MIT"}}],
    }));
    components.push(compiled(ffmpeg));
    components.extend(k3s.map(|K3s { sha256 }| {
        json!({
            "type": "application", "name": "k3s",
            "licenses": [{"license": {"id": "Apache-2.0"}}],
            "hashes": [{"alg": "SHA-256", "content": sha256}],
        })
    }));
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": timestamp(epoch)?,
            "component": {"type": "operating-system", "name": "vigla", "version": version},
        },
        "components": components,
    });
    let text = serde_json::to_string_pretty(&document)? + "\n";
    super::put(file, text).with_context(|| format!("write `{}`", file.display()))
}

fn timestamp(epoch: u64) -> anyhow::Result<String> {
    let mut date = std::process::Command::new("date");
    date.args(["--utc", "+%Y-%m-%dT%H:%M:%SZ"])
        .arg(format!("--date=@{epoch}"));
    Ok(process::output(&mut date)?.trim().to_owned())
}

/// What the builder compiled from a Debian source; the hash is that of the upstream archive.
fn compiled(pin: &Pin) -> Value {
    let mut component = debian(pin);
    component["type"] = "application".into();
    let purl = component["purl"].as_str().unwrap_or_default();
    component["purl"] = purl.replace("?arch=arm64", "?arch=source").into();
    component["licenses"] = json!([{"license": {"id": ffmpeg::LICENCE}}]);
    component
}

fn debian(pin: &Pin) -> Value {
    let Pin {
        name,
        version,
        sha256,
        ..
    } = pin;
    // A package URL has `+` and `:` encoded.
    let encoded = version.replace('+', "%2B").replace(':', "%3A");
    json!({
        "type": "library", "name": name, "version": version,
        "purl": format!("pkg:deb/debian/{name}@{encoded}?arch={ARCHITECTURE}&distro={SUITE}"),
        "hashes": [{"alg": "SHA-256", "content": sha256}],
    })
}

/// The crates that are linked into `packages`, with what `Cargo.lock` knows of them.
fn crates(packages: &[String]) -> anyhow::Result<Vec<Value>> {
    let mut cargo = build::cargo("tree");
    cargo.args([
        "--locked",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    cargo.args([
        "--target",
        "aarch64-unknown-linux-gnu",
        "--format",
        "{p}|{l}",
    ]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let sums = checksums(&fs::read_to_string(
        places::repository().join("Cargo.lock"),
    )?)?;
    let text = process::output(&mut cargo)?;
    let mut lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.sort_unstable();
    lines.dedup_by_key(|line| {
        line.split('|')
            .next()
            .unwrap_or_default()
            .replace(" (*)", "")
    });
    Ok(lines
        .iter()
        .filter_map(|line| component(line, &sums))
        .collect())
}

/// `serde v1.0.1 (proc-macro)|MIT OR Apache-2.0`
fn component(line: &str, sums: &BTreeMap<(String, String), String>) -> Option<Value> {
    let (about, licence) = line.split_once('|')?;
    let mut words = about.split_whitespace();
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    let licence = licence.replace(" (*)", "").replace('/', " OR ");
    let mut component = json!({
        "type": "library", "name": name, "version": version,
        "purl": format!("pkg:cargo/{name}@{version}"),
    });
    if !licence.is_empty() {
        component["licenses"] = json!([{"expression": licence}]);
    }
    if let Some(sum) = sums.get(&(name, version)) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
    }
    Some(component)
}

#[derive(serde::Deserialize)]
struct Locked {
    package: Vec<LockedCrate>,
}

#[derive(serde::Deserialize)]
struct LockedCrate {
    name: String,
    version: String,
    checksum: Option<String>,
}

fn checksums(text: &str) -> anyhow::Result<BTreeMap<(String, String), String>> {
    let locked: Locked = toml::from_str(text).context("in `Cargo.lock`")?;
    let sums = locked
        .package
        .into_iter()
        .filter_map(|package| Some(((package.name, package.version), package.checksum?)));
    Ok(sums.collect())
}

/// The models that the repository ships, by their manifests.
fn models() -> anyhow::Result<Vec<Value>> {
    let folder = places::repository().join("services/detector/models");
    let mut found = Vec::new();
    for file in super::tree::files_below(&folder)? {
        if file.file_name().is_none_or(|name| name != "manifest.toml") {
            continue;
        }
        let manifest: toml::Table = toml::from_str(&fs::read_to_string(&file)?)?;
        let text = |key: &str| {
            manifest
                .get(key)
                .and_then(toml::Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let mut model = json!({
            "type": "machine-learning-model", "name": text("name"), "version": text("version"),
            "licenses": [{"license": {"id": text("licence")}}],
        });
        if let Some(sum) = text("digest").strip_prefix("sha256:") {
            model["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
        }
        found.push(model);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_told_with_licence_and_sum() {
        let lock = "[[package]]\nname = \"serde\"\nversion = \"1.0.1\"\nchecksum = \"ab\"\n";
        let sums = checksums(lock).unwrap();
        let found = component("serde v1.0.1 (*)|MIT/Apache-2.0", &sums).unwrap();
        assert_eq!(found["purl"], "pkg:cargo/serde@1.0.1");
        assert_eq!(found["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(found["hashes"][0]["content"], "ab");
        assert!(component("nonsense", &sums).is_none());
    }
}
