//! The host name: in the kernel now, in `/etc/hostname` for the next start.

use serde::Deserialize;

use super::{Failed, unwritten};
use crate::words::{HostName, Id};
use crate::{Places, System, file};

/// `{"id": "7", "name": "vigla-yard"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostNameRequest {
    pub(super) id: Id,
    name: HostName,
}

pub(super) fn set(
    request: &HostNameRequest,
    places: &Places,
    system: &mut dyn System,
) -> Result<String, Failed> {
    let name = request.name.text();
    let path = places.at("etc/hostname");
    let line = format!("{name}\n");
    // The file first: after a power cut in between, the next start has the new name all the same.
    file::replace(&path, line.as_bytes(), 0o644).map_err(unwritten(&path))?;
    let set = system.set_host_name(name);
    set.map_err(|error| Failed::at("set the host name", &error))?;
    Ok(format!("the host is called `{name}`"))
}
