//! Every series this daemon has.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use vigla_fleet::device::Step;

use crate::driver::Shown;

/// The series of `vigla-enrolment`. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Series {
    state: IntGaugeVec,
    generation: IntGauge,
    stops: IntCounterVec,
}

impl Series {
    /// Makes and registers all series.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let state = Opts::new(
            "vigla_enrolment_state",
            "1 for the state that holds. For days anything but confirmed: somebody should look.",
        );
        let state = IntGaugeVec::new(state, &["state"])?;
        registry.register(Box::new(state.clone()))?;
        for step in Step::ALL {
            state.with_label_values(&[step.word()]).set(0);
        }
        let generation = IntGauge::new(
            "vigla_enrolment_generation",
            "The number of the grant that is held; 0: none. Rising often: the node is let in again and again.",
        )?;
        registry.register(Box::new(generation.clone()))?;
        let stops = Opts::new(
            "vigla_enrolment_stops_total",
            "How often the way into the fleet stopped, by reason.",
        );
        let stops = IntCounterVec::new(stops, &["reason"])?;
        registry.register(Box::new(stops.clone()))?;
        for text in vigla_bus::enrolment::REASONS {
            stops.with_label_values(&[text.code]);
        }
        Ok(Self {
            state,
            generation,
            stops,
        })
    }

    /// What is so now, after `before`.
    pub fn follow(&self, before: &Shown, now: &Shown) {
        for step in Step::ALL {
            let holds = i64::from(step == now.state.step);
            self.state.with_label_values(&[step.word()]).set(holds);
        }
        let generation = i64::try_from(now.generation).unwrap_or(i64::MAX);
        self.generation.set(generation);
        let reason = now.state.reason.word();
        let again = now.state.failures != before.state.failures;
        if !reason.is_empty() && (again || reason != before.state.reason.word()) {
            self.stops.with_label_values(&[reason]).inc();
        }
    }
}
