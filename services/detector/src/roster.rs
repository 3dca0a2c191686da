//! Follows the cameras: an eye for each, and for each eye a ring, opened again when it is lost.
//!
//! An eye stays while its camera is unplugged or the camera service is away, so its tracks, totals
//! and readers survive; it ends only when the service is there and has not named the camera for a
//! minute.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigla_bus::Problem;
use vigla_bus::names::CAMERA;
use vigla_frames::Reader;
use vigla_kit::Context;
use vigla_kit::peer::{self, Roster};

/// A camera not named for so long is forgotten.
const FORGET: Duration = Duration::from_mins(1);
/// Between two attempts to open a ring that was refused (no frame yet, daemon starting).
const RETRY: Duration = Duration::from_millis(300);
/// So long the camera service may take to appear before it is missed.
const GRACE: Duration = Duration::from_secs(2);

/// What the cameras that there are need to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// No camera is known yet.
    Unknown,
    /// Only the truth that synthetic pictures carry.
    Truth,
    /// A model.
    Model,
}

/// What an eye is born with: where readers arrive, and whom it tells that its ring is gone.
pub(crate) struct Nerve {
    pub(crate) readers: std::sync::mpsc::Receiver<Reader>,
    pub(crate) lost: mpsc::UnboundedSender<()>,
}

/// An eye that is open.
struct Open {
    synthetic: bool,
    /// Since when the camera service, which is there, does not name it.
    missing: Option<Instant>,
    closed: CancellationToken,
}

/// Opens and closes eyes as cameras come and go. `open_eye` starts the thread of one; `needed`
/// learns whether any camera needs a model.
pub(crate) async fn follow(
    context: Context,
    mut roster: watch::Receiver<Roster>,
    needs_model: impl Fn(bool) -> bool,
    needed: watch::Sender<Need>,
    open_eye: impl Fn(&str, bool, Nerve) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut eyes: BTreeMap<String, Open> = BTreeMap::new();
    loop {
        let now = roster.borrow_and_update().clone();
        miss_peer(&context, now.present || start.elapsed() < GRACE);
        for (id, camera) in &now.cameras {
            let synthetic = camera.source == "synthetic";
            let eye = eyes.get_mut(id).filter(|eye| eye.synthetic == synthetic);
            if let Some(eye) = eye {
                eye.missing = None;
                continue;
            }
            // A camera of another kind under the same id: the old eye's thread ends by itself.
            eyes.remove(id).inspect(|old| old.closed.cancel());
            let closed = CancellationToken::new();
            let (readers, nerve, lost) = nerve();
            if let Err(error) = open_eye(id, synthetic, nerve) {
                tracing::error!(camera = id, error = %format!("{error:#}"), "not looked at");
                continue;
            }
            let feeding = feed(context.clone(), id.clone(), roster.clone(), readers, lost);
            context.spawn("ring of a camera", until(closed.clone(), feeding));
            let eye = Open {
                synthetic,
                missing: None,
                closed,
            };
            eyes.insert(id.clone(), eye);
        }
        if now.present {
            forget(&mut eyes, &now);
        }
        needed.send_replace(match need(&eyes, &needs_model) {
            // Without a camera a model is loaded beforehand, but not before the cameras had time
            // to say that they are all synthetic.
            Need::Unknown if start.elapsed() >= GRACE && needs_model(false) => Need::Model,
            need => need,
        });
        status(&context, eyes.len());
        tokio::select! {
            changed = roster.changed() => if changed.is_err() { return Ok(()) },
            () = tokio::time::sleep(GRACE), if start.elapsed() < GRACE => {}
            () = tokio::time::sleep(FORGET), if eyes.keys().any(|id| !now.cameras.contains_key(id)) => {}
        }
    }
}

fn need(eyes: &BTreeMap<String, Open>, needs_model: impl Fn(bool) -> bool) -> Need {
    if eyes.values().any(|eye| needs_model(eye.synthetic)) {
        Need::Model
    } else if eyes.is_empty() && needs_model(false) {
        Need::Unknown
    } else {
        Need::Truth
    }
}

fn miss_peer(context: &Context, fine: bool) {
    let missing = (!fine).then(|| Problem::new("no-peer", CAMERA.binary));
    let missing = missing.into_iter().collect();
    context.problems.replace(&["no-peer"], missing);
}

fn status(context: &Context, eyes: usize) {
    let text = match eyes {
        0 => "no camera to look at yet".to_owned(),
        1 => "looking at 1 camera".to_owned(),
        n => format!("looking at {n} cameras"),
    };
    context.status(&text);
}

fn forget(eyes: &mut BTreeMap<String, Open>, now: &Roster) {
    eyes.retain(|id, eye| {
        let mut missing = || eye.missing.get_or_insert_with(Instant::now).elapsed();
        let keep = now.cameras.contains_key(id) || missing() < FORGET;
        if !keep {
            eye.closed.cancel();
            tracing::info!(camera = id, "no longer there");
        }
        keep
    });
}

fn nerve() -> (SyncSender<Reader>, Nerve, mpsc::UnboundedReceiver<()>) {
    // One place: the next ring is opened only after the eye has lost the one before.
    let (sender, readers) = sync_channel(1);
    let (lost, losses) = mpsc::unbounded_channel();
    (sender, Nerve { readers, lost }, losses)
}

async fn until(
    closed: CancellationToken,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    tokio::select! {
        () = closed.cancelled() => Ok(()),
        result = work => result,
    }
}

/// Keeps one eye supplied with a ring. Dropping `readers` is what ends the eye's thread.
async fn feed(
    context: Context,
    id: String,
    mut roster: watch::Receiver<Roster>,
    readers: SyncSender<Reader>,
    mut lost: mpsc::UnboundedReceiver<()>,
) -> anyhow::Result<()> {
    loop {
        let streams = |roster: &Roster| {
            let camera = roster.cameras.get(&id);
            camera.is_some_and(|camera| camera.state == "streaming")
        };
        let streaming = roster.wait_for(streams).await.map(|now| now.generation);
        let Ok(generation) = streaming else {
            return Ok(());
        };
        match open(&context, &id).await {
            // Full means that the eye has yet to find that the one before is dead as well.
            Ok(reader) => drop(readers.try_send(reader)),
            Err(error) => {
                tracing::debug!(camera = id, error = %format!("{error:#}"), "no ring yet");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        }
        // A restarted service has new rings, whether or not the eye has noticed yet.
        tokio::select! {
            said = lost.recv() => if said.is_none() { return Ok(()) },
            gone = roster.wait_for(|now| now.present && now.generation != generation) => {
                if gone.is_err() { return Ok(()) }
            }
        }
        while lost.try_recv().is_ok() {}
    }
}

async fn open(context: &Context, id: &str) -> anyhow::Result<Reader> {
    let handles = peer::open_pictures(context, id, "native", true).await?;
    let (ring, leases) = (handles.ring.into(), handles.leases.into());
    Ok(Reader::open(ring, leases, handles.wakeup.into())?)
}
