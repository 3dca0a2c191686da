//! Every series this daemon has.

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use vigla_bus::updater::RESULTS;

/// The series of `vigla-updater`. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Series {
    /// 1 while a job runs.
    pub busy: IntGauge,
    /// 1 while a version is on trial.
    pub trial: IntGauge,
    installs: IntCounterVec,
}

impl Series {
    /// Makes and registers all series.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("vigla_updater_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let installs = Opts::new(
            "vigla_updater_installs_total",
            "Installations that ended, by result. Anything but done: the bundle or its way here is not right.",
        );
        let installs = IntCounterVec::new(installs, &["result"])?;
        registry.register(Box::new(installs.clone()))?;
        for text in RESULTS {
            installs.with_label_values(&[text.code]);
        }
        Ok(Self {
            busy: gauge("busy", "1 while a bundle is fetched, judged or written.")?,
            trial: gauge(
                "trial",
                "1 while the version that runs has not passed the mission gate yet. Long after a start: it did not.",
            )?,
            installs,
        })
    }

    /// One more has ended.
    pub fn ended(&self, result: &str) {
        self.installs.with_label_values(&[result]).inc();
    }
}
