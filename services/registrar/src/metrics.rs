//! Every series of the registrar.

use anyhow::Context as _;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use vigla_fleet::wire::Answer;

/// The series.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    answers: IntCounterVec,
    certificates: IntCounterVec,
    pub(crate) seconds: Histogram,
    pub(crate) requests: IntCounter,
    pub(crate) joined: IntCounter,
    pub(crate) collected: IntCounter,
    pub(crate) connections: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let registry = Registry::new();
        let answers = IntCounterVec::new(
            Opts::new(
                "vigla_registrar_answers_total",
                "Answers to devices, by the word of the answer.",
            ),
            &["answer"],
        )?;
        let certificates = IntCounterVec::new(
            Opts::new(
                "vigla_registrar_certificates_total",
                "Requests for certificates of nodes, by decision.",
            ),
            &["decision"],
        )?;
        let seconds = Histogram::with_opts(
            HistogramOpts::new(
                "vigla_registrar_answer_seconds",
                "How long an answer to a device took.",
            )
            .buckets(vec![
                0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ]),
        )?;
        let counter = |name: &str, help: &str| IntCounter::new(name, help);
        let requests = counter(
            "vigla_registrar_api_requests_total",
            "Requests to the API server.",
        )?;
        let joined = counter(
            "vigla_registrar_joined_total",
            "Nodes that were ready for the first time after a grant.",
        )?;
        let collected = counter(
            "vigla_registrar_collected_total",
            "Objects of enrolments that nobody went on with, cleared away.",
        )?;
        let connections = IntGauge::new(
            "vigla_registrar_connections",
            "Open connections of devices.",
        )?;
        let metrics = Self {
            registry,
            answers,
            certificates,
            seconds,
            requests,
            joined,
            collected,
            connections,
        };
        metrics.register().context("register the metrics")?;
        Ok(metrics)
    }

    fn register(&self) -> prometheus::Result<()> {
        let all: [Box<dyn prometheus::core::Collector>; 7] = [
            Box::new(self.answers.clone()),
            Box::new(self.certificates.clone()),
            Box::new(self.seconds.clone()),
            Box::new(self.requests.clone()),
            Box::new(self.joined.clone()),
            Box::new(self.collected.clone()),
            Box::new(self.connections.clone()),
        ];
        all.into_iter()
            .try_for_each(|one| self.registry.register(one))
    }

    pub(crate) fn answered(&self, answer: &Answer) {
        let word = match answer {
            Answer::Grant { .. } => "grant",
            Answer::Wait { .. } => "wait",
            Answer::Refused { word, .. } => word.word(),
        };
        self.answers.with_label_values(&[word]).inc();
    }

    pub(crate) fn decided(&self, decision: &str) {
        self.certificates.with_label_values(&[decision]).inc();
    }
}
