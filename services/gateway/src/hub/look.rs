//! A look at a camera: as long as it exists, the rings that it needs stay open.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Hub, View};
use crate::picture::{Picture, Shown};

/// Somebody looks, until this is dropped.
#[derive(Debug)]
pub(crate) struct Look {
    pub(super) hub: Arc<Hub>,
    pub(super) view: View,
}

impl Look {
    /// Pictures: with boxes when that was asked for, as captured otherwise.
    pub(crate) fn pictures(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        match self.view {
            View::Plain | View::Paired => self.hub.newest.subscribe(),
            View::Burned => self.hub.burned.subscribe(),
        }
    }

    /// Pictures with their detections.
    pub(crate) fn shown(&self) -> watch::Receiver<Option<Arc<Shown>>> {
        self.hub.shown()
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.hub
            .lookers
            .send_modify(|lookers| lookers.change(self.view, -1));
    }
}
