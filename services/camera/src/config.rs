//! What can be set. The manual is `dist/usr/lib/vigla/camera.d/10-default.toml`.
//!
//! Values are parsed into types that cannot be wrong ([`Origin`], [`Size`], [`Polygon`], [`Name`]), so that
//! nothing downstream checks them again.

mod origin;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vigla_kit::config::{Rate, Span};
use vigla_kit::{ConfigError, Locator};

pub use origin::{Match, Origin};
pub use values::{Name, Polygon, Quality, Size};

/// The settings of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which V4L2 cameras are taken without being named.
    pub auto: Auto,
    /// Greatest size asked of a V4L2 camera, and the size of a synthetic one.
    pub size: Size,
    /// Rate asked of a V4L2 camera, and of a synthetic one.
    pub rate: Rate,
    /// Quality of pictures that are encoded here.
    pub quality: Quality,
    /// An unchanged picture for this long is frozen; zero never is.
    pub frozen_after: Span,
    /// The cameras with names.
    pub camera: BTreeMap<Name, Camera>,
    /// Where the kernel is; only tests have another one.
    pub kernel: Kernel,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auto: Auto::IfNoneNamed,
            size: Size::new(1280, 720).expect("within the range"),
            rate: Rate::new(15.0).expect("within the range"),
            quality: Quality::default(),
            frozen_after: Span::from_secs(20),
            camera: BTreeMap::new(),
            kernel: Kernel::default(),
        }
    }
}

/// Which cameras nobody named are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auto {
    /// All, as long as no camera is named at all.
    IfNoneNamed,
    /// All, besides those that are named.
    Always,
    /// None.
    Never,
}

/// One named camera.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// Where its pictures come from.
    pub source: Origin,
    /// What people call it; the name when empty.
    #[serde(default)]
    pub label: String,
    /// File with `user:password` for a network camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// Its own size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Its own rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// What nobody may see, burned in before anybody else reads.
    #[serde(default)]
    pub masks: Vec<Polygon>,
}

/// Where to find what the kernel offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kernel {
    /// The root of sysfs.
    pub sysfs: PathBuf,
    /// The folder of device nodes.
    pub dev: PathBuf,
    /// A Unix datagram socket for uevents instead of the kernel's own; empty is the kernel's.
    pub uevents: PathBuf,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            sysfs: "/sys".into(),
            dev: "/dev".into(),
            uevents: PathBuf::new(),
        }
    }
}

impl vigla_kit::Settings for Settings {
    fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        for (name, camera) in &self.camera {
            if camera.credentials.is_some() && !matches!(camera.source, Origin::Network(_)) {
                return Err(at.error(
                    &format!("camera.{name}.credentials"),
                    "only a network camera (`rtsp://...`) has credentials",
                ));
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Whether V4L2 cameras without a name are taken.
    pub fn takes_unnamed(&self) -> bool {
        match self.auto {
            Auto::Always => true,
            Auto::Never => false,
            Auto::IfNoneNamed => self.camera.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANUAL: &str = include_str!("../dist/usr/lib/vigla/camera.d/10-default.toml");

    #[test]
    fn the_manual_is_the_default_and_names_every_key() {
        let manual: Settings = toml::from_str(MANUAL).unwrap();
        assert_eq!(manual, Settings::default());
        let shown = toml::to_string(&Settings::default()).unwrap();
        let keys = shown.lines().filter_map(|line| line.split_once(" = "));
        for (key, _) in keys {
            assert!(MANUAL.contains(&format!("{key} = ")), "{key}");
        }
        for key in ["source", "label", "credentials", "size", "rate", "masks"] {
            assert!(MANUAL.contains(&format!("#{key} = ")), "{key}");
        }
    }

    #[test]
    fn reads_every_kind_of_source() {
        let text = r#"
            [camera.front]
            source = "usb:046d:0825"
            masks = [[[0, 0], [0.5, 0], [0, 0.5]]]
            [camera.door]
            source = "/dev/video2"
            [camera.clip]
            source = "/srv/street.mp4"
            size = "640x360"
            [camera.gate]
            source = "rtsp://10.0.0.9/live"
            credentials = "/etc/vigla/gate.credentials"
            [camera.demo]
            source = "synthetic"
        "#;
        let settings: Settings = toml::from_str(text).unwrap();
        let kinds: Vec<_> = settings.camera.values().map(|c| c.source.kind()).collect();
        assert_eq!(kinds, ["replay", "synthetic", "v4l2", "v4l2", "rtsp"]);
        assert!(!settings.takes_unnamed());
    }

    #[test]
    fn says_what_is_wrong_and_what_is_right() {
        for (text, says) in [
            ("auto = \"maybe\"", "if-none-named"),
            ("size = \"wide\"", "1280x720"),
            ("size = \"10x10\"", "16 to 8192"),
            ("quality = 0", "1 to 100"),
            ("[camera.Front]\nsource = \"synthetic\"", "lower-case"),
            ("[camera.a]\nsource = \"street.mp4\"", "starts with `/`"),
            ("[camera.a]\nsource = \"rtsp://u:p@h/x\"", "credentials"),
            ("[camera.a]\nlabel = \"x\"", "missing field `source`"),
            (
                "[camera.a]\nsource = \"synthetic\"\nmasks = [[[0, 0], [1, 1]]]",
                "3 to 64 corners",
            ),
            (
                "[camera.a]\nsource = \"synthetic\"\nmasks = [[[0, 0], [2, 1], [0, 1]]]",
                "0.0 to 1.0",
            ),
            (
                "[camera.a]\nsource = \"synthetic\"\nfps = 3",
                "unknown field `fps`",
            ),
        ] {
            let error = toml::from_str::<Settings>(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
