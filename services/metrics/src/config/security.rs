//! How we speak to the broker: the version of MQTT, the session, and `[tls]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use vigla_kit::config::form;
use vigla_kit::{ConfigError, Locator};

/// The version of MQTT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// 3.1.1, which every broker speaks.
    #[default]
    #[serde(rename = "3.1.1")]
    V3,
    /// 5: the broker says of each message why it does not want it.
    #[serde(rename = "5")]
    V5,
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const FORM: &str = "\"3.1.1\" or \"5\"";
        form::text(from, FORM, |text| match text {
            "3.1.1" => Ok(Self::V3),
            "5" => Ok(Self::V5),
            _ => Err(format!("`{text}` is not {FORM}")),
        })
    }
}

/// Whether and with what the connection is encrypted. The files are read at each attempt, so that
/// a renewed certificate needs no restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whether TLS is spoken.
    pub enabled: bool,
    /// Authorities that may vouch for the broker, PEM; empty: those that the system trusts.
    pub ca_file: PathBuf,
    /// Our certificate and those between it and its authority, PEM; empty: none.
    pub certificate_file: PathBuf,
    /// The key of our certificate, PEM.
    pub key_file: PathBuf,
}

impl Tls {
    /// What belongs together is there together.
    pub(super) fn check(&self, at: &Locator) -> Result<(), ConfigError> {
        let given = |path: &Path| !path.as_os_str().is_empty();
        let files = [
            ("tls.ca_file", &self.ca_file),
            ("tls.certificate_file", &self.certificate_file),
            ("tls.key_file", &self.key_file),
        ];
        if let Some((key, _)) = files.iter().find(|(_, path)| given(path))
            && !self.enabled
        {
            return Err(at.error(key, "needs `enabled = true` in `[tls]`"));
        }
        match (given(&self.certificate_file), given(&self.key_file)) {
            (true, false) => Err(at.error("tls.certificate_file", "needs `key_file` too")),
            (false, true) => Err(at.error("tls.key_file", "needs `certificate_file` too")),
            _ => Ok(()),
        }
    }
}
