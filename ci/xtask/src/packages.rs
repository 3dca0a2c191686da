//! Debian packages: what is needed, what is missing, and getting it.
//!
//! Looked for is the thing itself (a program, a library), not the name of its package: then a
//! hand-built ffmpeg counts too, and another distribution at least learns what it lacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;

use crate::{places, process};

mod install;

pub(crate) use install::{Consent, install};

/// How the presence of something is found out.
#[derive(Debug, Clone, Copy)]
enum Probe {
    /// One of these programs.
    Program(&'static [&'static str]),
    /// A library that pkg-config knows.
    Library(&'static str),
    /// A file.
    File(&'static str),
    /// A shared object that is loaded by its name.
    Preload(&'static str),
    /// The `pip` module of Python.
    Pip,
}

/// Something outside the repository that we use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// The Debian and Ubuntu package that has it.
    pub(crate) package: &'static str,
    probe: Probe,
    /// What we do without it when it cannot be had; `None`: nothing goes.
    pub(crate) without: Option<&'static str>,
}

const fn must(package: &'static str, probe: Probe) -> Need {
    Need {
        package,
        probe,
        without: None,
    }
}

const fn may(package: &'static str, probe: Probe, without: &'static str) -> Need {
    Need {
        package,
        probe,
        without: Some(without),
    }
}

/// To compile the workspace.
const BUILD: &[Need] = &[
    must("build-essential", Probe::Program(&["cc"])),
    must("pkg-config", Probe::Program(&["pkg-config"])),
    must("libturbojpeg0-dev", Probe::Library("libturbojpeg")),
];

/// To run the services.
const SERVICES: &[Need] = &[
    must("dbus", Probe::Program(&["dbus-daemon"])),
    may(
        "mosquitto",
        Probe::Program(&["mosquitto"]),
        "no MQTT: counts are on the page only",
    ),
    may(
        "ffmpeg",
        Probe::Program(&["ffmpeg"]),
        "no video files, only the synthetic camera",
    ),
];

/// To give each service a user of its own, as only root can: the bus daemon asks for their names.
const USERS: &[Need] = &[must("libnss-wrapper", Probe::Preload("libnss_wrapper.so"))];

/// To compile the workspace and run the services.
pub(crate) fn basis() -> Vec<Need> {
    let users = if geteuid().is_root() { USERS } else { &[] };
    [BUILD, SERVICES, users].concat()
}

/// To test, besides what the services need.
pub(crate) const TESTS: &[Need] = &[
    may(
        "mosquitto-clients",
        Probe::Program(&["mosquitto_sub"]),
        "no tests with a foreign MQTT client",
    ),
    may(
        "openssl",
        Probe::Program(&["openssl"]),
        "no tests of MQTT over TLS",
    ),
    may(
        "prometheus",
        Probe::Program(&["promtool"]),
        "no check of the metrics page by Prometheus's own tool",
    ),
    may(
        "prometheus-node-exporter",
        Probe::Program(&["prometheus-node-exporter"]),
        "no comparison with node-exporter",
    ),
    may(
        "rauc",
        Probe::Program(&["rauc"]),
        "no tests of bundles with RAUC itself, unless `cargo xtask image` has run",
    ),
    may(
        "squashfs-tools",
        Probe::Program(&["mksquashfs"]),
        "no tests of bundles with RAUC itself",
    ),
    may(
        "uidmap",
        Probe::Program(&["newuidmap"]),
        "no tests with several users, except as root",
    ),
    may(
        "zstd",
        Probe::Program(&["zstd"]),
        "no tests against a real API server",
    ),
];

/// To test the page.
pub(crate) const BROWSER: &[Need] = &[
    may(
        "chromium",
        Probe::Program(&["chromium", "google-chrome", "chrome"]),
        "no tests of the page",
    ),
    may(
        "chromium-driver",
        Probe::Program(&["chromedriver"]),
        "no tests of the page",
    ),
];

/// To measure, besides what the tests need: those that we are compared with.
pub(crate) const PEERS: &[Need] = &[
    may(
        "ustreamer",
        Probe::Program(&["ustreamer"]),
        "no comparison with uStreamer",
    ),
    may(
        "dbus-bin",
        Probe::Program(&["dbus-monitor"]),
        "no count of the messages on the bus",
    ),
];

/// To check unit files.
pub(crate) const UNITS: &[Need] = &[may(
    "systemd",
    Probe::Program(&["systemd-analyze"]),
    "no check of the unit files",
)];

/// To ask the served objects what they are.
pub(crate) const BUS: &[Need] = &[may(
    "dbus-bin",
    Probe::Program(&["dbus-send"]),
    "no check of the golden XML",
)];

/// To make the tree of image tools; everything else is in there.
pub(crate) const IMAGE: &[Need] = &[
    must("mmdebstrap", Probe::Program(&["mmdebstrap"])),
    must("git", Probe::Program(&["git"])),
    must(
        "debian-archive-keyring",
        Probe::File("/usr/share/keyrings/debian-archive-keyring.gpg"),
    ),
];

/// To run BitBake, which looks for these before anything else.
pub(crate) const LAYER: &[Need] = &[
    must("bzip2", Probe::Program(&["bzip2"])),
    must("chrpath", Probe::Program(&["chrpath"])),
    must("cpio", Probe::Program(&["cpio"])),
    must("debianutils", Probe::Program(&["which"])),
    must("diffstat", Probe::Program(&["diffstat"])),
    must("file", Probe::Program(&["file"])),
    must("g++", Probe::Program(&["g++"])),
    must("gawk", Probe::Program(&["gawk"])),
    must("git", Probe::Program(&["git"])),
    must("iputils-ping", Probe::Program(&["ping"])),
    must("locales", Probe::File("/usr/share/i18n/locales/en_US")),
    must("lz4", Probe::Program(&["lz4c", "lz4"])),
    must("make", Probe::Program(&["make"])),
    must("patch", Probe::Program(&["patch"])),
    must("python3", Probe::File("/usr/bin/python3")),
    must("rpcsvc-proto", Probe::Program(&["rpcgen"])),
    must("socat", Probe::Program(&["socat"])),
    must("texinfo", Probe::Program(&["makeinfo"])),
    must("unzip", Probe::Program(&["unzip"])),
    must("wget", Probe::Program(&["wget"])),
    must("xz-utils", Probe::Program(&["xz"])),
    must("zstd", Probe::Program(&["zstd"])),
];

/// To sign and look at a bundle, where no image was built before.
pub(crate) const BUNDLE: &[Need] = &[
    must("openssl", Probe::Program(&["openssl"])),
    must("rauc", Probe::Program(&["rauc"])),
    must("squashfs-tools", Probe::Program(&["mksquashfs"])),
];

/// To write a card.
pub(crate) const FLASH: &[Need] = &[
    must("util-linux", Probe::Program(&["lsblk"])),
    must("zstd", Probe::Program(&["zstd"])),
];

/// To download wheels.
pub(crate) const DOWNLOADS: &[Need] = &[
    may(
        "python3-pip",
        Probe::Pip,
        "no ONNX Runtime and no clip, only the synthetic camera",
    ),
    may(
        "ca-certificates",
        Probe::File("/etc/ssl/certs/ca-certificates.crt"),
        "no downloads, only the synthetic camera",
    ),
];

/// Those of `needs` that this machine lacks.
pub(crate) fn missing(needs: &[Need]) -> Vec<Need> {
    needs
        .iter()
        .copied()
        .filter(|need| !present(need.probe))
        .collect()
}

fn present(probe: Probe) -> bool {
    match probe {
        Probe::Program(names) => names.iter().any(|name| places::program(name).is_some()),
        Probe::File(path) => Path::new(path).exists(),
        Probe::Library(name) => {
            process::succeeds(Command::new("pkg-config").args(["--exists", name]))
        }
        Probe::Preload(name) => multiarch().any(|folder| folder.join(name).exists()),
        Probe::Pip => process::succeeds(Command::new("python3").args(["-m", "pip", "--version"])),
    }
}

/// Where Debian keeps the libraries of this architecture.
fn multiarch() -> impl Iterator<Item = PathBuf> {
    let triplet = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    [triplet, "/usr/lib".into(), "/usr/lib64".into()]
        .into_iter()
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_there_and_misses_what_is_not() {
        let shell = must("dash", Probe::Program(&["sh"]));
        let ghost = must("ghost", Probe::Program(&["no-such-program-at-all"]));
        let file = must("no-file", Probe::File("/nonexistent"));
        let names: Vec<_> = missing(&[shell, ghost, file])
            .iter()
            .map(|n| n.package)
            .collect();
        assert_eq!(names, ["ghost", "no-file"]);
    }
}
