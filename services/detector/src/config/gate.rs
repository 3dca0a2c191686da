//! When the model need not look.

use serde::{Deserialize, Serialize};
use vigla_kit::config::{HOUR, MINUTE, Ratio, Span};
use vigla_vision::gate;

use super::{ratio, score};

/// The motion gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Whether there is a gate; without, the model looks at every frame.
    pub enabled: bool,
    /// Share of the picture that must move to open it.
    pub area: Ratio,
    /// How much brighter or darker a spot must become to count as moved, share of full white.
    pub contrast: Ratio,
    /// How long it stays open after the last motion.
    pub linger: Span<0, HOUR>,
    /// After so long without motion not even every frame is compared.
    pub calm: Span<0, HOUR>,
    /// Time between two comparisons then.
    pub interval: Span<0, MINUTE>,
    /// The model looks at least this often at a still scene.
    pub heartbeat: Span<100, HOUR>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            enabled: true,
            area: ratio(0.001),
            contrast: ratio(0.055),
            linger: Span::from_secs(1),
            calm: Span::from_secs(3),
            interval: Span::from_millis(350),
            heartbeat: Span::from_secs(10),
        }
    }
}

impl Gate {
    /// The same for the gate itself. One that is switched off needs no motion to be open.
    pub(crate) fn settings(&self) -> gate::Settings {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of 255 fits"
        )]
        let threshold = (self.contrast.get() * 255.0).round() as u8;
        gate::Settings {
            threshold: threshold.max(1),
            area: if self.enabled { score(self.area) } else { 0.0 },
            linger: self.linger.get(),
            calm: self.calm.get(),
            interval: self.interval.get(),
            heartbeat: self.heartbeat.get(),
            ..gate::Settings::default()
        }
    }
}
