//! `org.vigla.Metrics1`, the adapter: answers from what others keep.

use tokio::sync::watch;
use vigla_bus::metrics::{HealthItem, Sink};
use vigla_bus::zbus;

use crate::broker::State;
use crate::gather::Gatherer;
use crate::health::Watch;
use crate::metrics::Series;
use crate::outbox::{Outbox, Reason, Standing};

/// The root object.
#[derive(Debug)]
pub struct Metrics {
    /// This node.
    pub node_id: String,
    /// The account of the one sink.
    pub outbox: Outbox,
    /// How it stands.
    pub state: watch::Receiver<State>,
    /// The page of all metrics.
    pub gatherer: Gatherer,
    /// Our own series.
    pub series: Series,
    /// How the device is.
    pub health: Watch,
    /// The last minute of a run that ended badly, as JSON.
    pub black_box: String,
}

#[zbus::interface(name = "org.vigla.Metrics1")]
impl Metrics {
    #[zbus(property)]
    fn node_id(&self) -> String {
        self.node_id.clone()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn sinks(&self) -> Vec<Sink> {
        vec![sink(*self.state.borrow(), &self.outbox.standing())]
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn health(&self) -> Vec<HealthItem> {
        self.health.items()
    }

    fn black_box(&self) -> String {
        self.black_box.clone()
    }

    async fn gather(&self) -> String {
        self.series.follow(&self.outbox.account());
        self.gatherer.page().await
    }
}

/// The one sink as callers see it.
fn sink(state: State, standing: &Standing) -> Sink {
    let account = &standing.account;
    let by = Reason::ALL.map(|reason| (reason.word().to_owned(), account.dropped.by(reason)));
    Sink {
        name: String::from("mqtt"),
        state: state.word().to_owned(),
        accepted: account.accepted,
        sent: account.sent,
        stored: account.stored,
        dropped: account.dropped.total(),
        dropped_by: by.into(),
        bytes: standing.bytes,
        oldest_secs: standing.oldest_secs.unwrap_or(0),
        in_memory: standing.in_memory,
        trouble: standing
            .trouble
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::{Account, Dropped, Trouble};

    #[test]
    fn a_caller_can_add_the_account_up() {
        let standing = Standing {
            account: Account {
                accepted: 26,
                sent: 4,
                stored: 1,
                dropped: Dropped::from_array([1, 2, 3, 4, 5, 6]),
            },
            bytes: 700,
            oldest_secs: Some(9),
            in_memory: 1,
            trouble: Some(Trouble::Full),
        };
        let sink = sink(State::Connected, &standing);
        assert_eq!(sink.dropped, sink.dropped_by.values().sum::<u64>());
        assert_eq!(sink.accepted, sink.sent + sink.stored + sink.dropped);
        assert_eq!((sink.dropped_by["refused"], sink.oldest_secs), (5, 9));
        assert_eq!(sink.trouble, "the disk is full");
    }
}
