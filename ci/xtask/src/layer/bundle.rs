//! The update bundle, as meta-rauc's class makes it of our recipe: its manifest, and whether RAUC with the settings of
//! the device takes it. The slot in it is noise, since nothing is built here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::bitbake::BitBake;
use super::facts::Facts;
use super::text::{self, Kind};
use super::values::{compatible, starter};
use super::{Machine, folder};
use crate::image::{self, Tools, authority, put};
use crate::{places, process};

const RECIPE: &str = "recipes-core/bundles/vigla-bundle.bb";
const CONF: &str = "recipes-core/rauc/rauc-conf.bbappend";
/// Blocks of 4 KiB in the place of the slot's file system.
const BLOCKS: u32 = 16;

/// Has BitBake write the manifest, RAUC sign what it describes, and look at it as a device does.
pub(crate) fn check(bitbake: &BitBake) -> anyhow::Result<()> {
    let said = bitbake.say(&["-e", "vigla-bundle"])?;
    let facts = Facts::parse("vigla-bundle", &said);
    let deployed = PathBuf::from(facts.value("DEPLOY_DIR_IMAGE"));
    let parts = PathBuf::from(facts.value("BUNDLE_DIR"));
    let slot = deployed.join(format!(
        "vigla-image-{}.rootfs.ext4",
        bitbake.machine.name()
    ));
    fs::create_dir_all(&deployed)?;
    put(&slot, noise())?;
    let recipe = folder().join(RECIPE);
    let recipe = recipe.to_str().context("a path that is no text")?;
    // With nothing that it depends on: this task only writes the manifest.
    let made = bitbake.say(&["-b", recipe, "-c", "clean"]);
    let made = made.and_then(|_| bitbake.say(&["-b", recipe, "-c", "configure"]));
    // It must not be taken for one that was built.
    fs::remove_file(&slot)?;
    made?;
    let manifest = fs::read_to_string(parts.join("manifest.raucm"))
        .with_context(|| format!("read the manifest in `{}`", parts.display()))?;
    agree(&manifest, bitbake.machine)?;
    let work = bitbake.build.join("bundle");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let made = taken(bitbake.machine, &parts, &work);
    fs::remove_dir_all(&work)?;
    made
}

/// What does not compress, since RAUC wants a bundle of more than one block.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..BLOCKS * 4096).map(|_| next()).collect()
}

/// The manifest has what that of the twin has, for this board.
fn agree(manifest: &str, machine: Machine) -> anyhow::Result<()> {
    let image = format!("filename=vigla-image-{}.rootfs.ext4", machine.name());
    let wanted = [
        ("update", format!("compatible={}", compatible(machine))),
        ("update", format!("version={}", env!("CARGO_PKG_VERSION"))),
        // Of the commit, not of the day: two builds are one.
        ("update", format!("build={}", image::epoch()?)),
        ("bundle", "format=verity".to_owned()),
        ("image.rootfs", "adaptive=block-hash-index".to_owned()),
        ("image.rootfs", image),
    ];
    let mut section = "";
    let mut there = Vec::new();
    for line in manifest.lines().filter(|line| !line.is_empty()) {
        match line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(name) => section = name,
            None => there.push((section, line.to_owned())),
        }
    }
    for (section, line) in &wanted {
        let found = there.iter().any(|(at, one)| at == section && one == line);
        anyhow::ensure!(
            found,
            "the manifest of the bundle lacks `{line}` in `[{section}]`:\n{manifest}"
        );
    }
    Ok(())
}

/// Signs the folder, and asks RAUC with the device's own settings what is in the bundle.
fn taken(machine: Machine, parts: &Path, work: &Path) -> anyhow::Result<()> {
    let tools = Tools::existing().unwrap_or_else(|_| Tools::of_this_machine());
    let own = authority(&tools, &work.join("own"), "of this check")?;
    let other = authority(&tools, &work.join("other"), "of somebody else")?;
    let bundle = work.join("bundle.raucb");
    let conf = configuration(machine, &own.keyring, work)?;
    let rauc = |verb: &str| {
        let mut rauc = tools.command("rauc");
        rauc.arg("--conf").arg(&conf).arg(verb);
        rauc
    };
    let mut sign = rauc("bundle");
    sign.arg("--cert")
        .arg(&own.certificate)
        .arg("--key")
        .arg(&own.key);
    sign.arg("--keyring").arg(&own.keyring);
    process::output(sign.args(arguments()?).arg(parts).arg(&bundle)).context("sign the bundle")?;
    let info = |keyring: &Path| {
        let mut info = rauc("info");
        process::output(info.arg("--keyring").arg(keyring).arg(&bundle))
    };
    let said = info(&own.keyring).context("RAUC with the settings of the device")?;
    for word in [
        compatible(machine),
        "verity".to_owned(),
        "rootfs".to_owned(),
    ] {
        anyhow::ensure!(
            said.contains(&word),
            "RAUC does not see `{word}` in the bundle:\n{said}"
        );
    }
    anyhow::ensure!(
        info(&other.keyring).is_err(),
        "RAUC takes the bundle with the keyring of somebody else"
    );
    Ok(())
}

