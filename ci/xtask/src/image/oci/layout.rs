//! The layout of an OCI image: blobs by their digests, an index above one manifest for each processor.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{PROGRAM, USER};
use crate::image::put;
use crate::{fetch, process};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The same sources give the same image: no time of ours is in it.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Platform {
    /// x86-64
    Amd64,
    /// ARM, 64 bits
    Arm64,
}

impl Platform {
    /// As images name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// As compilers name it.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// As the head of a program names it: `e_machine` of ELF.
    const fn machine(self) -> u8 {
        match self {
            Self::Amd64 => 62,
            Self::Arm64 => 183,
        }
    }

    /// This machine has it.
    pub(crate) fn is_ours(self) -> bool {
        self.target().starts_with(std::env::consts::ARCH)
    }
}

/// Writes the layout of these trees.
pub(crate) fn write(out: &Path, trees: &[(Platform, std::path::PathBuf)]) -> anyhow::Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out.join("blobs/sha256"))?;
    let mut manifests = Vec::new();
    for (platform, tree) in trees {
        let layer = out.join("layer.tar");
        pack(tree, ".", &layer)?;
        let inside = fetch::hash(&layer)?;
        process::must(
            "compress",
            Command::new("gzip").args(["-9", "-n"]).arg(&layer),
        )?;
        let bytes = fs::read(out.join("layer.tar.gz"))?;
        fs::remove_file(out.join("layer.tar.gz"))?;
        let layer = blob(out, LAYER, &bytes)?;
        let config = config(*platform, &inside);
        let config = blob(out, CONFIG, config.to_string().as_bytes())?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
        });
        let mut manifest = blob(out, MANIFEST, manifest.to_string().as_bytes())?;
        manifest["platform"] = json!({ "os": "linux", "architecture": platform.name() });
        manifests.push(manifest);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let mut index = blob(out, INDEX, index.to_string().as_bytes())?;
    let version = env!("CARGO_PKG_VERSION");
    index["annotations"] = json!({
        "org.opencontainers.image.ref.name": version,
        "io.containerd.image.name": format!("ghcr.io/vigla/registrar:{version}"),
    });
    let top = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [index] });
    put(out.join("index.json"), top.to_string())?;
    put(
        out.join("oci-layout"),
        json!({ "imageLayoutVersion": "1.0.0" }).to_string(),
    )
}

fn config(platform: Platform, inside: &str) -> Value {
    json!({
        "created": CREATED,
        "architecture": platform.name(),
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": [format!("/{PROGRAM}")],
            "WorkingDir": "/",
            "ExposedPorts": { "8443/tcp": {}, "9464/tcp": {} },
            "StopSignal": "SIGTERM",
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{inside}")] },
        "history": [{ "created": CREATED, "created_by": "cargo xtask oci" }],
    })
}

fn blob(out: &Path, kind: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let digest = fetch::hex(&Sha256::digest(bytes));
    put(out.join("blobs/sha256").join(&digest), bytes)?;
    Ok(json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len() }))
}

/// A folder as an archive that is the same wherever and whenever it is made.
pub(crate) fn pack(folder: &Path, what: &str, to: &Path) -> anyhow::Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--format=ustar", "--mtime=@0"]);
    tar.args([
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=u-w,go-w",
        "--file",
    ]);
    process::must("pack", tar.arg(to).arg("--directory").arg(folder).arg(what))
}

