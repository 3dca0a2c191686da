//! A node in a temporary root, whose machine notes what it was told.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use vigla_act::Places;
use vigla_site::Zones;
use vigla_site::apply::{Findings, apply};
use vigla_site::machine::Machine;

/// Notes instead of doing.
#[derive(Debug, Default)]
pub(crate) struct Noting {
    pub(crate) told: Vec<String>,
    /// Users that there are not.
    pub(crate) strangers: bool,
    /// The root of the stage, left out of what is noted.
    root: String,
}

impl Machine for Noting {
    fn set_host_name(&mut self, name: &str) -> io::Result<()> {
        self.told.push(format!("host name {name}"));
        Ok(())
    }

    fn give(&mut self, file: &Path, user: &str) -> io::Result<()> {
        if self.strangers {
            return Err(io::Error::other(format!("no user `{user}`")));
        }
        let mode = fs::metadata(file)?.permissions().mode() & 0o777;
        let file = file.display().to_string().replace(&self.root, "");
        self.told.push(format!("{file} {mode:o} {user}"));
        Ok(())
    }

    fn run(&mut self, program: &'static str, arguments: &[&str]) -> io::Result<()> {
        self.told.push(format!("{program} {}", arguments.join(" ")));
        Ok(())
    }
}

pub(crate) struct Stage {
    pub(crate) root: tempfile::TempDir,
    pub(crate) places: Places,
    pub(crate) machine: Noting,
}

impl Stage {
    /// A node as the image leaves it at its first start.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let machine = Noting {
            root: root.path().display().to_string(),
            ..Noting::default()
        };
        let places = Places::below(root.path());
        let stage = Self {
            root,
            places,
            machine,
        };
        stage.write("boot/firmware/kernel", b"");
        stage.write("etc/hostname", b"vigla\n");
        stage.write("etc/machine-id", b"0123456789abcdef0123456789abcdef\n");
        stage
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.places.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.places.at(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.places.at(path).symlink_metadata().is_ok()
    }

    /// A start of the node.
    pub(crate) fn boot(&mut self) -> Findings {
        apply(&self.places, &mut self.machine, &Zones::system()).unwrap()
    }

    /// A start with this file on the card.
    pub(crate) fn boot_with(&mut self, text: &str) -> Findings {
        self.write("boot/firmware/vigla.toml", text.as_bytes());
        self.boot()
    }

    /// Every file below the root with its content, but for what is written at each start.
    pub(crate) fn tree(&self) -> Vec<(String, String)> {
        let (mut found, mut open) = (Vec::new(), vec![self.root.path().to_owned()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.root.path()).unwrap();
                let name = name.display().to_string();
                if let Ok(target) = fs::read_link(&path) {
                    found.push((name, target.display().to_string()));
                } else if path.is_dir() {
                    open.push(path);
                } else if name != "run/vigla/site.json" {
                    found.push((name, fs::read_to_string(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }
}

/// A file with every key.
pub(crate) const WHOLE: &str = include_str!("../corpus/site/whole.toml");
