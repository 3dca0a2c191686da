//! The host name of a node that nobody named: two on one network must differ.

use std::fs;

use vigla_act::{Places, file};

use super::identity;
use crate::machine::Machine;

pub(super) const FILE: &str = "etc/hostname";
/// As the image has it.
const UNNAMED: &str = "vigla";

/// Gives the node a name of its own, unless it has one.
pub(super) fn set(places: &Places, machine: &mut dyn Machine, troubles: &mut Vec<String>) {
    if !matches!(now(places).as_str(), "" | UNNAMED) {
        return;
    }
    let id = fs::read_to_string(places.at("etc/machine-id")).unwrap_or_default();
    let Some(name) = identity::name(&id) else {
        return;
    };
    let line = format!("{name}\n");
    let written = file::replace(&places.at(FILE), line.as_bytes(), 0o644);
    if let Err(error) = written.and_then(|()| machine.set_host_name(&name)) {
        troubles.push(format!("cannot call this node `{name}`: {error}"));
    }
}

/// The name for the next start.
pub(super) fn now(places: &Places) -> String {
    let text = fs::read_to_string(places.at(FILE)).unwrap_or_default();
    text.trim().to_owned()
}
