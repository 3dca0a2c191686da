//! `cargo xtask delta`: what a new bundle has that the slot of an old one does not. A node that runs the old
//! version builds the new bundle of it; `services/updater/src/delta.rs` says how, and `delta/head.rs` the form.
//!
//! The bundle that a node builds cannot be the compressed one: it would have to compress exactly as `mksquashfs` did.
//! So the new slot is signed a second time, uncompressed, and that signature travels in the delta.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::Tools;
use super::bundle::{self, About, Format, Payload, Signer};
use crate::process;
use crate::say::{self, Step};

/// The two versions.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The bundle of the version that nodes have
    old: PathBuf,
    /// The bundle of the version that they shall get
    new: PathBuf,
    /// Where the delta goes; without it beside NEW
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A folder with `signer.pem`, `signer.key` and `keyring.pem`; without it this clone's development authority
    #[arg(long, value_name = "FOLDER")]
    signer: Option<PathBuf>,
}

/// What RAUC says of a bundle, as far as we ask.
#[derive(Debug, Deserialize)]
struct Bundle {
    compatible: String,
    version: String,
    build: String,
    #[serde(default)]
    hash: String,
}

/// Bytes of a block of the payload.
const BLOCK: u64 = 4096;
/// Where a squashfs says how long it is.
const LENGTH: usize = 40;

/// Makes the delta, and prints its entry for the release feed.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tools = Tools::existing()?;
    let signer = bundle::signer(&tools, options.signer.as_deref())?;
    // In the target folder, which the tools see.
    let folder = crate::places::target().join("image/delta");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let old = shown(&options.old, &folder, "old.raucb")?;
    let new = shown(&options.new, &folder, "new.raucb")?;
    let (from, to) = (ask(&tools, &signer, &old)?, ask(&tools, &signer, &new)?);
    anyhow::ensure!(
        from.compatible == to.compatible,
        "`{}` is for `{}` and `{}` for `{}`",
        options.old.display(),
        from.compatible,
        options.new.display(),
        to.compatible
    );
    let name = format!("{}-from-{}.delta", stem(&options.new), from.version);
    let out = options
        .out
        .clone()
        .unwrap_or(options.new.with_file_name(name));

    let step = Step::start("slots");
    let slot = extract(&tools, &old, &folder, "old")?;
    let plain = extract(&tools, &new, &folder, "new")?;
    step.end(format_args!("{} and {}", from.version, to.version));
    let step = Step::start("sign");
    let about = About {
        compatible: to.compatible,
        version: &to.version,
        build: to.build.parse().context("the time of the new bundle")?,
        format: Format::Verity,
        payload: Payload::AsItIs,
    };
    let rebuilt = folder.join("plain.raucb");
    bundle::sign(&tools, &about, &plain, &signer, &rebuilt)?;
    let hash = ask(&tools, &signer, &rebuilt)?.hash;
    step.end("the new slot, uncompressed");
    let step = Step::start("delta");
    step.begin("comparing, half a minute and 5 GB of memory ...");
    let plain = fs::read(&rebuilt)?;
    let parts = Parts::of(&plain)?;
    write(
        &tools,
        &folder,
        &fs::read(&slot)?,
        &parts,
        &from.version,
        &out,
    )?;
    let bytes = fs::metadata(&out)?.len();
    step.end(format_args!("{}, {bytes} bytes", out.display()));
    let entry = json!({"from": from.version, "url": format!("https://example.org/{}", stem(&out)),
        "manifest_hash": hash, "bytes": bytes});
    say::line(entry);
    fs::remove_dir_all(&folder).context("tidy up after the delta")
}

fn shown(bundle: &Path, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let to = folder.join(name);
    fs::copy(bundle, &to).with_context(|| format!("read `{}`", bundle.display()))?;
    Ok(to)
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".raucb").to_owned()
}

/// Verifies a bundle and reads what it says.
fn ask(tools: &Tools, signer: &Signer, bundle: &Path) -> anyhow::Result<Bundle> {
    let mut rauc = tools.command("rauc");
    // For the purpose that a certificate must have.
    rauc.arg("--conf")
        .arg(crate::places::repository().join("image/rauc/system.conf"));
    rauc.arg("--keyring").arg(&signer.keyring);
    rauc.args(["info", "--output-format=json"]).arg(bundle);
    let said = process::output(&mut rauc)?;
    serde_json::from_slice(said.as_ref()).context("read what RAUC says of the bundle")
}

