//! One picture, of now.
//!
//! A ring opens when somebody looks, so the first picture takes about a frame's time: while the
//! camera streams, that is worth a wait. While it does not, a wait helps nobody, and a script that
//! asks each second would only pile up: the answer is 503 at once, with the reason, and
//! `Retry-After` says when to come back.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time};
use vigla_bus::names::CAMERA;
use warp::{
    http::{header, header::HeaderValue},
    reply::Response,
};

use crate::{
    app::App,
    fault::Fault,
    hub::{Hub, View},
    picture::Picture,
    state::Node,
};

/// How long a camera that streams is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A picture older than this is not what the camera sees now.
const STALE_USEC: u64 = 5_000_000;

/// Why a camera gives no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Quiet {
    #[error("service `vigla-camera` is not running")]
    NoService,
    #[error("it is starting")]
    Starting,
    #[error("it is unplugged")]
    Absent,
    #[error("it failed and is tried again; `viglactl status` says why")]
    Failed,
    #[error("it streams, but no picture came within {} s", PATIENCE.as_secs())]
    Late,
}

/// The newest picture of `hub`, or why there is none.
pub(crate) async fn take(app: &App, hub: &Arc<Hub>, view: View) -> Result<Response, Fault> {
    let look = hub.look(view);
    let now = app.context.clock.now_usec();
    let (newest, node) = (look.pictures(), app.node.clone());
    let found = tokio::select! {
        // What is here is given, whatever the state says.
        biased;
        picture = recent(newest, now) => picture,
        why = quiet(node, &hub.id) => Err(why),
        () = time::sleep(PATIENCE) => Err(Quiet::Late),
    };
    let picture = found.map_err(|why| Fault::Quiet(hub.id.clone(), why))?;
    app.metrics.parts.inc();
    Ok(jpeg(&picture))
}

/// Waits for a picture that is not stale at `now`.
async fn recent(
    mut newest: watch::Receiver<Option<Arc<Picture>>>,
    now: u64,
) -> Result<Arc<Picture>, Quiet> {
    let fresh = |picture: &Picture| picture.stamp.time_usec.saturating_add(STALE_USEC) > now;
    let found = newest.wait_for(|picture| picture.as_deref().is_some_and(fresh));
    match found.await {
        Ok(picture) => picture.clone().ok_or(Quiet::Late),
        // The camera was taken out of the configuration.
        Err(_) => Err(Quiet::Absent),
    }
}

/// Waits until it is known that `camera` gives no pictures.
async fn quiet(mut node: watch::Receiver<Arc<Node>>, camera: &str) -> Quiet {
    loop {
        if let Some(why) = reason(&node.borrow_and_update(), camera) {
            return why;
        }
        if node.changed().await.is_err() {
            return Quiet::NoService;
        }
    }
}

/// Why `camera` gives no pictures; `None` while it streams, or was not heard of yet.
fn reason(node: &Node, camera: &str) -> Option<Quiet> {
    let camera = node.cameras.get(camera)?;
    if !node.present(CAMERA.noun) {
        return Some(Quiet::NoService);
    }
    match camera.state.as_str() {
        "starting" => Some(Quiet::Starting),
        "absent" => Some(Quiet::Absent),
        "failed" => Some(Quiet::Failed),
        _ => None,
    }
}

fn jpeg(picture: &Picture) -> Response {
    let mut response = Response::new(picture.jpeg().clone().into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-frame-id", picture.stamp.frame_id.into());
    if let Ok(seconds) = HeaderValue::from_str(&picture.stamp.seconds()) {
        headers.insert("x-timestamp", seconds);
    }
    response
}

#[cfg(test)]
mod tests {
    use vigla_bus::camera::CameraState;

    use super::*;
    use crate::state::ServiceState;

    fn node(state: &str, present: bool) -> Node {
        let camera = CameraState {
            state: state.to_owned(),
            ..CameraState::default()
        };
        Node {
            services: vec![ServiceState {
                noun: CAMERA.noun,
                present,
            }],
            cameras: [("front".to_owned(), camera)].into(),
            ..Node::default()
        }
    }

    #[test]
    fn only_a_camera_that_streams_is_waited_for() {
        assert_eq!(reason(&node("streaming", true), "front"), None);
        assert_eq!(reason(&node("streaming", true), "unheard-of"), None);
        for (state, why) in [
            ("starting", Quiet::Starting),
            ("absent", Quiet::Absent),
            ("failed", Quiet::Failed),
        ] {
            assert_eq!(reason(&node(state, true), "front"), Some(why));
        }
        let away = node("streaming", false);
        assert_eq!(reason(&away, "front"), Some(Quiet::NoService));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_hears_that_the_camera_is_gone() {
        let (sender, node_of) = watch::channel(Arc::new(node("streaming", true)));
        let mut heard = std::pin::pin!(quiet(node_of, "front"));
        let early = time::timeout(PATIENCE, &mut heard).await;
        assert!(early.is_err(), "it streams");
        sender.send_replace(Arc::new(node("absent", true)));
        assert_eq!(heard.await, Quiet::Absent);
    }
}