/// `BUNDLE_ARGS` of the recipe.
fn arguments() -> anyhow::Result<Vec<String>> {
    let words = text::words(&text::read(RECIPE)?, "BUNDLE_ARGS").join(" ");
    let words = words.split('\'').collect::<Vec<_>>().concat();
    Ok(vec![words])
}

/// RAUC's settings as the recipe installs them, by its own lines.
fn configuration(machine: Machine, keyring: &Path, work: &Path) -> anyhow::Result<PathBuf> {
    let statements = text::read(CONF)?;
    let install = statements
        .into_iter()
        .find_map(|statement| match statement.kind {
            Kind::Function { name, body } if name == "do_install:vigla" => Some(body),
            _ => None,
        });
    let mut script = install.context("`rauc-conf` installs nothing")?;
    let (unpacked, tree) = (work.join("unpacked"), work.join("tree"));
    fs::create_dir_all(&unpacked)?;
    let source = places::repository().join("image/rauc/system.conf");
    fs::copy(source, unpacked.join("system.conf"))?;
    fs::copy(keyring, unpacked.join("keyring.pem"))?;
    for (name, value) in [
        ("D", tree.display().to_string()),
        ("UNPACKDIR", unpacked.display().to_string()),
        ("nonarch_libdir", "/usr/lib".to_owned()),
        ("libexecdir", "/usr/libexec".to_owned()),
        ("RAUC_KEYRING_FILE", keyring.display().to_string()),
        ("VIGLA_COMPATIBLE", compatible(machine)),
        ("VIGLA_RAUC_BOOTLOADER", starter(machine).to_owned()),
    ] {
        script = script.replace(&format!("${{{name}}}"), &value);
    }
    let mut shell = Command::new("sh");
    process::output(shell.arg("-ec").arg(&script)).context("install RAUC's settings")?;
    Ok(tree.join("usr/lib/rauc/system.conf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[update]\ncompatible=vigla-rpi4\nversion=VERSION\nbuild=TIME\n\n[bundle]\nformat=verity\n\n[image.rootfs]\nadaptive=block-hash-index\nfilename=vigla-image-raspberrypi4-64.rootfs.ext4\n";

    #[test]
    fn a_manifest_that_a_device_would_refuse_is_found() {
        let good = GOOD.replace("VERSION", env!("CARGO_PKG_VERSION"));
        let time = image::epoch().unwrap().to_string();
        let good = good.replace("TIME", &time);
        agree(&good, Machine::Rpi4).unwrap();
        for (from, to) in [
            ("[bundle]\nformat=verity\n", ""),
            ("vigla-rpi4", "raspberrypi4-64-vigla"),
            (time.as_str(), "20261122123456"),
            ("[image.rootfs]", "[image.root]"),
        ] {
            agree(&good.replace(from, to), Machine::Rpi4).unwrap_err();
        }
        agree(&good, Machine::Qemu).unwrap_err();
    }

    #[test]
    fn settings_are_those_of_the_board() {
        let work = tempfile::tempdir().unwrap();
        let keyring = work.path().join("any.pem");
        put(&keyring, "x").unwrap();
        // The recipe takes it by its own name.
        fs::create_dir_all(work.path().join("unpacked")).unwrap();
        put(work.path().join("unpacked/any.pem"), "x").unwrap();
        let read = |machine| {
            let file = configuration(machine, &keyring, work.path()).unwrap();
            fs::read_to_string(file).unwrap()
        };
        let (pi4, pi5) = (read(Machine::Rpi4), read(Machine::Rpi5));
        assert!(
            pi4.contains("compatible=vigla-rpi4\nbootloader=uboot\n"),
            "{pi4}"
        );
        assert!(pi4.contains("path=/usr/lib/rauc/keyring.pem\n"), "{pi4}");
        assert!(pi5.contains("bootloader=custom\n"), "{pi5}");
        let handler = "[handlers]\nbootloader-custom-backend=/usr/libexec/vigla/vigla-tryboot\n";
        assert!(pi5.ends_with(handler), "{pi5}");
        assert!(!pi5.contains('{'), "{pi5}");
    }
}
