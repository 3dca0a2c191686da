//! The settings of `enrolment.d`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The settings. `dist/usr/lib/vigla/enrolment.d/10-default.toml` is the manual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The file with the claim; empty: the one that systemd hands over.
    pub file: PathBuf,
    /// Where the erasure of the claim is asked for; empty: we rewrite the file.
    pub erase_requests: PathBuf,
    /// Where the number of the board stands.
    pub board_number: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            file: PathBuf::new(),
            erase_requests: PathBuf::from("/run/vigla/act/erase-claim"),
            board_number: PathBuf::from("/sys/firmware/devicetree/base/serial-number"),
        }
    }
}

impl vigla_kit::Settings for Settings {}
