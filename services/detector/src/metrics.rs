//! Every series this daemon has. Labels are closed sets: the camera's id, a reason, an event kind.

use std::sync::Arc;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// The series, shared by all threads.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Series>);

#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) frames: IntCounterVec,
    pub(crate) inferences: IntCounterVec,
    pub(crate) gate_closed: IntCounterVec,
    pub(crate) errors: IntCounterVec,
    pub(crate) events: IntCounterVec,
    pub(crate) published: IntCounterVec,
    pub(crate) lag: HistogramVec,
    pub(crate) inference: Histogram,
    pub(crate) loads: IntCounterVec,
    pub(crate) model_up: IntGauge,
}

impl std::ops::Deref for Metrics {
    type Target = Series;
    fn deref(&self) -> &Series {
        &self.0
    }
}

const SECONDS: [f64; 11] = [
    0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 2.0,
];

impl Metrics {
    /// Makes the series and enters them into `registry`.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let name = format!("vigla_detector_{name}_total");
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let camera = &["camera"];
        let lag_help = "From capture to record. Bad above a frame time plus an inference.";
        let lag = HistogramOpts::new("vigla_detector_lag_seconds", lag_help);
        let lag = HistogramVec::new(lag.buckets(SECONDS.into()), camera)?;
        registry.register(Box::new(lag.clone()))?;
        let help = "One answer of the model. Bad when its sum grows by almost a second a second.";
        let inference = HistogramOpts::new("vigla_detector_inference_seconds", help);
        let inference = Histogram::with_opts(inference.buckets(SECONDS.into()))?;
        registry.register(Box::new(inference.clone()))?;
        let help = "1 when a model answers, 0 when the engine has none. Bad at 0 unless `truth`.";
        let model_up = IntGauge::new("vigla_detector_model_up", help)?;
        registry.register(Box::new(model_up.clone()))?;
        Ok(Self(Arc::new(Series {
            frames: counter(
                "frames",
                "Frames looked at. Bad when it stands still.",
                camera,
            )?,
            inferences: counter("inferences", "Frames the model looked at.", camera)?,
            gate_closed: counter(
                "gate_closed",
                "Frames without motion, which the model was spared. Bad at 0 on a still scene.",
                camera,
            )?,
            errors: counter(
                "frame_errors",
                "Frames that could not be used, by reason. Bad when it grows.",
                &["camera", "reason"],
            )?,
            events: counter("events", "Events by kind.", &["camera", "kind"])?,
            published: counter(
                "records",
                "Records put into the detection ring, by outcome. Bad: `all-leased`, `too-big`.",
                &["camera", "outcome"],
            )?,
            lag,
            inference,
            loads: counter(
                "model_loads",
                "Attempts to load a model, by result. Bad: anything but `ok` that grows.",
                &["result"],
            )?,
            model_up,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_and_register_once() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.frames.with_label_values(&["front"]).inc();
        metrics.lag.with_label_values(&["front"]).observe(0.01);
        for family in registry.gather() {
            assert!(family.name().starts_with("vigla_detector_"), "{family:?}");
            assert!(!family.help().is_empty());
        }
        assert!(Metrics::new(&registry).is_err());
    }
}
