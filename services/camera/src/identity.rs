//! Which camera is which. Pure: functions on what sysfs says.
//!
//! A camera is where it is plugged in *and* what it says it is: bus path and serial number. So a
//! camera that is unplugged and plugged in again keeps its name, and two equal ones (cheap ones all
//! have the same serial, or none) stay apart by their ports. A camera that moved to another port is
//! recognised by its serial, if that leaves no doubt.

use serde::{Deserialize, Serialize};

use crate::config::Match;
use crate::sysfs::Attributes;

/// What a camera is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Controller, port and interface, independent of the order of enumeration.
    pub path: String,
    /// The port alone, as people see it: `1.2`; empty when it is not on USB.
    pub port: String,
    /// The serial number it reports; may be empty, and may be shared by equal cameras.
    pub serial: String,
    /// Vendor and product, `046d:0825`; empty when it is not on USB.
    pub model: String,
}

impl Identity {
    /// The identity of the device with these attributes.
    pub fn of(attributes: &Attributes) -> Self {
        let parts: Vec<&str> = attributes
            .device_path
            .split('/')
            .filter(|p| !p.is_empty())
            .collect();
        let usb = parts.iter().position(|part| is_root_hub(part));
        let (path, port) = match usb {
            None => (parts.join("/"), String::new()),
            Some(hub) => {
                // Bus numbers depend on who was first at boot; the controller does not.
                let controller = hub.checked_sub(1).map_or("", |at| parts[at]);
                let deepest = parts.last().copied().unwrap_or_default();
                let (device, interface) = deepest.split_once(':').unwrap_or((deepest, ""));
                let port = device.split_once('-').map_or("", |(_, port)| port);
                (format!("{controller}/{port}:{interface}"), port.to_owned())
            }
        };
        let model = match (&*attributes.vendor, &*attributes.product) {
            ("", _) | (_, "") => String::new(),
            (vendor, product) => format!("{vendor}:{product}"),
        };
        Self {
            path,
            port,
            serial: attributes.serial.clone(),
            model,
        }
    }

    /// An id made from all of it, good as a name of a camera.
    pub fn id(&self) -> String {
        let place = if self.port.is_empty() {
            "camera"
        } else {
            "usb"
        };
        let port: String = self
            .port
            .chars()
            .map(|c| if c.is_ascii_digit() { c } else { '-' })
            .take(16)
            .collect();
        let separator = if port.is_empty() { "" } else { "-" };
        let text = [&*self.path, &*self.serial, &*self.model].join("\n");
        format!("{place}{separator}{port}-{:04x}", fold(&text))
    }

    /// Where it is and who it is, for people.
    pub fn location(&self) -> String {
        let mut words = Vec::new();
        if self.port.is_empty() {
            words.push(self.path.clone());
        } else {
            words.push(format!("usb:{}", self.port));
        }
        if !self.model.is_empty() {
            words.push(self.model.clone());
        }
        if !self.serial.is_empty() {
            words.push(format!("serial {}", self.serial));
        }
        words.join(", ")
    }

    /// Whether the serial number tells anything.
    fn has_serial(&self) -> bool {
        let mut bytes = self.serial.bytes();
        let first = bytes.next();
        self.serial.len() >= 4 && bytes.any(|byte| Some(byte) != first)
    }

    fn is_same_device(&self, other: &Self) -> bool {
        self.has_serial() && self.serial == other.serial && self.model == other.model
    }
}

/// A plugged-in camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is known by.
    pub identity: Identity,
    /// Its device node, which changes from plug to plug.
    pub node: std::path::PathBuf,
    /// What it calls itself.
    pub card: String,
}

/// Whether a configured name means this camera.
pub fn is_meant(wanted: &Match, found: &Found) -> bool {
    match wanted {
        Match::Node(node) => *node == found.node,
        Match::Usb(text) => {
            let identity = &found.identity;
            [&identity.serial, &identity.port, &identity.model].contains(&text)
        }
    }
}

/// Gives each found camera its id, in the order of `found`; `None` for one that nobody wants.
///
/// `named` are the names of the configuration, `known` ids given before (named ones included), and
/// `unnamed` says whether cameras without a name are taken at all.
pub fn recognise(
    named: &[(String, Match)],
    known: &[(String, Identity)],
    found: &[Found],
    unnamed: bool,
) -> Vec<Option<String>> {
    let mut ids: Vec<Option<String>> = vec![None; found.len()];
    let meaning = |id: &str| {
        named
            .iter()
            .find(|(name, _)| name == id)
            .map(|(_, wanted)| wanted)
    };
    let take = |ids: &mut Vec<Option<String>>, at: usize, id: &str| {
        let free = ids[at].is_none() && !ids.iter().flatten().any(|taken| taken == id);
        if free {
            ids[at] = Some(id.to_owned());
        }
    };
    // A named camera seen before at this place, as long as the name still means it.
    for (id, identity) in known {
        let place = found.iter().position(|f| f.identity == *identity);
        if let (Some(at), Some(wanted)) = (place, meaning(id))
            && is_meant(wanted, &found[at])
        {
            take(&mut ids, at, id);
        }
    }
    for (name, wanted) in named {
        for (at, camera) in found.iter().enumerate() {
            if is_meant(wanted, camera) {
                take(&mut ids, at, name);
            }
        }
    }
    if !unnamed {
        return ids;
    }
    let others = || known.iter().filter(|(id, _)| meaning(id).is_none());
    for (id, identity) in others() {
        if let Some(at) = found.iter().position(|f| f.identity == *identity) {
            take(&mut ids, at, id);
        }
    }
    for (at, camera) in found.iter().enumerate() {
        let twins = found
            .iter()
            .filter(|f| f.identity.is_same_device(&camera.identity))
            .count();
        let mut moved = others().filter(|(_, old)| old.is_same_device(&camera.identity));
        if let (1, Some((id, _)), None) = (twins, moved.next(), moved.next()) {
            take(&mut ids, at, id);
        }
    }
    for (at, camera) in found.iter().enumerate() {
        let id = camera.identity.id();
        take(&mut ids, at, &id);
        // A name of the configuration, or another camera with the same sixteen bits.
        for number in 2..100 {
            take(&mut ids, at, &format!("{id}-{number}"));
        }
    }
    ids
}

fn is_root_hub(part: &str) -> bool {
    let digits = part.strip_prefix("usb").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// FNV-1a folded to sixteen bits: enough to keep a handful of cameras apart.
#[allow(clippy::cast_possible_truncation, reason = "folded on purpose")]
fn fold(text: &str) -> u16 {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ hash >> 16) as u16
}

#[cfg(test)]
mod tests;
