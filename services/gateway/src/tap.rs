//! Taps: tasks that keep a ring open while somebody looks, and only then.
//!
//! ```text
//!   idle ──somebody looks──► opening ──► open ──nobody for LINGER──► idle
//!                              ▲  │fails      │writer gone
//!                              └──┴─◄─RETRY───┘
//! ```
//!
//! Two taps per camera: one for pictures, one for the detections of each frame. Neither ever
//! fails: a daemon that went away is tried again until nobody looks.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time};
use vigla_bus::zbus;
use vigla_kit::{Context, peer};

use crate::{
    hub::{Hub, Lookers},
    metrics::Metrics,
    multipart::Stamp,
    picture::Picture,
    ring::{News, Ring, RingError},
};

/// How long a ring stays open after the last look, so that one who asks for a snapshot each
/// second does not open it each second.
pub(crate) const LINGER: Duration = Duration::from_secs(3);

/// Between two attempts to open; well below the 2 s in which we are whole again.
const RETRY: Duration = Duration::from_millis(300);

/// A peer that does not answer by then is hung; we try again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which ring a tap is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tap {
    Pictures,
    Records,
}

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("ask for the ring")]
    Ask(#[source] zbus::Error),
    #[error("ask for the ring: no answer within 2 s")]
    Late,
    #[error(transparent)]
    Ring(#[from] RingError),
}

impl Tap {
    /// Runs until the hub is gone.
    pub(crate) async fn run(
        self,
        context: Context,
        metrics: Metrics,
        hub: Arc<Hub>,
    ) -> anyhow::Result<()> {
        let mut lookers = hub.lookers();
        loop {
            lookers.wait_for(|now| self.wanted(*now)).await?;
            match self.open(&context, &hub.id).await {
                Ok(ring) => {
                    tracing::debug!(camera = hub.id, tap = ?self, "ring open");
                    self.follow(ring, &metrics, &hub, &mut lookers).await;
                    tracing::debug!(camera = hub.id, tap = ?self, "ring closed");
                }
                Err(error) => tracing::debug!(camera = hub.id, tap = ?self, ?error, "no ring"),
            }
            if self == Self::Pictures {
                hub.forget();
            }
            if self.wanted(*lookers.borrow()) {
                time::sleep(RETRY).await;
            }
        }
    }

    fn wanted(self, lookers: Lookers) -> bool {
        match self {
            Self::Pictures => lookers.pictures > 0,
            Self::Records => lookers.records > 0,
        }
    }

    async fn open(self, context: &Context, camera: &str) -> Result<Ring, OpenError> {
        let ask = async {
            match self {
                Self::Pictures => peer::open_pictures(context, camera, "jpeg", true).await,
                Self::Records => peer::open_detections(context, camera, true).await,
            }
        };
        let handles = time::timeout(PATIENCE, ask)
            .await
            .map_err(|_| OpenError::Late)?
            .map_err(OpenError::Ask)?;
        Ok(Ring::open(handles)?)
    }

    /// Hands on frames until the writer is gone or nobody looks any more.
    async fn follow(
        self,
        mut ring: Ring,
        metrics: &Metrics,
        hub: &Hub,
        lookers: &mut watch::Receiver<Lookers>,
    ) {
        let abandoned = self.abandoned(lookers.clone());
        tokio::pin!(abandoned);
        self.take(&mut ring, metrics, hub);
        loop {
            let news = tokio::select! {
                news = ring.news() => news,
                () = &mut abandoned => return,
            };
            match news {
                Ok(News::Frame) => self.take(&mut ring, metrics, hub),
                Ok(News::Nothing) => {}
                Ok(News::Gone) => return,
                Err(error) => {
                    tracing::warn!(camera = hub.id, ?error, "ring broken, opening it again");
                    return;
                }
            }
        }
    }

    fn take(self, ring: &mut Ring, metrics: &Metrics, hub: &Hub) {
        let Some(lease) = ring.newest() else { return };
        let meta = lease.meta();
        match self {
            Self::Records => hub.take_record(meta.frame_id, lease.bytes()),
            Self::Pictures => {
                let stamp = Stamp {
                    frame_id: meta.frame_id,
                    time_usec: meta.time_usec,
                };
                match Picture::new(stamp, lease.bytes()) {
                    Some(picture) => {
                        metrics.pictures.inc();
                        hub.take_picture(picture);
                    }
                    None => metrics.damaged.inc(),
                }
            }
        }
    }

    /// Ends when nobody has looked for [`LINGER`].
    async fn abandoned(self, mut lookers: watch::Receiver<Lookers>) {
        loop {
            if lookers.wait_for(|now| !self.wanted(*now)).await.is_err() {
                return;
            }
            let back = lookers.wait_for(|now| self.wanted(*now));
            if time::timeout(LINGER, back).await.is_err() {
                return;
            }
        }
    }
}
