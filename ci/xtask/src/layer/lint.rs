//! What others look for in a layer: oelint-adv, and the tests of yocto-check-layer that need no build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{folder, text, upstream};
use crate::image::put;
use crate::{fetch, places, process};

/// Rules that we break on purpose, and why.
const BROKEN: &[(&str, &str)] = &[
    (
        "oelint.file.underscores",
        "the version of what is ours stands once, in conf/layer.conf",
    ),
    (
        "oelint.var.filesoverride",
        "what is in a package is listed, so that a stray file is an error",
    ),
    (
        "oelint.var.bbclassextend",
        "nothing of ours is for the build host",
    ),
    (
        "oelint.var.suggestedvar.BUGTRACKER",
        "there is one, in README.md",
    ),
    (
        "oelint.var.suggestedvar.CVE_PRODUCT",
        "no database knows us yet",
    ),
    (
        "oelint.var.suggestedvar.SECTION",
        "images are in no section",
    ),
    ("oelint.vars.multilineident", "sentences, not lists"),
    ("oelint.vars.homepageping", "asks the network"),
];

/// Variables of meta-rauc and ours, which oelint does not know.
const KNOWN: &[&str] = &[
    "BUNDLE_ARGS",
    "PRIVATE_LIBS",
    "RAUC_BUNDLE_COMPATIBLE",
    "RAUC_BUNDLE_DESCRIPTION",
    "RAUC_BUNDLE_FORMAT",
    "RAUC_BUNDLE_SLOTS",
    "RAUC_BUNDLE_VERSION",
    "RAUC_KEYRING_URI",
    "RAUC_SLOT_rootfs",
];

const PINS: &str = "ci/pins/oelint.txt";

/// Runs oelint-adv over all recipes and appends; gives how many.
pub(crate) fn oelint() -> anyhow::Result<usize> {
    let program = installed()?;
    let files = text::files(&["bb", "bbappend", "bbclass"])?;
    let constants = upstream::cache()?.join("oelint.json");
    let known = serde_json::json!({ "variables": { "known": KNOWN } });
    put(&constants, known.to_string())?;
    let mut lint = Command::new("python3");
    lint.arg(program.join("bin/oelint-adv"))
        .env("PYTHONPATH", &program)
        .current_dir(folder());
    lint.args([
        "--release",
        "wrynose",
        "--nobackup",
        "--quiet",
        "--jobs",
        "2",
    ]);
    lint.arg(format!("--constantmods=+{}", constants.display()));
    for (rule, _reason) in BROKEN {
        lint.arg("--suppress").arg(rule);
    }
    let said = lint.args(&files).output().context("start oelint-adv")?;
    let text = String::from_utf8_lossy(&said.stderr) + String::from_utf8_lossy(&said.stdout);
    anyhow::ensure!(
        said.status.success() && text.trim().is_empty(),
        "oelint-adv:\n{text}"
    );
    Ok(files.len())
}

/// The folder of its pinned version, from the cache or by pip.
pub(crate) fn installed() -> anyhow::Result<PathBuf> {
    let pins = places::repository().join(PINS);
    let target = upstream::cache()?.join(format!("oelint-{}", &fetch::hash(&pins)?[..12]));
    if target.exists() {
        return Ok(target);
    }
    let partial = target.with_extension(format!("partial-{}", std::process::id()));
    let _ = fs::remove_dir_all(&partial);
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ]);
    pip.args(["--only-binary=:all:", "--disable-pip-version-check"]);
    pip.args(["--root-user-action", "ignore", "--target"]);
    pip.arg(&partial).arg("--requirement").arg(&pins);
    process::must("install oelint-adv", &mut pip)?;
    fs::rename(&partial, &target)?;
    Ok(target)
}

/// The tests of yocto-check-layer that read and do not build.
pub(crate) fn check_layer(layers: &Path) -> anyhow::Result<()> {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", include_str!("checklayer.py")]);
    process::output(python.arg(layers).arg(folder()))
        .context("yocto-check-layer")
        .map(|_| ())
}
