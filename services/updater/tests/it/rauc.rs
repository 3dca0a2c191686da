//! RAUC itself, as a service on the private bus, with two files for slots and a script for a boot loader.
//!
//! Wanted is 1.9 or later, as on the device (1.13): Debian 12 has 1.8, whose interface cannot tell a
//! manifest's hash. Then the one in the tree of build tools of `cargo xtask image` serves.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use vigla_testkit::{Child, Rig, Who, skip, until};

/// The policy that the image lays over RAUC's own.
const POLICY: &str =
    include_str!("../../../../image/root/usr/share/dbus-1/system.d/de.pengutronix.rauc.conf");

/// The machine that this RAUC is on.
pub(crate) const MACHINE: &str = "vigla-test";

/// How RAUC is started here.
#[derive(Debug, Clone)]
pub(crate) struct Program(Vec<String>);

impl Program {
    /// One that can do all that is wanted; says why not, if there is none.
    pub(crate) fn find() -> Option<Self> {
        if !nix::unistd::getuid().is_root() {
            skip("RAUC runs as root only");
            return None;
        }
        let found = candidates().into_iter().map(Self).find(Self::knows_hashes);
        if found.is_none() {
            skip(
                "no RAUC of version 1.9 or later; install the package rauc, or run `cargo xtask image` once",
            );
            return None;
        }
        for (program, package) in [("mksquashfs", "squashfs-tools"), ("openssl", "openssl")] {
            if Command::new(program).arg("-version").output().is_err() {
                skip(&format!("no {program}; install the package {package}"));
                return None;
            }
        }
        found
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]).stdin(Stdio::null());
        command
    }

    fn knows_hashes(&self) -> bool {
        let said = self.command().arg("--version").output();
        let said = said.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
        let said = said.unwrap_or_default();
        let mut numbers = said
            .trim()
            .strip_prefix("rauc ")
            .unwrap_or_default()
            .split('.');
        let mut number = || {
            numbers
                .next()
                .and_then(|n| n.parse::<u32>().ok())
                .unwrap_or(0)
        };
        (number(), number()) >= (1, 9)
    }
}

/// The installed one, and those of trees of build tools, with their own loader.
fn candidates() -> Vec<Vec<String>> {
    let mut all = vec![vec!["rauc".to_owned()]];
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let trees = std::fs::read_dir(home.join(".cache/vigla/image"));
    for tree in trees.into_iter().flatten().flatten() {
        let at = |path: &str| tree.path().join(path).to_string_lossy().into_owned();
        let libraries = at("usr/lib/x86_64-linux-gnu");
        let with = vec![
            at("lib64/ld-linux-x86-64.so.2"),
            "--library-path".into(),
            libraries,
            at("usr/bin/rauc"),
        ];
        all.push(with);
    }
    all
}

/// A rig whose bus has the policy of the device.
pub(crate) fn rig() -> Rig {
    let uid = vigla_bus::names::UPDATER.uid.to_string();
    let policy = POLICY.replace("user=\"vigla-updater\"", &format!("user=\"{uid}\""));
    Rig::start_with(&policy).unwrap()
}

/// The service, with its slots.
#[derive(Debug)]
pub(crate) struct Rauc {
    _service: Child,
    folder: PathBuf,
}

impl Rauc {
    /// Starts it on the bus of `rig`, trusting `keyring`.
    pub(crate) fn start(program: &Program, rig: &Rig, keyring: &Path) -> Self {
        let folder = rig.dir().join("rauc");
        std::fs::create_dir(&folder).unwrap();
        for slot in ["a", "b"] {
            put(
                &folder.join(format!("{slot}.img")),
                &vec![slot.as_bytes()[0]; 1 << 20],
            );
        }
        let at = folder.display();
        let script = format!(
            "#!/bin/sh\ncase $1 in\nget-primary) cat {at}/primary ;;\nset-primary) echo $2 > {at}/primary ;;\nget-state) cat {at}/state.$2 ;;\nset-state) echo $3 > {at}/state.$2 ;;\nget-current) echo A ;;\nesac\n"
        );
        put(&folder.join("boot"), script.as_bytes());
        std::fs::set_permissions(folder.join("boot"), PermissionsExt::from_mode(0o755)).unwrap();
        for (file, text) in [
            ("primary", "A\n"),
            ("state.A", "good\n"),
            ("state.B", "good\n"),
        ] {
            put(&folder.join(file), text.as_bytes());
        }
        let slot = |number: u8, name: &str, file: &str| {
            format!("[slot.rootfs.{number}]\ndevice={at}/{file}.img\ntype=raw\nbootname={name}\n\n")
        };
        // As image/rauc/system.conf, but for the boot loader.
        let conf = format!(
            "[system]\ncompatible={MACHINE}\nbootloader=custom\nbundle-formats=-plain\nstatusfile={at}/status\nmountprefix={at}/mnt\n\n[keyring]\npath={}\ncheck-purpose=codesign\n\n[handlers]\nbootloader-custom-backend={at}/boot\n\n{}{}",
            keyring.display(),
            slot(0, "A", "a"),
            slot(1, "B", "b")
        );
        put(&folder.join("system.conf"), conf.as_bytes());
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut command = program.command();
        command.arg(format!("--conf={at}/system.conf"));
        command.args(["--override-boot-slot=A", "service"]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", rig.address());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let service = Child::start("rauc", &mut command).unwrap();
        let rauc = Self {
            _service: service,
            folder,
        };
        until("RAUC is on the bus", Duration::from_secs(20), || {
            owned(rig).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}: {}", rauc.log()));
        rauc
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// What is in the slots.
    pub(crate) fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |slot: &str| std::fs::read(self.folder.join(format!("{slot}.img"))).unwrap();
        (read("a"), read("b"))
    }

    pub(crate) fn primary(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("primary")).unwrap();
        text.trim().to_owned()
    }
}

fn owned(rig: &Rig) -> bool {
    let mut command = Command::new("dbus-send");
    command.arg(format!("--bus={}", rig.address())).args([
        "--print-reply",
        "--dest=org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus.NameHasOwner",
        "string:de.pengutronix.rauc",
    ]);
    rig.run_as(Who::Me, &mut command);
    let said = command.output().unwrap();
    String::from_utf8_lossy(&said.stdout).contains("boolean true")
}

#[allow(
    clippy::disallowed_methods,
    reason = "files of a test, read when they are whole"
)]
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
