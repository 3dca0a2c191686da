//! Every series of the gateway. Cheap to clone: the fields count up shared cells.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};

/// What the gateway counts.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) requests: IntCounterVec,
    pub(crate) request_seconds: Histogram,
    pub(crate) connections: IntGauge,
    pub(crate) refused: IntCounterVec,
    pub(crate) login_refusals: IntCounterVec,
    pub(crate) stalled: IntCounter,
    pub(crate) streams: IntGaugeVec,
    pub(crate) parts: IntCounter,
    pub(crate) pictures: IntCounter,
    pub(crate) damaged: IntCounter,
    pub(crate) burned: IntCounter,
}

/// What was wrong with an attempt to log in: the values of `reason`.
const LOGIN_REFUSALS: [&str; 6] = ["code", "header", "link", "password", "token", "too-early"];

impl Metrics {
    /// Makes all series and registers them.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            IntCounter::new(format!("vigla_gateway_{name}"), help)
                .and_then(|c| register(registry, c))
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(format!("vigla_gateway_{name}"), help), labels)
                .and_then(|c| register(registry, c))
        };
        let seconds = HistogramOpts::new(
            "vigla_gateway_request_duration_seconds",
            "From the head of a request to the head of its answer; bad above 0.5",
        )
        .buckets(vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0]);
        let login_refusals = counters(
            "login_refusals_total",
            "Refused attempts to log in; bad when `password`, `code` or `too-early` grow and nobody mistypes",
            &["reason"],
        )?;
        // There from the start: that nobody was refused is worth knowing.
        for reason in LOGIN_REFUSALS {
            login_refusals.with_label_values(&[reason]);
        }
        Ok(Self {
            login_refusals,
            requests: counters(
                "requests_total",
                "Answered requests; bad when `5xx` grows",
                &["status"],
            )?,
            request_seconds: register(registry, Histogram::with_opts(seconds)?)?,
            connections: register(
                registry,
                IntGauge::new(
                    "vigla_gateway_connections",
                    "Open connections; bad near the limit",
                )?,
            )?,
            refused: counters(
                "refused_total",
                "Connections refused; bad when it grows in daily use",
                &["reason"],
            )?,
            stalled: counter(
                "stalled_total",
                "Clients dropped because they took no data; a few are normal on bad networks",
            )?,
            streams: register(
                registry,
                IntGaugeVec::new(
                    Opts::new("vigla_gateway_streams", "Open streams by kind"),
                    &["kind"],
                )?,
            )?,
            parts: counter("parts_total", "Pictures handed to clients")?,
            pictures: counter(
                "pictures_total",
                "Pictures copied out of rings: once per frame, however many clients look",
            )?,
            damaged: counter(
                "damaged_pictures_total",
                "Pictures that were no JPEG and were left out; bad when it grows",
            )?,
            burned: counter(
                "burned_pictures_total",
                "Pictures decoded and encoded again to burn boxes in",
            )?,
        })
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, one: C) -> prometheus::Result<C> {
    registry.register(Box::new(one.clone()))?;
    Ok(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_house() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.requests.with_label_values(&["2xx"]).inc();
        metrics.refused.with_label_values(&["full"]).inc();
        metrics.streams.with_label_values(&["live"]).inc();
        for family in registry.gather() {
            let (name, counter) = (family.name(), family.get_field_type());
            assert!(name.starts_with("vigla_gateway_"), "{name}");
            let is_counter = counter == prometheus::proto::MetricType::COUNTER;
            assert_eq!(is_counter, name.ends_with("_total"), "{name}");
        }
    }
}
