//! What holds without BitBake: versions that stand twice, sizes of files, pins.

use std::fs;

use super::{folder, made, text};
use crate::places;

mod slot;
mod tryboot;

fn read(path: &str) -> String {
    fs::read_to_string(places::repository().join(path)).unwrap()
}

#[test]
fn what_is_made_of_other_files_is_what_they_say() {
    assert!(made::check().unwrap() >= 7);
}

#[test]
fn a_missing_crate_is_found() {
    let made = made::all().unwrap();
    let crates = &made[0].text;
    let line = crates
        .lines()
        .find(|line| line.contains("crates.io/zbus/"))
        .unwrap();
    let without = crates.replace(&format!("{line}\n"), "");
    let difference = made::first_difference(&without, crates).unwrap();
    assert!(
        difference.starts_with("lacks in line") && difference.contains("/zbus/"),
        "{difference}"
    );
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let conf = text::read("conf/layer.conf").unwrap();
    assert_eq!(
        text::words(&conf, "VIGLA_VERSION"),
        [env!("CARGO_PKG_VERSION")]
    );
}

#[test]
fn both_builders_take_the_same_inference_library() {
    let pin = read("ci/pins/onnxruntime-aarch64.txt");
    let recipe = read("yocto-layer/recipes-vigla/onnxruntime/onnxruntime-bin_1.27.0.bb");
    let sum = pin.split("sha256:").nth(1).unwrap().trim();
    assert!(recipe.contains(sum), "{recipe}");
    assert!(pin.starts_with("onnxruntime==1.27.0 "), "{pin}");
}

#[test]
fn the_kernel_of_a_pi_5_is_told_what_u_boot_tells() {
    let script = read("image/boot/boot.cmd");
    let told = script
        .lines()
        .find(|line| line.contains("{arguments}"))
        .unwrap();
    let told = told.split('"').nth(1).unwrap();
    let told = told
        .replace("${slot}", "{slot}")
        .replace("${rauc}", "{rauc}");
    let path = "yocto-layer/dynamic-layers/raspberrypi/recipes-bsp/vigla-tryboot/files/cmdline.in";
    assert_eq!(read(path).trim(), told);
}

#[test]
fn every_program_that_a_unit_starts_is_packaged() {
    let packages = read("yocto-layer/recipes-vigla/services/vigla-services-packages.inc");
    for path in made::tracked(&["services"]).unwrap() {
        if !path
            .to_string_lossy()
            .contains("/dist/usr/lib/systemd/system/")
        {
            continue;
        }
        let unit = fs::read_to_string(places::repository().join(&path)).unwrap();
        let programs = unit.split("/usr/libexec/vigla/").skip(1);
        for program in programs.filter_map(|rest| rest.split_whitespace().next()) {
            assert!(
                packages.contains(&format!("${{libexecdir}}/vigla/{program} ")),
                "{}: `{program}`",
                path.display()
            );
        }
    }
}

#[test]
fn every_program_is_in_the_package_of_its_service() {
    let statements = text::read("recipes-vigla/services/vigla-services-packages.inc").unwrap();
    let of = |package: &str| text::words(&statements, &format!("FILES:{package}"));
    for (package, program) in [
        ("vigla-camera", "vigla-camera"),
        ("vigla-detector", "vigla-replay"),
        ("vigla-updater", "vigla-gate"),
    ] {
        let path = format!("${{libexecdir}}/vigla/{program}");
        assert!(of(package).contains(&path), "{path}");
    }
}

#[test]
fn images_are_short_and_no_file_is_long() {
    for path in text::files(&["bb", "bbappend", "bbclass", "conf"]).unwrap() {
        let lines = fs::read_to_string(folder().join(&path))
            .unwrap()
            .lines()
            .count();
        let limit = if path.starts_with("recipes-core/images") {
            25
        } else {
            130
        };
        assert!(lines < limit, "{}: {lines} lines", path.display());
    }
}

#[test]
fn no_device_is_named_by_its_number() {
    for path in text::files(&["bb", "bbappend", "bbclass", "conf", "cfg", "in", "txt"]).unwrap() {
        let text = fs::read_to_string(folder().join(&path)).unwrap();
        // wic wants a name, which does not get into the card.
        let text = text.replace("--ondisk mmcblk0 ", "");
        assert!(!text.contains("mmcblk"), "{}", path.display());
    }
}

#[test]
fn no_key_and_no_secret_is_in_the_layer() {
    let keys = text::files(&["pem", "key", "crt", "p12"]).unwrap();
    assert!(keys.is_empty(), "{keys:?}");
    let boards = text::read("conf/distro/include/vigla-boards.inc").unwrap();
    for variable in ["RAUC_KEYRING_FILE", "RAUC_CERT_FILE", "RAUC_KEY_FILE"] {
        assert!(text::words(&boards, variable).is_empty(), "{variable}");
    }
}

#[test]
fn nothing_for_the_desk_is_in_the_production_image() {
    let image = text::read("recipes-core/images/vigla-image.bb").unwrap();
    assert_eq!(text::words(&image, "IMAGE_FEATURES"), ["read-only-rootfs"]);
    let installed = ["packagegroup-core-boot", "packagegroup-vigla"];
    assert_eq!(text::words(&image, "IMAGE_INSTALL"), installed);
    let dev = text::read("recipes-core/images/vigla-image-dev.bb").unwrap();
    assert!(text::words(&dev, "IMAGE_FEATURES").contains(&"empty-root-password".to_owned()));
    // Nobody is asked for a name at a console, and no key stops the boot loader.
    let programs = text::read("conf/distro/include/vigla-programs.inc").unwrap();
    assert!(text::words(&programs, "SERIAL_CONSOLES").is_empty());
    let policy = text::read("recipes-vigla/policy/vigla-policy.bb").unwrap();
    let silenced = text::words(&policy, "VIGLA_SILENCED");
    assert!(silenced.contains(&"systemd-getty-generator".to_owned()));
    let loader = read("yocto-layer/recipes-bsp/u-boot/files/vigla.cfg");
    for line in ["CONFIG_BOOTDELAY=0", "CONFIG_AUTOBOOT_KEYED=y"] {
        assert!(loader.lines().any(|there| there == line), "{line}");
    }
}

#[test]
fn what_no_preset_names_does_not_start() {
    let presets = read("image/root/usr/lib/systemd/system-preset/00-vigla.preset");
    let mut rules: Vec<_> = presets
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(
        rules.pop(),
        Some("disable *"),
        "the last rule is for all the others"
    );
    for rule in rules {
        let unit = rule.strip_prefix("enable ").unwrap();
        assert!(unit.starts_with("vigla-") || !unit.contains('*'), "{unit}");
    }
}

#[test]
fn every_daemon_is_looked_for_on_a_booted_board() {
    let cases = read("yocto-layer/lib/oeqa/runtime/cases/vigla_boot.py");
    let asked = cases
        .lines()
        .find(|line| line.starts_with("DAEMONS = "))
        .unwrap();
    let units = made::tracked(&["services"]).unwrap();
    let units = units.iter().filter(|path| {
        let path = path.to_string_lossy();
        path.contains("/dist/") && path.ends_with(".service")
    });
    let mut names = 0;
    for unit in units {
        let text = fs::read_to_string(places::repository().join(unit)).unwrap();
        for name in text
            .lines()
            .filter_map(|line| line.strip_prefix("BusName=org.vigla."))
        {
            assert!(asked.contains(&format!("\"{name}\"")), "{name}: {asked}");
            names += 1;
        }
    }
    assert_eq!(asked.matches('"').count(), 2 * names, "{asked}");
}
