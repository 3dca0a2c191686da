//! The update bundle: a slot's file system, signed, in RAUC's verity format.
//!
//! The authority that signs development bundles is made once per clone and never committed
//! (`image/rauc/development/`). Whoever ships devices gives their own with `--signer`.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::tools::Tools;
use crate::{places, process, say};

/// Years that the development authority and its signer hold.
const DAYS: &str = "3650";

/// Certificate, key and the authorities that a device trusts.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) keyring: PathBuf,
}

impl Signer {
    /// What [`authority`] leaves in `folder`.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            certificate: folder.join("signer.pem"),
            key: folder.join("signer.key"),
            keyring: folder.join("keyring.pem"),
        }
    }
}

/// That of `folder`, as whoever ships devices has it; without one that of this clone.
pub(crate) fn signer(tools: &Tools, folder: Option<&Path>) -> anyhow::Result<Signer> {
    let Some(folder) = folder else {
        return development(tools);
    };
    let folder = std::path::absolute(folder)?;
    let signer = Signer::in_folder(&folder);
    for file in [&signer.certificate, &signer.key, &signer.keyring] {
        anyhow::ensure!(file.exists(), "`{}` is missing", file.display());
    }
    Ok(signer)
}

/// The development authority of this clone, made where it is missing.
pub(crate) fn development(tools: &Tools) -> anyhow::Result<Signer> {
    let folder = places::repository().join("image/rauc/development");
    let signer = Signer::in_folder(&folder);
    if !signer.keyring.exists() {
        say::line("  bundle     making this clone's development authority");
        authority(tools, &folder, "development")?;
    }
    Ok(signer)
}

/// A new authority with one signer: `keyring.pem`, `authority.key`, `signer.pem`, `signer.key`.
pub(crate) fn authority(tools: &Tools, folder: &Path, name: &str) -> anyhow::Result<Signer> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let at = |name: &str| folder.join(name);
    // RAUC asks for the purpose: a certificate for TLS signs no bundle.
    super::put(
        at("signer.ext"),
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,codeSigning\n",
    )?;
    for key in ["authority.key", "signer.key"] {
        // Made by us, so that it is never readable by others, not even for a moment.
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(at(key))?;
        let mut openssl = tools.command("openssl");
        openssl.args([
            "genpkey",
            "-quiet",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]);
        process::must("make a key", openssl.arg("-out").arg(at(key)))?;
    }
    let mut openssl = tools.command("openssl");
    openssl.args(["req", "-x509", "-sha256", "-days", DAYS, "-subj"]);
    openssl.arg(format!("/O=Vigla/CN=Vigla {name} authority"));
    openssl.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
    openssl
        .arg("-key")
        .arg(at("authority.key"))
        .arg("-out")
        .arg(at("keyring.tmp"));
    process::output(&mut openssl)?;
    let mut openssl = tools.command("openssl");
    openssl
        .args(["req", "-new", "-sha256", "-subj"])
        .arg(format!("/O=Vigla/CN=Vigla {name} signer"));
    openssl
        .arg("-key")
        .arg(at("signer.key"))
        .arg("-out")
        .arg(at("signer.csr"));
    process::output(&mut openssl)?;
    let mut openssl = tools.command("openssl");
    openssl.args(["x509", "-req", "-sha256", "-days", DAYS]);
    openssl
        .arg("-in")
        .arg(at("signer.csr"))
        .arg("-extfile")
        .arg(at("signer.ext"));
    openssl
        .arg("-CA")
        .arg(at("keyring.tmp"))
        .arg("-CAkey")
        .arg(at("authority.key"));
    process::output(openssl.arg("-out").arg(at("signer.pem")))?;
    // Last: its presence says that all of it is there.
    fs::rename(at("keyring.tmp"), at("keyring.pem")).context("keep the authority")?;
    Ok(Signer::in_folder(folder))
}

/// What a bundle says of itself.
#[derive(Debug)]
pub(crate) struct About<'a> {
    /// The machine that it is for, in RAUC's word.
    pub(crate) compatible: String,
    pub(crate) version: &'a str,
    /// Time of the commit, in seconds.
    pub(crate) build: u64,
    /// How the payload is protected.
    pub(crate) format: Format,
    /// How it is laid in.
    pub(crate) payload: Payload,
}

/// How a slot lies in its bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Compressed, with hashes of its blocks: what a slot has already is not written again
    Compressed,
    /// As it is, so that a delta finds its blocks
    AsItIs,
}

impl Payload {
    const fn arguments(self) -> &'static str {
        match self {
            Self::Compressed => "-comp zstd -Xcompression-level 9",
            Self::AsItIs => "-noI -noD -noF -noX",
        }
    }
}

/// RAUC's bundle formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Each block is checked when it is read
    Verity,
    /// The payload is checked once; for tests of what a device refuses
    Plain,
}

impl About<'_> {
    fn manifest(&self) -> String {
        let format = match self.format {
            Format::Verity => "verity",
            Format::Plain => "plain",
        };
        let adaptive = match self.payload {
            Payload::Compressed => "adaptive=block-hash-index\n",
            Payload::AsItIs => "",
        };
        format!(
            "[update]\ncompatible={}\nversion={}\nbuild={}\n\n[bundle]\nformat={format}\n\n[image.rootfs]\nfilename=root.ext4\n{adaptive}",
            self.compatible, self.version, self.build
        )
    }
}

/// Signs `slot` into the new file `bundle`.
pub(crate) fn sign(
    tools: &Tools,
    about: &About<'_>,
    slot: &Path,
    signer: &Signer,
    bundle: &Path,
) -> anyhow::Result<()> {
    let folder = bundle.with_extension("parts");
    let _ = fs::remove_dir_all(&folder);
    let _ = fs::remove_file(bundle);
    fs::create_dir_all(&folder)?;
    super::put(folder.join("manifest.raucm"), about.manifest())?;
    fs::hard_link(slot, folder.join("root.ext4"))
        .with_context(|| format!("lay `{}` into the bundle", slot.display()))?;
    let mut rauc = tools.command("rauc");
    rauc.env("SOURCE_DATE_EPOCH", about.build.to_string());
    // Only for the purpose that a certificate must have: the device's own word for it.
    rauc.arg("--conf")
        .arg(places::repository().join("image/rauc/system.conf"));
    rauc.arg("bundle");
    for (option, path) in [
        ("--cert", &signer.certificate),
        ("--key", &signer.key),
        ("--keyring", &signer.keyring),
    ] {
        rauc.arg(option).arg(path);
    }
    let payload = about.payload.arguments();
    rauc.arg(format!(
        "--mksquashfs-args={payload} -all-root -quiet -no-progress"
    ));
    process::output(rauc.arg(&folder).arg(bundle))?;
    fs::remove_dir_all(&folder).context("tidy up after the bundle")
}
