//! The program: static, since there is no library in the image.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::layout::Platform;
use crate::image::cross;
use crate::image::tools::Tools;
use crate::say::Step;
use crate::{build, places, process};

const NAME: &str = "vigla-registrar";

/// Compiles it for one processor.
pub(super) fn build(tools: &Tools, platform: Platform) -> anyhow::Result<PathBuf> {
    let step = Step::start("registrar");
    let target = platform.target();
    step.begin(format_args!("compiling for {target} with Debian's rustc"));
    // The tools' cargo has no network: everything is fetched by the one that started us.
    process::must(
        "fetch crates",
        build::cargo("fetch").args(["--locked", "--quiet"]),
    )?;
    let folder = places::cache()?.join("image/oci");
    fs::create_dir_all(&folder).with_context(|| format!("make `{}`", folder.display()))?;
    let mut cargo = tools.alike("cargo", &folder)?;
    cargo.args(["build", "--release", "--frozen", "--package", NAME]);
    cargo.args(["--bin", NAME, "--target", target]);
    cross::surroundings(&mut cargo);
    let flags = target.to_uppercase().replace('-', "_");
    cargo.env(
        format!("CARGO_TARGET_{flags}_RUSTFLAGS"),
        "-C target-feature=+crt-static -C strip=symbols",
    );
    process::must("compile the registrar", &mut cargo)?;
    let program = folder.join(target).join("release").join(NAME);
    let length = fs::metadata(&program)
        .with_context(|| format!("find `{}`", program.display()))?
        .len();
    step.end(format_args!(
        "{} for {}, {} kB",
        NAME,
        platform.name(),
        length / 1000
    ));
    Ok(program)
}
