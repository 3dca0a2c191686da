//! Following peers on the bus: who is there, which cameras there are, and their rings.
//!
//! A peer may vanish and return at any time. A follower never fails: it says "absent" and goes on
//! watching, and each return has a new generation, so that readers know to open their rings again.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use vigla_bus::camera::{self, CameraProxy, CameraState, RingHandles};
use vigla_bus::detector::DetectorProxy;
use vigla_bus::names::{CAMERA, Service, camera_path};
use vigla_bus::zbus::{self, MatchRule, MessageStream, Variant, fdo, message};

use crate::Context;

/// Changes within this time are read once.
const SETTLE: Duration = Duration::from_millis(20);
/// After a failed read, try again although nothing was signalled.
const RETRY: Duration = Duration::from_secs(1);

/// What the camera service offers now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roster {
    /// Whether the camera service is on the bus.
    pub present: bool,
    /// Rises each time the camera service starts; rings of an earlier generation are dead.
    pub generation: u64,
    /// The cameras by id.
    pub cameras: BTreeMap<String, CameraState>,
}

/// Follows whether `service` is on the bus: `None` while absent, else a number that rises with
/// each start.
pub fn presence(context: &Context, service: Service) -> watch::Receiver<Option<u64>> {
    let (sender, receiver) = watch::channel(None);
    let task = follow_name(context.clone(), service, sender);
    context.spawn("presence of a peer", task);
    receiver
}

async fn follow_name(
    context: Context,
    service: Service,
    sender: watch::Sender<Option<u64>>,
) -> anyhow::Result<()> {
    let bus = fdo::DBusProxy::new(&context.signals).await?;
    let mut changes = bus
        .receive_name_owner_changed_with_args(&[(0, service.name)])
        .await?;
    let name = zbus::names::BusName::try_from(service.name)?;
    let mut generation = 0;
    if bus.name_has_owner(name).await.unwrap_or(false) {
        generation += 1;
        sender.send_replace(Some(generation));
    }
    while let Some(change) = changes.next().await {
        let Ok(args) = change.args() else { continue };
        let there = args.new_owner().is_some();
        generation += u64::from(there);
        sender.send_replace(there.then_some(generation));
        tracing::debug!(peer = service.noun, there, "peer");
    }
    Ok(())
}

/// Follows the cameras of `org.vigla.Camera1`.
pub fn cameras(context: &Context) -> watch::Receiver<Roster> {
    let (sender, receiver) = watch::channel(Roster::default());
    let here = presence(context, CAMERA);
    context.spawn(
        "camera roster",
        follow_cameras(context.clone(), here, sender),
    );
    receiver
}

async fn follow_cameras(
    context: Context,
    mut here: watch::Receiver<Option<u64>>,
    sender: watch::Sender<Roster>,
) -> anyhow::Result<()> {
    // Everything the camera service signals below its root: objects that come and go, properties.
    let rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender(CAMERA.name)
        .path_namespace(CAMERA.path)
        .build()?;
    let mut signals =
        MessageStream::for_match_rule(rule, &context.signals, NonZeroUsize::new(64)).await?;
    loop {
        let generation = *here.borrow_and_update();
        let roster = read(&context, generation).await;
        let again = roster.is_none();
        if let Some(roster) = roster {
            sender.send_if_modified(|old| {
                let changed = *old != roster;
                *old = roster;
                changed
            });
        }
        tokio::select! {
            changed = here.changed() => changed?,
            signal = signals.next() => if signal.is_none() { return Ok(()) },
            () = tokio::time::sleep(RETRY), if again => {}
        }
        // A start brings a burst of signals: let it settle, then read once.
        let settled = tokio::time::sleep(SETTLE);
        tokio::pin!(settled);
        loop {
            tokio::select! {
                () = &mut settled => break,
                signal = signals.next() => if signal.is_none() { return Ok(()) },
            }
        }
    }
}

/// The roster now, or `None` when the service is there but does not answer.
async fn read(context: &Context, generation: Option<u64>) -> Option<Roster> {
    let Some(generation) = generation else {
        return Some(Roster::default());
    };
    let result = async {
        let manager = fdo::ObjectManagerProxy::builder(&context.calls)
            .destination(CAMERA.name)
            .path(CAMERA.path)
            .build()
            .await?;
        manager
            .get_managed_objects()
            .await
            .map_err(zbus::Error::from)
    };
    let objects = match result.await {
        Ok(objects) => objects,
        Err(error) => {
            tracing::debug!(%error, "cannot read the cameras, trying again");
            return None;
        }
    };
    let cameras = objects
        .into_values()
        .filter_map(|interfaces| {
            let (_, properties) = interfaces
                .into_iter()
                .find(|(name, _)| name.as_str() == camera::INTERFACE)?;
            let state = CameraState::from_properties(&properties);
            Some((state.id.clone(), state))
        })
        .collect();
    Some(Roster {
        present: true,
        generation,
        cameras,
    })
}

/// Opens a ring of camera `id` for one more reader; see `org.vigla.Camera1.Camera.Open`.
pub async fn open_pictures(
    context: &Context,
    id: &str,
    encoding: &str,
    wakeups: bool,
) -> zbus::Result<RingHandles> {
    let camera = CameraProxy::builder(&context.calls)
        .path(camera_path(id))
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    camera.open(encoding, options(wakeups)).await
}

/// Opens the detection ring of camera `id`; see `org.vigla.Detector1.Open`.
pub async fn open_detections(
    context: &Context,
    id: &str,
    wakeups: bool,
) -> zbus::Result<RingHandles> {
    let detector = DetectorProxy::builder(&context.calls)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    detector.open(id, options(wakeups)).await
}

fn options(wakeups: bool) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("wakeups", Variant::from(wakeups))])
}
