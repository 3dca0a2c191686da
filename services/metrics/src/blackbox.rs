//! The last minute of figures and events, for after a crash.
//!
//! Once a second, and seldom while no camera has pictures, a slot of a ring of sixty is written to a file in the runtime folder, which is memory: it
//! outlives the service and never waits for a disk. Once a minute the ring is copied to the state folder, for when the
//! machine itself goes. Both are removed at an orderly end; so what a start finds there is the last minute of a run
//! that ended badly, and is kept until the next one does. The reasons are in ADR 0015.

pub mod ring;
mod second;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use vigla_bus::metrics::HealthItem;
use vigla_kit::clock::rfc3339;

use ring::Ring;
pub use second::{Meter, Second};

/// The ring in the runtime folder, and its copy in the state folder.
const RING: &str = "blackbox";
/// The last minute of the last run that ended badly.
const KEPT: &str = "blackbox.json";

/// What is known of a run that ended badly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wreck {
    /// `service` when it was killed or crashed, `machine` when power or kernel went.
    pub ended: String,
    /// The last second that is known, microseconds since the epoch.
    pub ended_usec: u64,
    /// The boot in which it was.
    pub boot_id: String,
    /// At most sixty, oldest first.
    pub seconds: Vec<Second>,
}

impl Wreck {
    /// As an item of health: a notice, since the node goes on.
    #[must_use]
    pub fn notice(&self) -> HealthItem {
        #[allow(clippy::cast_precision_loss, reason = "seconds")]
        let value = (self.ended_usec / 1_000_000) as f64;
        HealthItem {
            name: String::from("last-run"),
            subject: self.ended.clone(),
            state: String::from("notice"),
            value,
            limit: 0.0,
        }
    }
}

/// Where the files are.
#[derive(Debug, Clone)]
pub struct Places {
    runtime: PathBuf,
    state: PathBuf,
}

impl Places {
    /// In these two folders.
    #[must_use]
    pub fn new(runtime: &Path, state: &Path) -> Self {
        Self {
            runtime: runtime.to_owned(),
            state: state.to_owned(),
        }
    }

    /// What the last run left, if it ended badly; kept from now on as the last one that did.
    #[must_use]
    pub fn find(&self, boot_id: &str) -> Option<Wreck> {
        let here = ring::read(&self.runtime.join(RING));
        let found = here.or_else(|| ring::read(&self.state.join(RING)))?;
        let last = found.seconds.last()?;
        let wreck = Wreck {
            ended: if found.boot_id == boot_id {
                "service"
            } else {
                "machine"
            }
            .to_owned(),
            ended_usec: last.time_usec,
            boot_id: found.boot_id.clone(),
            seconds: found.seconds,
        };
        let text = serde_json::to_vec(&wreck).unwrap_or_default();
        if let Err(error) = vigla_kit::atomic::write(&self.state.join(KEPT), &text) {
            tracing::warn!(%error, "cannot keep the black box, going on without");
        }
        tracing::warn!(
            ended = %wreck.ended,
            at = %rfc3339(wreck.ended_usec),
            "the last run ended badly, its last minute is kept as `BlackBox`"
        );
        Some(wreck)
    }

    /// The last minute that is kept, as JSON; `{}` when there is none.
    #[must_use]
    pub fn kept(&self) -> String {
        std::fs::read_to_string(self.state.join(KEPT)).unwrap_or_else(|_| String::from("{}"))
    }
}

/// Writes down each second until it is dropped, which is an orderly end.
#[derive(Debug)]
pub struct BlackBox {
    places: Places,
    ring: Option<Ring>,
    copying: Arc<AtomicBool>,
    /// When the ring was last copied, microseconds since boot.
    copied_usec: Option<u64>,
}

/// Time between two copies, in microseconds.
const MINUTE_USEC: u64 = 60_000_000;

impl BlackBox {
    /// Begins anew. A folder that cannot be written is said once; nothing is written down then.
    #[must_use]
    pub fn begin(places: Places, boot_id: &str) -> Self {
        let path = places.runtime.join(RING);
        let ring = match Ring::create(&path, boot_id) {
            Ok(ring) => Some(ring),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "no black box, going on without");
                None
            }
        };
        Self {
            places,
            ring,
            copying: Arc::default(),
            copied_usec: None,
        }
    }

    /// Writes a second down; each minute, a copy on a thread of its own.
    pub fn write(&mut self, second: &Second) {
        let Some(ring) = &mut self.ring else { return };
        if let Err(error) = ring.write(second) {
            tracing::debug!(%error, "cannot write the black box");
        }
        let copied = *self.copied_usec.get_or_insert(second.mono_usec);
        let due = second.mono_usec.saturating_sub(copied) >= MINUTE_USEC;
        if due && !self.copying.swap(true, Ordering::AcqRel) {
            self.copied_usec = Some(second.mono_usec);
            let (places, copying) = (self.places.clone(), self.copying.clone());
            tokio::task::spawn_blocking(move || {
                let bytes = std::fs::read(places.runtime.join(RING));
                let copied = bytes
                    .and_then(|bytes| vigla_kit::atomic::write(&places.state.join(RING), &bytes));
                if let Err(error) = copied {
                    tracing::debug!(%error, "cannot copy the black box");
                }
                copying.store(false, Ordering::Release);
            });
        }
    }
}

impl Drop for BlackBox {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for folder in [&self.places.runtime, &self.places.state] {
                let _ = std::fs::remove_file(folder.join(RING));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(i: u64) -> Second {
        Second {
            time_usec: i * 1_000_000,
            cpu: 0.5,
            notes: vec![format!("n{i}")],
            ..Second::default()
        }
    }

    #[tokio::test]
    async fn a_killed_service_and_a_lost_machine_leave_their_last_minute() {
        let root = tempfile::tempdir().unwrap();
        let (runtime, state) = (root.path().join("run"), root.path().join("lib"));
        for folder in [&runtime, &state] {
            std::fs::create_dir(folder).unwrap();
        }
        let places = Places::new(&runtime, &state);
        assert_eq!(places.find("a"), None);
        assert_eq!(places.kept(), "{}");

        let mut killed = BlackBox::begin(places.clone(), "a");
        for i in 1..=70 {
            killed.write(&second(i));
        }
        std::mem::forget(killed);
        let wreck = places.find("a").unwrap();
        assert_eq!((wreck.ended.as_str(), wreck.seconds.len()), ("service", 60));
        assert_eq!(
            (wreck.seconds[0].time_usec, wreck.ended_usec),
            (11_000_000, 70_000_000)
        );
        assert!(places.kept().contains("n70"), "{}", places.kept());

        // The machine went: what is in memory is gone, the copy of the last minute is not.
        std::fs::copy(runtime.join(RING), state.join(RING)).unwrap();
        std::fs::remove_file(runtime.join(RING)).unwrap();
        assert_eq!(places.find("b").unwrap().ended, "machine");

        drop(BlackBox::begin(places.clone(), "b"));
        assert_eq!(places.find("b"), None);
        assert!(places.kept().contains("machine"), "{}", places.kept());
    }
}
