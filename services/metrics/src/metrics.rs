//! Every series this daemon has.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::outbox::{Account, Reason};

/// The series of `vigla-metrics`. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Series {
    /// Attempts to connect to the broker.
    pub attempts: IntCounter,
    /// Connections that the broker accepted.
    pub connects: IntCounter,
    /// 1 while connected.
    pub connected: IntGauge,
    /// Detection records read from the rings.
    pub frames: IntCounter,
    /// Detection records that could not be read.
    pub bad_frames: IntCounter,
    /// Events taken from the detector.
    pub events: IntCounter,
    /// Cameras that are counted now.
    pub cameras: IntGauge,
    accepted: IntCounter,
    sent: IntCounter,
    stored: IntGauge,
    dropped: IntCounterVec,
}

impl Series {
    /// Makes and registers all series.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(format!("vigla_metrics_{name}"), help)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("vigla_metrics_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let dropped = Opts::new(
            "vigla_metrics_messages_dropped_total",
            "Messages given up, by reason. Anything above 0 is lost data: a broker away for too long, or a hold too small.",
        );
        let dropped = IntCounterVec::new(dropped, &["reason"])?;
        registry.register(Box::new(dropped.clone()))?;
        Ok(Self {
            attempts: counter(
                "broker_attempts_total",
                "Attempts to connect to the MQTT broker. Rising while not connected: it is away or refuses us.",
            )?,
            connects: counter(
                "broker_connects_total",
                "Connections the MQTT broker accepted. Rising steadily: something cuts them.",
            )?,
            connected: gauge("broker_connected", "1 while connected to the MQTT broker.")?,
            frames: counter(
                "records_total",
                "Detection records read from the rings, one a second and camera.",
            )?,
            bad_frames: counter(
                "bad_records_total",
                "Detection records that could not be read. Any is a bug.",
            )?,
            events: counter("events_total", "Events taken from the detector.")?,
            cameras: gauge("cameras", "Cameras that are counted now.")?,
            accepted: counter(
                "messages_accepted_total",
                "Messages handed to the sink: sent, stored or dropped.",
            )?,
            sent: counter("messages_sent_total", "Messages the broker acknowledged.")?,
            stored: gauge(
                "messages_stored",
                "Messages that wait. Rising: the broker is away or too slow.",
            )?,
            dropped,
        })
    }

    /// Brings the message series up to `account`.
    pub fn follow(&self, account: &Account) {
        catch_up(&self.accepted, account.accepted);
        catch_up(&self.sent, account.sent);
        self.stored
            .set(i64::try_from(account.stored).unwrap_or(i64::MAX));
        for reason in Reason::ALL {
            let counter = self.dropped.with_label_values(&[reason.word()]);
            catch_up(&counter, account.dropped.by(reason));
        }
    }
}

fn catch_up(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_follow_the_account() {
        let registry = Registry::new();
        let series = Series::register(&registry).unwrap();
        for accepted in [3, 7] {
            series.follow(&Account {
                accepted,
                sent: 2,
                stored: 1,
                ..Account::default()
            });
        }
        let page = String::from_utf8(vigla_kit::metrics::text(&registry)).unwrap();
        assert!(
            page.contains("vigla_metrics_messages_accepted_total 7"),
            "{page}"
        );
        assert!(
            page.contains("vigla_metrics_messages_dropped_total{reason=\"full\"} 0"),
            "{page}"
        );
    }
}
