//! A root below a temporary folder, and a system that notes.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use vigla_act::{Error, FILE, Places, System, Verb, serve};

/// Notes what it is told.
#[derive(Debug, Default)]
pub(crate) struct Noting {
    /// Numbers that every group has as its members.
    pub(crate) members: Vec<u32>,
    pub(crate) told: Vec<String>,
    /// Whether programs fail.
    pub(crate) broken: bool,
}

impl System for Noting {
    fn members(&self, group: &str) -> Vec<u32> {
        assert!(group.starts_with("vigla-act-"), "{group}");
        self.members.clone()
    }

    fn set_host_name(&mut self, name: &str) -> io::Result<()> {
        self.told.push(format!("host name {name}"));
        Ok(())
    }

    fn run(&mut self, program: &'static str, arguments: &[&str]) -> io::Result<()> {
        self.told.push(format!("{program} {}", arguments.join(" ")));
        if self.broken {
            return Err(io::Error::other("exit status: 1"));
        }
        Ok(())
    }
}

/// A root with the folders that a device has.
pub(crate) struct Stage {
    root: TempDir,
    pub(crate) places: Places,
    pub(crate) system: Noting,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let places = Places::below(root.path());
        for folder in [
            "etc/systemd/network",
            "etc/wpa_supplicant",
            "boot/firmware",
            "data/reset",
            "run/vigla/act/answers",
        ] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for verb in Verb::ALL {
            fs::create_dir_all(places.requests(verb)).unwrap();
        }
        let members = vec![nix::unistd::getuid().as_raw()];
        let system = Noting {
            members,
            ..Noting::default()
        };
        Self {
            root,
            places,
            system,
        }
    }

    /// Where the request for `verb` goes.
    pub(crate) fn request(&self, verb: Verb) -> PathBuf {
        self.places.requests(verb).join(FILE)
    }

    /// Writes a file below the root.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        let mut file = fs::File::create(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.path().join(path)).unwrap()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root.path().join(path).exists()
    }

    /// Asks for `verb` with `text`.
    pub(crate) fn ask(&mut self, verb: Verb, text: &str) -> Result<String, Error> {
        let path = format!("run/vigla/act/{verb}/{FILE}");
        self.write(&path, text);
        self.serve(verb)
    }

    /// Serves whatever request there is.
    pub(crate) fn serve(&mut self, verb: Verb) -> Result<String, Error> {
        let served = serve(verb, &self.places, &mut self.system);
        let left = fs::symlink_metadata(self.request(verb));
        assert!(left.is_err(), "a request is gone, whatever it was");
        served
    }

    /// What the asker is told.
    pub(crate) fn answer(&self, verb: Verb) -> Value {
        let text = fs::read_to_string(self.places.answer(verb)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Asks, and expects a refusal that touched nothing.
    pub(crate) fn refuses(&mut self, verb: Verb, text: &str) {
        let result = self.ask(verb, text);
        assert!(
            matches!(result, Err(Error::Refused(_))),
            "{text}: {result:?}"
        );
        self.untouched(verb);
    }

    pub(crate) fn untouched(&self, verb: Verb) {
        assert_eq!(self.system.told, Vec::<String>::new());
        assert!(!self.exists("etc/hostname"));
        assert_eq!(self.answer(verb)["result"], "refused");
    }
}
