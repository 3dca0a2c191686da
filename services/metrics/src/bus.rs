//! `org.vigla.Metrics1`, the adapter: answers from what others keep.

use tokio::sync::watch;
use vigla_bus::metrics::Sink;
use vigla_bus::zbus;

use crate::broker::State;
use crate::gather::Gatherer;
use crate::metrics::Series;
use crate::outbox::Outbox;

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
}

#[zbus::interface(name = "org.vigla.Metrics1")]
impl Metrics {
    #[zbus(property)]
    fn node_id(&self) -> String {
        self.node_id.clone()
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn sinks(&self) -> Vec<Sink> {
        let account = self.outbox.account();
        vec![Sink {
            name: String::from("mqtt"),
            state: self.state.borrow().word().to_owned(),
            accepted: account.accepted,
            sent: account.sent,
            stored: account.stored,
            dropped: account.dropped.total(),
        }]
    }

    async fn gather(&self) -> String {
        self.series.follow(&self.outbox.account());
        self.gatherer.page().await
    }
}