fn extract(tools: &Tools, bundle: &Path, folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let to = folder.join(name);
    let mut unsquashfs = tools.command("unsquashfs");
    unsquashfs.args(["-no-progress", "-quiet", "-d"]).arg(&to);
    process::output(unsquashfs.arg(bundle).arg("root.ext4"))?;
    Ok(to.join("root.ext4"))
}

/// What a delta needs of a bundle, which is payload, hash tree, signature, and the signature's length.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    payload: &'a [u8],
    signature: &'a [u8],
    root: String,
    salt: String,
}

impl<'a> Parts<'a> {
    fn of(bundle: &'a [u8]) -> anyhow::Result<Self> {
        let (rest, length) = bundle.split_last_chunk::<8>().context("no bundle")?;
        let length = usize::try_from(u64::from_be_bytes(*length))?;
        let at = rest.len().checked_sub(length).context("no signature")?;
        let (rest, signature) = rest.split_at(at);
        let used = rest.get(LENGTH..LENGTH + 8).context("no squashfs")?;
        let used = u64::from_le_bytes(used.try_into()?).next_multiple_of(BLOCK);
        let payload = rest.get(..usize::try_from(used)?).context("too short")?;
        let (root, salt) = (
            value(signature, "verity-hash=")?,
            value(signature, "verity-salt=")?,
        );
        Ok(Self {
            payload,
            signature,
            root,
            salt,
        })
    }
}

/// The 64 digits behind `key` in the manifest, which is part of what is signed, as it is.
fn value(signature: &[u8], key: &str) -> anyhow::Result<String> {
    let mut places = signature.windows(key.len());
    let at = places.position(|text| text == key.as_bytes());
    let digits = at.and_then(|at| signature.get(at + key.len()..at + key.len() + 64));
    let digits = digits.with_context(|| format!("the manifest has no `{key}`"))?;
    Ok(String::from_utf8_lossy(digits).into_owned())
}

fn write(
    tools: &Tools,
    folder: &Path,
    slot: &[u8],
    parts: &Parts<'_>,
    from: &str,
    out: &Path,
) -> anyhow::Result<()> {
    let patch = folder.join("patch");
    let mut file = BufWriter::new(File::create(&patch)?);
    bidiff::simple_diff(slot, parts.payload, &mut file).context("compare the slots")?;
    file.flush()?;
    let packed = folder.join("patch.zst");
    let mut zstd = tools.command("zstd");
    zstd.args(["-19", "--quiet", "--force", "--no-check"])
        .arg(&patch);
    process::output(zstd.arg("-o").arg(&packed))?;
    let head = json!({"from": from, "payload": parts.payload.len(), "root": parts.root, "salt": parts.salt,
        "signature": parts.signature.len()});
    let head = format!("vigla-delta-1\n{head}\n");
    let whole = [head.as_bytes(), parts.signature, &fs::read(&packed)?].concat();
    super::put(out, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_taken_apart_where_its_squashfs_and_its_signature_say() {
        let mut payload = vec![7; 2 * 4096];
        payload[LENGTH..LENGTH + 8].copy_from_slice(&5000_u64.to_le_bytes());
        let (root, salt) = ("b0".repeat(32), "5a".repeat(32));
        let signature = format!("x[bundle]\nverity-hash={root}\nverity-salt={salt}\ny");
        let length = (signature.len() as u64).to_be_bytes();
        let bundle = [&payload[..], &[0; 4096], signature.as_bytes(), &length].concat();
        let parts = Parts::of(&bundle).unwrap();
        assert_eq!(parts.payload, payload);
        assert_eq!(parts.signature, signature.as_bytes());
        assert_eq!((parts.root, parts.salt), (root, salt));
        for cut in [0, 7, 300, bundle.len() - 1] {
            assert!(Parts::of(&bundle[..cut]).is_err(), "{cut}");
        }
    }
}
