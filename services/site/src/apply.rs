//! The file made into settings of the node, once for each change of it.
//!
//! What was applied is remembered in `/var/lib/vigla/site/applied.json`, written last: a power cut
//! before that means that everything is applied again, and each file is the old or the new one. A file
//! that did not change is left alone, and with it whatever its owner changed on the node since.

mod default_name;
mod identity;
mod item;
mod plan;
mod record;
mod services;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vigla_act::{Places, file};

use self::plan::Plan;
use self::record::Record;
use crate::machine::Machine;
use crate::{FILE, LARGEST, Mistake, Zones, read};

/// What an application found and did; `/run/vigla/site.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Whether there is a file.
    pub found: bool,
    /// Whether it is another one than last time.
    pub changed: bool,
    /// The host name of the node, when it is known.
    pub name: String,
    /// What is wrong in the file.
    pub mistakes: Vec<Mistake>,
    /// What was right and could not be done.
    pub troubles: Vec<String>,
}

/// Where the findings are, below the root.
pub const FINDINGS: &str = "run/vigla/site.json";
const FIRMWARE: &str = "boot/firmware";

/// Applies the owner's file, if it changed, and writes down what was found.
///
/// # Errors
///
/// The findings cannot be written.
pub fn apply(places: &Places, machine: &mut dyn Machine, zones: &Zones) -> io::Result<Findings> {
    let mut findings = Findings::default();
    default_name::set(places, machine, &mut findings.troubles);
    match owners_file(places) {
        Ok(None) => {}
        Ok(Some((bytes, misnamed))) => {
            findings.found = true;
            findings.mistakes.extend(misnamed);
            taken(&bytes, places, machine, zones, &mut findings);
        }
        Err(error) => findings
            .troubles
            .push(format!("`{FILE}` cannot be read: {error}")),
    }
    findings.name = default_name::now(places);
    let path = places.at(FINDINGS);
    if let Some(folder) = path.parent() {
        item::make(folder)?;
    }
    let text = serde_json::to_vec_pretty(&findings)?;
    file::replace(&path, &text, 0o644)?;
    Ok(findings)
}

fn taken(
    bytes: &[u8],
    places: &Places,
    machine: &mut dyn Machine,
    zones: &Zones,
    findings: &mut Findings,
) {
    let (site, mistakes) = read(bytes, zones);
    findings.mistakes.extend(mistakes);
    let record = Record::load(places);
    let digest = record::digest(bytes);
    if record.source == digest {
        return;
    }
    findings.changed = true;
    let plan = match Plan::new(&site) {
        Ok(plan) => plan,
        Err(error) => {
            findings.troubles.push(error.to_string());
            return;
        }
    };
    let written = plan.write(places, machine, &mut findings.troubles);
    record.remove_others(&written, places, &mut findings.troubles);
    // Not written down when something is missing: the next start tries again.
    if findings.troubles.is_empty()
        && let Err(error) = record::save(digest, written, places)
    {
        let trouble = format!("cannot write down what was applied: {error}");
        findings.troubles.push(trouble);
    }
    plan.tell(machine, &mut findings.troubles);
}

/// The bytes of the file, one more than its most at most, and a mistake when it is called wrongly.
fn owners_file(places: &Places) -> io::Result<Option<(Vec<u8>, Option<Mistake>)>> {
    let folder = places.at(FIRMWARE);
    if let Some(bytes) = bytes(folder.join(FILE))? {
        return Ok(Some((bytes, None)));
    }
    // Editors of Windows add an ending that they then do not show.
    let misnamed = format!("{FILE}.txt");
    let Some(bytes) = bytes(folder.join(&misnamed))? else {
        return Ok(None);
    };
    let mistake = Mistake {
        line: 1,
        what: format!("the file is called `{misnamed}`, and was read all the same"),
        fix: format!("rename it to `{FILE}`"),
    };
    Ok(Some((bytes, Some(mistake))))
}

fn bytes(path: PathBuf) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
