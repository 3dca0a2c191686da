//! That the checks can fail at all: one mistake of each kind is made on purpose, and has to be refused by its name.
//!
//! A dependency that nobody provides is put into recipes of ours for as long as BitBake is asked, a crate is taken away
//! from what it has unpacked; a unit, an override and an append are changed in what was read of the layer.

use std::path::Path;

use super::bitbake::BitBake;
use super::{gate, parity, sources};
use crate::image::put;

/// Nobody's.
const UNKNOWN: &str = "no-such-recipe-anywhere";
/// Where it is asked for, to build and to run.
const BUILD: &str = "DEPENDS:append:pn-vigla-models";
const RUN: &str = "RDEPENDS:vigla-policy:append:pn-vigla-policy";
/// Any that the services need.
const CRATE: &str = "zbus";
const UNIT: &str = "file /usr/lib/systemd/system/vigla-camera.service";
const APPEND: &str = "recipes-connectivity/openssh/openssh_%.bbappend";
const BOARDS: &str = "conf/distro/include/vigla-boards.inc";

/// Makes them all; gives what they are.
pub(crate) fn check(bitbake: &BitBake, unpacked: &Path) -> anyhow::Result<&'static str> {
    // One by one: BitBake ends at the first.
    for (setting, mistake, word) in [
        (BUILD, "a dependency", "PROVIDES"),
        (RUN, "a dependency at run time", "RPROVIDES"),
    ] {
        let said = dependency(bitbake, setting)?;
        found(mistake, &said, &format!("Nothing {word} '{UNKNOWN}'"))?;
    }
    let missing = sources::without(unpacked, CRATE)?;
    found("a missing crate", &missing, &format!("`{CRATE}`"))?;
    planted()?;
    Ok("dependency, crate, unit, override, append: one mistake of each is refused")
}

/// Those that need no BitBake.
fn planted() -> anyhow::Result<()> {
    let unit = parity::planted(UNIT)?;
    found("a unit of one builder", &unit, UNIT)?;
    let wrong = gate::planted(BOARDS, ":raspberrypi5", ":raspberrypi55")?;
    found(
        "a wrong override",
        &wrong,
        "nothing sets the override `raspberrypi55`",
    )?;
    let open = gate::planted(APPEND, ":vigla", "")?;
    found(
        "an append that is not gated",
        &open,
        "works under every distro",
    )
}

/// What BitBake says of an image with a dependency that nobody provides.
fn dependency(bitbake: &BitBake, setting: &str) -> anyhow::Result<String> {
    let file = bitbake.build.join("mistake.conf");
    put(&file, format!("{setting} = \" {UNKNOWN}\"\n"))?;
    let path = file.display().to_string();
    let said = bitbake.say(&["-R", &path, "-g", "vigla-image"]);
    Ok(said
        .err()
        .map_or_else(String::new, |error| error.to_string()))
}

fn found(mistake: &str, said: &str, wanted: &str) -> anyhow::Result<()> {
    anyhow::ensure!(
        said.contains(wanted),
        "{mistake}, made on purpose, is not refused: `{wanted}` is not in\n{said}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_bitbake_is_refused() {
        planted().unwrap();
        found("x", "all is well", "no").unwrap_err();
    }
}
