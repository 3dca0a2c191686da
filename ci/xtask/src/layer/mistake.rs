//! That the check of dependencies can fail at all: one that nobody provides is put into a recipe of ours for as long
//! as BitBake is asked. The other mistakes that must be caught are tests of their own rooms: a missing crate
//! (`tests.rs`), a unit of only one builder (`parity.rs`), a wrong override and an append that is not gated (`gate.rs`).

use super::bitbake::BitBake;
use crate::image::put;

/// Nobody's.
const UNKNOWN: &str = "no-such-recipe-anywhere";

/// Asks for both kinds of dependency.
pub(crate) fn check(bitbake: &BitBake) -> anyhow::Result<()> {
    let file = bitbake.build.join("mistake.conf");
    put(
        &file,
        format!(
            "DEPENDS:append:pn-vigla-models = \" {UNKNOWN}\"\nRDEPENDS:vigla-policy:append:pn-vigla-policy = \" {UNKNOWN}-either\"\n"
        ),
    )?;
    let path = file.display().to_string();
    let done = bitbake.say(&["-R", &path, "-g", "vigla-image"]);
    let Err(said) = done else {
        anyhow::bail!("BitBake resolves an image with a dependency that nobody provides");
    };
    let said = said.to_string();
    for kind in [
        format!("Nothing PROVIDES '{UNKNOWN}'"),
        format!("Nothing RPROVIDES '{UNKNOWN}-either'"),
    ] {
        anyhow::ensure!(
            said.contains(&kind),
            "an unknown dependency is not named: `{kind}` is not in\n{said}"
        );
    }
    Ok(())
}
