//! The look at the machine, once a minute, on a thread where waiting for a disk holds nobody up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use vigla_bus::metrics::HealthItem;
use vigla_bus::names::METRICS;
use vigla_kit::Context;

use super::writes::{Ledger, written};
use super::{CODES, Figures, Thrift, assess, problems};
use crate::config::Health as Settings;
use crate::host::Host;

const MINUTE: Duration = Duration::from_mins(1);

/// The items of the last look. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Looks>>);

#[derive(Debug, Default)]
struct Looks {
    remembered: Vec<HealthItem>,
    last: Vec<HealthItem>,
}

impl Watch {
    /// The items of the last look, and what is remembered.
    #[must_use]
    pub fn items(&self) -> Vec<HealthItem> {
        let looks = self.lock();
        [looks.last.as_slice(), &looks.remembered].concat()
    }

    /// Adds an item that stays until the daemon ends.
    pub fn remember(&self, item: HealthItem) {
        self.lock().remembered.push(item);
    }

    fn lock(&self) -> MutexGuard<'_, Looks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks until the daemon ends.
    pub(crate) async fn run(
        self,
        context: Context,
        host: Host,
        settings: Settings,
        thrift: Thrift,
    ) -> anyhow::Result<()> {
        let mut tick = interval(MINUTE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ledger = Ledger::default();
        let endurance = Some(settings.endurance_bytes.get()).filter(|bytes| *bytes > 0);
        loop {
            tick.tick().await;
            let host = host.clone();
            let look = tokio::task::spawn_blocking(move || {
                host.with(|probe| (Figures::take(probe, endurance), written(probe)))
            });
            // Held up by a disk, or by who asks for the metrics just now: the next minute will do.
            let Ok(Some((mut figures, written))) = look.await else {
                continue;
            };
            let seconds = Duration::from_micros(context.clock.mono_usec()).as_secs_f64();
            figures.writes = ledger.follow(&written, seconds);
            thrift.follow(ledger.today(METRICS.binary));
            let items = assess(&figures, &settings);
            context.problems.replace(&CODES, problems(&items));
            self.lock().last = items;
        }
    }
}
