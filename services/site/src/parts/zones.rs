//! The names of time zones, as far as this machine has the tz database.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::table;

/// Where the tz database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zones(Option<PathBuf>);

impl Zones {
    /// This machine's; without one only the shape of names is looked at.
    #[must_use]
    pub fn system() -> Self {
        Self::at("/usr/share/zoneinfo")
    }

    /// The one in a folder, if there is one.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self(folder.is_dir().then_some(folder))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        shaped(name)
            && self
                .0
                .as_ref()
                .is_none_or(|folder| is_zone(&folder.join(name)))
    }

    /// The zone that was probably meant.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        let table = self.0.as_ref()?.join("zone1970.tab");
        let table = std::fs::read_to_string(table).ok()?;
        let rows = table.lines().filter(|row| !row.starts_with('#'));
        let mut names: Vec<_> = rows.filter_map(|row| row.split('\t').nth(2)).collect();
        names.push("UTC");
        let lower: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
        let keys: Vec<_> = lower.iter().map(String::as_str).collect();
        let near = table::nearest(name, &keys)?;
        let at = keys.iter().position(|key| *key == near)?;
        names.get(at).map(|name| (*name).to_owned())
    }
}

/// A file of the database begins so; its folder also holds tables.
fn is_zone(file: &Path) -> bool {
    let mut head = [0; 4];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && &head == b"TZif"
}

/// Below the database and nowhere else.
fn shaped(name: &str) -> bool {
    let part = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    name.len() <= 64 && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_a_file_of_the_database() {
        for odd in [
            "",
            "/etc/passwd",
            "../UTC",
            "a//b",
            "Europe/",
            "Europe/../UTC",
            "a b",
        ] {
            assert!(!Zones(None).has(odd), "{odd}");
        }
        assert!(Zones(None).has("Europe/Berlin"));
        let zones = Zones::system();
        if zones.0.is_none() {
            return; // no database here
        }
        assert!(zones.has("Europe/Berlin") && zones.has("UTC"));
        assert!(!zones.has("Europe/Atlantis") && !zones.has("Europe"));
        assert_eq!(
            zones.nearest("europe/berln").as_deref(),
            Some("Europe/Berlin")
        );
    }
}
