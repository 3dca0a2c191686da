//! What others look for in a layer: oelint-adv, and the tests of yocto-check-layer that need no build.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::{folder, text, upstream};
use crate::image::put;
use crate::{places, process};

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
    "RAUC_BUNDLE_BUILD",
    "RAUC_BUNDLE_COMPATIBLE",
    "RAUC_BUNDLE_DESCRIPTION",
    "RAUC_BUNDLE_FORMAT",
    "RAUC_BUNDLE_SLOTS",
    "RAUC_BUNDLE_VERSION",
    "RAUC_KEYRING_URI",
    "RAUC_SLOT_rootfs",
];

/// Runs oelint-adv over all recipes and appends; gives how many.
pub(crate) fn oelint() -> anyhow::Result<usize> {
    let program = upstream::python("oelint")?;
    let files = text::files(&["bb", "bbappend", "bbclass"])?;
    let constants = places::target().join("layer/oelint.json");
    fs::create_dir_all(constants.parent().context("a file in a folder")?)?;
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

/// The tests of yocto-check-layer that read and do not build.
pub(crate) fn check_layer(layers: &Path) -> anyhow::Result<()> {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", include_str!("checklayer.py")]);
    process::output(python.arg(layers).arg(folder()))
        .context("yocto-check-layer")
        .map(|_| ())
}

/// The runtime tests that `kas/dev.yml` names are there, with all that they depend on; gives how many.
pub(crate) fn runtime_tests(layers: &Path) -> anyhow::Result<usize> {
    let path = folder().join("kas/dev.yml");
    let text = fs::read_to_string(&path).with_context(|| format!("read `{}`", path.display()))?;
    let suites = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("TEST_SUITES = \""))
        .context("`kas/dev.yml` has no `TEST_SUITES`")?;
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-B", "-c", include_str!("oeqa.py")]);
    python.arg(layers).arg(folder());
    let words = suites.trim_end_matches('"').split_whitespace();
    let said = process::output(python.args(words)).context("the runtime tests")?;
    said.trim().parse().context("the number of runtime tests")
}
