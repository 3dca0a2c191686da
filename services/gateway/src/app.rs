//! What every route can reach. Cheap to clone: all of it is shared.

use std::sync::Arc;

use tokio::sync::watch;
use vigla_kit::Context;

use crate::{
    config::Settings, counts::Counts, events::Events, fault::Fault, hub::Hub, hubs::Hubs,
    login::Login, looks::Looks, metrics::Metrics, state::Node, updates::Updates,
};

/// The gateway, seen from a route.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) context: Context,
    pub(crate) settings: Arc<Settings>,
    pub(crate) hubs: Hubs,
    pub(crate) counts: Counts,
    pub(crate) node: watch::Receiver<Arc<Node>>,
    pub(crate) looks: Looks,
    pub(crate) events: Events,
    pub(crate) updates: Updates,
    pub(crate) metrics: Metrics,
    pub(crate) login: Login,
}

impl App {
    /// What is known of the node now.
    pub(crate) fn node(&self) -> Arc<Node> {
        self.looks.look();
        self.node.borrow().clone()
    }

    /// The same with figures that are not old; for that it may wait a moment.
    pub(crate) async fn node_anew(&self) -> Arc<Node> {
        self.looks.look_anew().await;
        self.node.borrow().clone()
    }

    /// The camera called `id`.
    pub(crate) fn camera(&self, id: &str) -> Result<Arc<Hub>, Fault> {
        self.hubs
            .get(id)
            .ok_or_else(|| Fault::NoCamera(id.to_owned()))
    }
}
