//! What can be set. The manual is `dist/usr/lib/vigla/camera.d/10-default.toml`.
//!
//! Values are parsed into types that cannot be wrong ([`Origin`], [`Size`], [`Polygon`], [`Name`]), so that
//! nothing downstream checks them again.

mod origin;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use vigla_kit::config::{DAY, Rate, Span, form};
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
    pub frozen_after: Span<0, DAY>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auto {
    /// All, as long as no camera is named at all.
    IfNoneNamed,
    /// All, besides those that are named.
    Always,
    /// None.
    Never,
}

impl<'de> Deserialize<'de> for Auto {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const FORM: &str = "\"if-none-named\", \"always\" or \"never\"";
        form::text(from, FORM, |text| match text {
            "if-none-named" => Ok(Self::IfNoneNamed),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("`{text}` is none of {FORM}")),
        })
    }
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
mod tests;
