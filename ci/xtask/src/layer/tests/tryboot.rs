//! RAUC's side of a Pi 5, with a card of plain files: what mounts is replaced by programs that do nothing or
//! lay the slot's folder there.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::image::put;
use crate::layer::folder;

const SCRIPT: &str = "dynamic-layers/raspberrypi/recipes-bsp/vigla-tryboot/files";

/// A Pi that has started slot A.
struct Pi {
    root: TempDir,
}

impl Pi {
    fn new() -> Self {
        let pi = Self {
            root: tempfile::tempdir().unwrap(),
        };
        let files = folder().join(SCRIPT);
        for below in [
            "boot/firmware/slot-a",
            "run/systemd",
            "proc",
            "bin",
            "dev/disk/by-partlabel",
            "slots/root-b/boot",
        ] {
            fs::create_dir_all(pi.at(below)).unwrap();
        }
        fs::copy(files.join("config.txt"), pi.at("boot/firmware/config.txt")).unwrap();
        pi.write("boot/firmware/slot-a/vmlinuz", "old");
        for name in ["vmlinuz", "initrd", "bcm2712-rpi-5-b.dtb"] {
            pi.write(&format!("slots/root-b/boot/{name}"), "new");
        }
        pi.write(
            "slots/root-b/boot/cmdline.txt",
            &fs::read_to_string(files.join("cmdline.in")).unwrap(),
        );
        symlink(pi.at("slots/root-b"), pi.at("dev/disk/by-partlabel/root-b")).unwrap();
        pi.started('a');
        // `mount ... DEVICE FOLDER` shows the slot; a remount does nothing.
        pi.program(
            "mount",
            "case $* in *remount*) ;; *) for last; do :; done; rmdir \"$last\"; ln -s \"$5\" \"$last\";; esac",
        );
        pi.program("umount", "rm \"$1\"; mkdir \"$1\"");
        pi
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        put(self.at(path), text).unwrap();
    }

    fn program(&self, name: &str, body: &str) {
        let path = format!("bin/{name}");
        self.write(&path, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.at(&path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Starts a slot: what systemd was told about a trial is forgotten with it.
    fn started(&self, slot: char) {
        self.write(
            "proc/cmdline",
            &format!("quiet vigla.slot={slot} panic=5\n"),
        );
        let _ = fs::remove_file(self.at("run/systemd/reboot-param"));
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let path = format!("{}:/usr/bin:/bin", self.at("bin").display());
        let done = Command::new("sh")
            .arg(folder().join(SCRIPT).join("vigla-tryboot"))
            .args(arguments)
            .env("VIGLA_TEST_ROOT", self.root.path())
            .env("PATH", path)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() {
            Ok(text(&done.stdout))
        } else {
            Err(text(&done.stderr))
        }
    }

    fn says(&self, arguments: &[&str]) -> String {
        self.run(arguments).unwrap()
    }

    fn card(&self, file: &str) -> String {
        fs::read_to_string(self.at("boot/firmware").join(file)).unwrap_or_default()
    }

    fn exists(&self, path: &str) -> bool {
        Path::exists(&self.at(path))
    }
}

#[test]
fn a_slot_is_tried_once_and_stays_when_it_is_good() {
    let pi = Pi::new();
    assert_eq!(pi.says(&["get-primary"]), "A");
    assert_eq!(pi.says(&["get-current"]), "A");
    assert_eq!(pi.says(&["get-state", "B"]), "bad", "nothing is in it yet");

    pi.says(&["set-state", "B", "bad"]);
    pi.says(&["set-primary", "B"]);
    assert_eq!(pi.says(&["get-primary"]), "B");
    assert_eq!(pi.says(&["get-state", "B"]), "good");
    assert!(pi.card("tryboot.txt").contains("os_prefix=slot-b/"));
    assert!(pi.card("config.txt").contains("os_prefix=slot-a/"));
    assert_eq!(pi.card("slot-b/vmlinuz"), "new");
    let arguments = pi.card("slot-b/cmdline.txt");
    assert!(
        arguments.contains("vigla.slot=b rauc.slot=B panic=5"),
        "{arguments}"
    );
    let asked = fs::read_to_string(pi.at("run/systemd/reboot-param")).unwrap();
    assert_eq!(asked, "0 tryboot\n");

    pi.started('b');
    assert_eq!(pi.says(&["get-primary"]), "A", "until it is good");
    pi.says(&["set-state", "B", "good"]);
    assert_eq!(pi.says(&["get-primary"]), "B");
    assert!(pi.card("config.txt").contains("os_prefix=slot-b/"));
    assert!(!pi.exists("boot/firmware/tryboot.txt"));
}

#[test]
fn a_slot_that_was_not_good_leaves_the_old_one() {
    let pi = Pi::new();
    pi.says(&["set-primary", "B"]);
    // It hung; the watchdog restarted.
    pi.started('a');
    assert_eq!(pi.says(&["get-primary"]), "A");
    pi.says(&["set-state", "B", "bad"]);
    assert_eq!(pi.says(&["get-state", "B"]), "bad");
    assert_eq!(pi.says(&["get-state", "A"]), "good");
    pi.says(&["set-state", "A", "good"]);
    assert!(pi.card("config.txt").contains("os_prefix=slot-a/"));
}

#[test]
fn who_turns_back_before_the_restart_stays() {
    let pi = Pi::new();
    pi.says(&["set-primary", "B"]);
    pi.says(&["set-primary", "A"]);
    assert_eq!(pi.says(&["get-primary"]), "A");
    assert!(!pi.exists("run/systemd/reboot-param"));
    assert_eq!(pi.card("slot-a/vmlinuz"), "old");
}

#[test]
fn a_slot_without_a_kernel_changes_nothing() {
    let pi = Pi::new();
    fs::remove_file(pi.at("slots/root-b/boot/vmlinuz")).unwrap();
    assert!(pi.run(&["set-primary", "B"]).is_err());
    assert_eq!(pi.says(&["get-primary"]), "A");
    assert!(!pi.exists("boot/firmware/slot-b"));
    assert!(!pi.exists("run/systemd/reboot-param"));
}

#[test]
fn what_rauc_never_says_is_refused() {
    let pi = Pi::new();
    for wrong in [
        &["set-primary", "C"][..],
        &["set-state", "A", "fine"],
        &["get-state"],
        &["frobnicate"],
        &[],
    ] {
        let error = pi.run(wrong).unwrap_err();
        assert!(error.contains("there is no"), "{wrong:?}: {error}");
    }
}
