//! `source = "..."`: one line of text that says where pictures come from.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use vigla_bus::address::conceal;
use vigla_kit::config::form;

use crate::source::replay::url::Address;

/// Where the pictures of a camera come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Origin {
    /// A V4L2 camera, found by what it is or where it is.
    Device(Match),
    /// A file or a folder of JPEGs.
    File(PathBuf),
    /// A network camera.
    Network(Address),
    /// The drawn street.
    Synthetic,
}

/// Which V4L2 camera is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// The one with this device node, whichever that is; a link of udev to it will do.
    Node(PathBuf),
    /// The one with this serial number, port path (`1.2`), or vendor and product (`046d:0825`).
    Usb(String),
}

impl Match {
    /// The same with links followed: udev calls one node by several names.
    #[must_use]
    pub fn resolved(&self) -> Self {
        match self {
            Self::Node(path) => Self::Node(path.canonicalize().unwrap_or_else(|_| path.clone())),
            Self::Usb(_) => self.clone(),
        }
    }
}

impl Origin {
    /// The word on the bus: `v4l2`, `replay`, `rtsp` or `synthetic`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Device(_) => "v4l2",
            Self::File(_) => "replay",
            Self::Network(_) => "rtsp",
            Self::Synthetic => "synthetic",
        }
    }

    /// Where it is, for people; of a file the name, never the folder, of an address no credentials and
    /// no query.
    pub fn location(&self) -> String {
        match self {
            Self::File(path) => path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            Self::Device(_) | Self::Network(_) => self.to_string(),
            Self::Synthetic => "drawn street".to_owned(),
        }
    }
}

impl Origin {
    const FORM: &str = "a source in quotes: valid are `synthetic`, `usb:SERIAL`, `usb:1.2`, \
        `usb:046d:0825`, `/dev/video0`, `rtsp://...`, and a file or folder whose path starts with `/`";

    fn parse(text: &str) -> Result<Self, String> {
        if text == "synthetic" {
            return Ok(Self::Synthetic);
        }
        if let Some(wanted) = text.strip_prefix("usb:") {
            if wanted.is_empty() {
                return Err(
                    "`usb:` wants a serial number, a port path or vendor:product".to_owned(),
                );
            }
            return Ok(Self::Device(Match::Usb(wanted.to_owned())));
        }
        if text.contains("://") {
            return Address::parse(text)
                .map(Self::Network)
                .map_err(|error| format!("the source {error}"));
        }
        let path = PathBuf::from(text);
        if !path.is_absolute() {
            return Err(format!("`{}` is not {}", repeated(text), Self::FORM));
        }
        // Not all below /dev: /dev/shm has files.
        let is_device = path.parent() == Some(Path::new("/dev")) || path.starts_with("/dev/v4l");
        Ok(if is_device {
            Self::Device(Match::Node(path))
        } else {
            Self::File(path)
        })
    }
}

/// What was written, in an answer to it: what looks like an address could hold a password.
fn repeated(text: &str) -> String {
    if text.contains(['@', '?', '=']) {
        conceal(text)
    } else {
        text.to_owned()
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        form::text(from, Self::FORM, Self::parse)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(Match::Node(path)) | Self::File(path) => write!(f, "{}", path.display()),
            Self::Device(Match::Usb(wanted)) => write!(f, "usb:{wanted}"),
            Self::Network(address) => write!(f, "{address}"),
            Self::Synthetic => f.write_str("synthetic"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_from_a_file_by_its_folder() {
        for (text, kind) in [
            ("/dev/video0", "v4l2"),
            ("/dev/v4l/by-id/usb-046d_0825-video-index0", "v4l2"),
            ("/dev/shm/street.mp4", "replay"),
            ("/srv/street.mp4", "replay"),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert_eq!(origin.kind(), kind, "{text}");
        }
    }

    #[test]
    fn the_query_of_an_address_is_shown_nowhere() {
        let origin = Origin::parse("rtsp://h/live?usr=admin&pwd=PWDSECRET1").unwrap();
        for shown in [
            origin.location(),
            origin.to_string(),
            String::from(origin.clone()),
        ] {
            assert_eq!(shown, "rtsp://h/live?...");
        }
        assert!(!format!("{origin:?}").contains("PWDSECRET1"));
    }

    #[test]
    fn an_answer_repeats_no_password() {
        for text in [
            "admin:PWDSECRET1@h/live",
            "h/live?pwd=PWDSECRET1",
            "rtsp:/h/pwd=PWDSECRET1",
        ] {
            let error = Origin::parse(text).unwrap_err();
            assert!(!error.contains("PWDSECRET1"), "{error}");
        }
        let error = Origin::parse("street.mp4").unwrap_err();
        assert!(error.starts_with("`street.mp4` is not "), "{error}");
    }
}