/// Goes through a layout from its top: every blob is there, whole and of use, and nothing is in a tree that should not.
pub(crate) fn check(out: &Path) -> anyhow::Result<Vec<String>> {
    let read = |path: &Path| -> anyhow::Result<Value> {
        let text = fs::read(path).with_context(|| format!("read `{}`", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    };
    let version = read(&out.join("oci-layout"))?;
    anyhow::ensure!(
        version["imageLayoutVersion"] == "1.0.0",
        "not a layout of version 1.0.0"
    );
    let top = read(&out.join("index.json"))?;
    let index = at(out, &top["manifests"][0], INDEX)?;
    let index: Value = serde_json::from_slice(&index)?;
    let mut platforms = Vec::new();
    for described in index["manifests"].as_array().context("manifests")? {
        let manifest: Value = serde_json::from_slice(&at(out, described, MANIFEST)?)?;
        let config: Value = serde_json::from_slice(&at(out, &manifest["config"], CONFIG)?)?;
        let name = config["architecture"].as_str().context("a processor")?;
        anyhow::ensure!(
            described["platform"]["architecture"] == name,
            "`{name}` is not what the index says"
        );
        let user = config["config"]["User"].as_str().unwrap_or_default();
        anyhow::ensure!(
            !user.is_empty() && !user.starts_with('0') && user != "root",
            "it would run as root"
        );
        let layers = manifest["layers"].as_array().context("layers")?;
        anyhow::ensure!(
            layers.len() == 1,
            "one layer is ours, and no other is wanted"
        );
        let bytes = at(out, &layers[0], LAYER)?;
        layer(&bytes, &config, name)?;
        platforms.push(name.to_owned());
    }
    Ok(platforms)
}

/// The bytes behind a descriptor.
fn at(out: &Path, described: &Value, kind: &str) -> anyhow::Result<Vec<u8>> {
    let digest = described["digest"]
        .as_str()
        .and_then(|text| text.strip_prefix("sha256:"));
    let digest = digest.context("a descriptor without digest")?;
    anyhow::ensure!(
        described["mediaType"] == kind,
        "`{digest}` is not of `{kind}`"
    );
    let bytes = fs::read(out.join("blobs/sha256").join(digest));
    let bytes = bytes.with_context(|| format!("the blob `{digest}` is missing"))?;
    anyhow::ensure!(
        fetch::hex(&Sha256::digest(&bytes)) == digest,
        "the blob `{digest}` is damaged"
    );
    anyhow::ensure!(
        described["size"] == bytes.len(),
        "the blob `{digest}` has another size"
    );
    Ok(bytes)
}

/// What is in a tree.
fn layer(bytes: &[u8], config: &Value, name: &str) -> anyhow::Result<()> {
    /// Two may look at once.
    static LOOKS: AtomicUsize = AtomicUsize::new(0);
    let look_number = LOOKS.fetch_add(1, Ordering::Relaxed);
    let (own, temporary) = (std::process::id(), std::env::temp_dir());
    let folder = temporary.join(format!("vigla-oci-{own}-{look_number}-{name}"));
    fs::create_dir_all(&folder)?;
    let looked = look(&folder, bytes, config, name);
    // The folders in it cannot be written, even by us who are to remove them.
    let _ = process::must(
        "make it ours",
        Command::new("chmod").args(["-R", "u+w"]).arg(&folder),
    );
    fs::remove_dir_all(&folder)?;
    looked
}

fn look(folder: &Path, bytes: &[u8], config: &Value, name: &str) -> anyhow::Result<()> {
    put(folder.join("layer.tar.gz"), bytes)?;
    process::must(
        "unpack",
        Command::new("gzip")
            .arg("-dk")
            .arg(folder.join("layer.tar.gz")),
    )?;
    let tar = folder.join("layer.tar");
    let inside = format!("sha256:{}", fetch::hash(&tar)?);
    anyhow::ensure!(
        config["rootfs"]["diff_ids"][0] == inside,
        "the layer is not that of the configuration"
    );
    let mut list = Command::new("tar");
    list.args(["--list", "--verbose", "--numeric-owner", "--file"])
        .arg(&tar);
    for line in process::output(&mut list)?.lines() {
        let (mode, owner) = line.split_once(' ').unwrap_or_default();
        anyhow::ensure!(
            owner.trim_start().starts_with("0/0 "),
            "not of root: {line}"
        );
        anyhow::ensure!(
            !mode.contains('w') && !mode.contains('s'),
            "can be written, or is setuid: {line}"
        );
        let shell = ["/sh", "/bash", "/busybox"]
            .iter()
            .any(|end| line.ends_with(end));
        anyhow::ensure!(!shell, "a shell: {line}");
    }
    let mut unpack = Command::new("tar");
    unpack
        .args(["--extract", "--file"])
        .arg(&tar)
        .arg("--directory")
        .arg(folder);
    process::must("unpack", unpack.arg(format!("./{PROGRAM}")))?;
    let program = fs::read(folder.join(PROGRAM))?;
    let wanted = [Platform::Amd64, Platform::Arm64]
        .into_iter()
        .find(|p| p.name() == name);
    let machine = wanted.map(Platform::machine);
    anyhow::ensure!(
        program.starts_with(b"\x7fELF"),
        "the program is none of Linux"
    );
    anyhow::ensure!(
        program.get(18).copied() == machine,
        "the program is not for `{name}`"
    );
    anyhow::ensure!(
        !interpreted(&program),
        "the program needs libraries that are not there"
    );
    Ok(())
}

/// Whether a program of 64 bits wants a loader: it has a segment `PT_INTERP`.
fn interpreted(program: &[u8]) -> bool {
    let number = |at: usize, length: usize| {
        let bytes = program.get(at..at + length)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    let (Some(start), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2))
    else {
        return false;
    };
    (0..count).any(|at| number(start + at * size, 4) == Some(3))
}

#[cfg(test)]
mod tests;
