//! What the variables that an image hangs on must be in the end. A wrong override or a renamed variable is seen here
//! and nowhere before a device.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context as _;

use super::bitbake::BitBake;
use super::facts::Facts;
use super::{Machine, folder, made, parity};
use crate::image;

/// What an image for the desk has and a device in use must not.
const DESK: &[&str] = &[
    "allow-empty-password",
    "allow-root-login",
    "empty-root-password",
    "post-install-logging",
    "serial-autologin-root",
    "tools-debug",
];

/// What is asked of the variables of one recipe.
type Look<'a> = &'a dyn Fn(&mut Facts) -> anyhow::Result<()>;

/// Asks and compares; gives how many answers were right.
pub(crate) fn check(bitbake: &BitBake) -> anyhow::Result<usize> {
    let machine = bitbake.machine;
    let mut looked = 0;
    let mut wrong = Vec::new();
    let questions: [(&str, Look<'_>); 9] = [
        ("vigla-image", &|facts| image(facts, machine)),
        ("vigla-image-dev", &|facts| {
            facts.has(
                "IMAGE_FEATURES",
                &["empty-root-password", "read-only-rootfs"],
            );
            Ok(())
        }),
        ("virtual/kernel", &|facts| kernel(facts, machine)),
        ("vigla-services", &services),
        ("vigla-bundle", &|facts| {
            bundle(facts, machine);
            Ok(())
        }),
        ("k3s", &|facts| {
            facts.is("SYSTEMD_SERVICE:k3s", "");
            facts.is("SYSTEMD_AUTO_ENABLE:k3s-agent", "disable");
            facts.is("BIN_PREFIX", "/usr");
            facts.is("PACKAGECONFIG", "");
            facts.has("SRC_URI", &["file://10-vigla.yaml", "file://10-vigla.conf"]);
            Ok(())
        }),
        ("rauc-conf", &|facts| {
            facts.is("RAUC_KEYRING_FILE", "");
            facts.lacks("SRC_URI", &["file://ca.cert.pem"]);
            facts.is("VIGLA_RAUC_BOOTLOADER", starter(machine));
            Ok(())
        }),
        ("ffmpeg", &|facts| {
            facts.has(
                "PACKAGECONFIG",
                &["avcodec", "avfilter", "avformat", "swscale"],
            );
            // What would make it GPL, or not to be handed on.
            facts.lacks("PACKAGECONFIG", &["gpl", "openssl", "x264", "x265"]);
            facts.is("USE_NONFREE", "");
            facts.has("EXTRA_OECONF", &["--enable-openssl"]);
            facts.has("DEPENDS", &["openssl"]);
            Ok(())
        }),
        ("systemd", &|facts| {
            facts.has(
                "PACKAGECONFIG",
                &["networkd", "repart", "resolved", "seccomp", "timesyncd"],
            );
            facts.lacks("PACKAGECONFIG", &["serial-getty-generator"]);
            Ok(())
        }),
    ];
    let asked = questions.map(|(recipe, _)| recipe);
    let more = parity::FOREIGN.iter().map(|(_, recipe, ..)| *recipe);
    let more: BTreeSet<_> = more.filter(|recipe| !asked.contains(recipe)).collect();
    let nothing: Look<'_> = &|_| Ok(());
    let more = more.into_iter().map(|recipe| (recipe, nothing));
    for (recipe, look) in questions.into_iter().chain(more) {
        let said = bitbake.say(&["-e", recipe])?;
        let mut facts = Facts::parse(recipe, &said);
        look(&mut facts)?;
        let brings = parity::FOREIGN.iter().filter(|(_, by, ..)| *by == recipe);
        for (_, _, variable, word) in brings {
            facts.has(variable, &[word]);
        }
        looked += facts.looked;
        wrong.append(&mut facts.wrong);
    }
    anyhow::ensure!(
        wrong.is_empty(),
        "for {}:\n  {}",
        machine.name(),
        wrong.join("\n  ")
    );
    Ok(looked)
}

fn image(facts: &mut Facts, machine: Machine) -> anyhow::Result<()> {
    facts.is("DISTRO", "vigla");
    facts.is("INIT_MANAGER", "systemd");
    facts.has(
        "DISTRO_FEATURES",
        &[
            "k3s",
            "rauc",
            "seccomp",
            "systemd",
            "usrmerge",
            "virtualization",
        ],
    );
    facts.lacks(
        "DISTRO_FEATURES",
        &[
            "bluetooth",
            "nfs",
            "ptest",
            "sysvinit",
            "telnet",
            "wayland",
            "x11",
        ],
    );
    facts.has("IMAGE_FEATURES", &["read-only-rootfs"]);
    facts.lacks("IMAGE_FEATURES", DESK);
    facts.has("PACKAGE_INSTALL", &["packagegroup-vigla"]);
    facts.has("IMAGE_FSTYPES", &["ext4", "wic.zst", "wic.bmap"]);
    // Empty where no layer has the file; without its `.in` where one has it.
    facts.holds("WKS_FULL_PATH", ".../vigla-ab.wks", |path| {
        path.ends_with("/vigla-ab.wks")
    });
    let slot = image::partitions()?;
    let slot = slot.iter().find(|part| part.label == "root-a");
    let slot = slot.context("no partition `root-a`")?.size * 1024;
    facts.is("IMAGE_ROOTFS_MAXSIZE", &slot.to_string());
    facts.is("USERADD_ERROR_DYNAMIC", "error");
    facts.has("INHERIT", &["create-spdx"]);
    facts.is("VIGLA_VERSION", env!("CARGO_PKG_VERSION"));
    // All files have it, and systemd takes it for the earliest time that can be true.
    facts.is(
        "REPRODUCIBLE_TIMESTAMP_ROOTFS",
        &image::epoch()?.to_string(),
    );
    facts.is("SERIAL_CONSOLES", "");
    let on_card: &[&str] = match machine {
        Machine::Qemu => &["boot.scr", "vigla.toml"],
        Machine::Rpi4 => &["boot.scr", "vigla.toml", "u-boot.bin;kernel8.img"],
        Machine::Rpi5 => &[
            "vigla-tryboot/config.txt;config.txt",
            "Image;slot-a/vmlinuz",
        ],
    };
    facts.has("IMAGE_BOOT_FILES", on_card);
    if machine != Machine::Qemu {
        facts.has(
            "VIGLA_CMDLINE",
            &["cgroup_enable=memory", "cgroup_memory=1"],
        );
    }
    Ok(())
}

/// What the kernel must have built in or beside it, whatever its own defaults are.
const OPTIONS: &[&str] = &[
    "CONFIG_BLK_DEV_DM=y",
    "CONFIG_CFS_BANDWIDTH=y",
    "CONFIG_CGROUPS=y",
    "CONFIG_CGROUP_BPF=y",
    "CONFIG_CGROUP_DEVICE=y",
    "CONFIG_CGROUP_PIDS=y",
    "CONFIG_CPUSETS=y",
    "CONFIG_DM_VERITY=y",
    "CONFIG_EXT4_FS=y",
    "CONFIG_MEMCG=y",
    "CONFIG_NAMESPACES=y",
    "CONFIG_NF_TABLES=y",
    "CONFIG_OVERLAY_FS=y",
    "CONFIG_SQUASHFS_ZSTD=y",
    "CONFIG_USB_VIDEO_CLASS=m",
    "CONFIG_WATCHDOG=y",
];

/// On a board: its card, its watchdog, and where containers ask for it the size of pages.
const ON_QEMU: &[&str] = &["CONFIG_VIRTIO_BLK=y", "CONFIG_I6300ESB_WDT=m"];
const ON_PI: &[&str] = &[
    "CONFIG_ARM64_4K_PAGES=y",
    "CONFIG_BCM2835_WDT=y",
    "CONFIG_BRCMFMAC=m",
    "CONFIG_MMC_BLOCK=y",
    "CONFIG_USB_STORAGE=y",
];

fn kernel(facts: &mut Facts, machine: Machine) -> anyhow::Result<()> {
    // meta-virtualization has K3s' fragments for this version only.
    facts.holds("LINUX_VERSION", "6.18...", |value| {
        value.starts_with("6.18")
    });
    facts.has("KERNEL_FEATURES", &["cfg/kubernetes.scc"]);
    facts.has("SRC_URI", &["file://vigla.cfg"]);
    let board: &[&str] = match machine {
        Machine::Qemu => &["file://vigla-qemuarm64.cfg"],
        Machine::Rpi4 | Machine::Rpi5 => &["file://vigla-rpi.cfg"],
    };
    facts.has("SRC_URI", board);
    facts.is("KERNEL_IMAGETYPE", "Image");
    let (name, own) = match machine {
        Machine::Qemu => ("vigla-qemuarm64.cfg", ON_QEMU),
        Machine::Rpi4 | Machine::Rpi5 => ("vigla-rpi.cfg", ON_PI),
    };
    for (name, options) in [("vigla.cfg", OPTIONS), (name, own)] {
        let file = folder().join("recipes-kernel/linux/files").join(name);
        let fragment = fs::read_to_string(file)?;
        for option in options {
            anyhow::ensure!(
                fragment.lines().any(|line| line == *option),
                "`recipes-kernel/linux/files/{name}` lacks `{option}`"
            );
        }
    }
    Ok(())
}

fn services(facts: &mut Facts) -> anyhow::Result<()> {
    let crates: Vec<_> = made::crates::locked()?
        .iter()
        .map(|one| format!("crate://crates.io/{}/{}", one.name, one.version))
        .collect();
    let crates: Vec<_> = crates.iter().map(String::as_str).collect();
    facts.has("SRC_URI", &crates);
    facts.has(
        "CARGO_BUILD_FLAGS",
        &["--frozen", "--release", "vigla-camera", "vigla-ctl"],
    );
    facts.is("CARGO_PROFILE_RELEASE_PANIC", "unwind");
    for tree in crate::dist::trees()? {
        let package = format!("vigla-{}", tree.noun);
        facts.has("PACKAGES", &[&package]);
        facts.has("SYSTEMD_PACKAGES", &[&package]);
        facts.holds(&format!("FILES:{package}"), "its files", |files| {
            files.contains("/usr/lib/")
        });
    }
    Ok(())
}

/// In what a bundle and a device must agree.
pub(super) fn compatible(machine: Machine) -> String {
    match machine {
        Machine::Qemu => image::Machine::QemuArm64.compatible(),
        Machine::Rpi4 => image::Machine::Rpi4.compatible(),
        Machine::Rpi5 => "vigla-rpi5".to_owned(),
    }
}

/// Who starts the slots, in RAUC's word.
pub(super) fn starter(machine: Machine) -> &'static str {
    match machine {
        Machine::Qemu | Machine::Rpi4 => "uboot",
        Machine::Rpi5 => "custom",
    }
}

/// What the class writes into the manifest of the bundle, and RAUC wants there.
fn bundle(facts: &mut Facts, machine: Machine) {
    facts.is("RAUC_BUNDLE_COMPATIBLE", &compatible(machine));
    facts.is("RAUC_BUNDLE_VERSION", env!("CARGO_PKG_VERSION"));
    facts.is("RAUC_BUNDLE_FORMAT", "verity");
    facts.is("RAUC_BUNDLE_SLOTS", "rootfs");
    facts.is("RAUC_SLOT_rootfs", "vigla-image");
    // Who ships devices gives these.
    facts.is("RAUC_KEY_FILE", "");
    facts.is("RAUC_CERT_FILE", "");
}
