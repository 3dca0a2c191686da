//! Pictures over HTTP as they come: live pairs for the page, MJPEG for everybody else.
//!
//! A stream is a body that hyper polls; what it gives is always the newest (see `pace`).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use prometheus::IntGauge;
use serde::Deserialize;
use vigla_bus::names::CAMERA;
use warp::{
    Reply,
    http::{header, header::HeaderValue},
    reply::Response,
};

use crate::{
    app::App,
    fault::Fault,
    hub::{Hub, View},
    multipart::{BOUNDARY, OPENING},
    pace::follow,
    picture::Picture,
};

/// What a client asks for. Unknown parameters are left alone: many viewers add one against caches.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Ask {
    fps: Option<f64>,
    boxes: Option<String>,
    pub(crate) action: Option<String>,
    camera: Option<String>,
}

impl Ask {
    /// The time between two pictures: as asked, but not below what the settings allow.
    fn period(&self, app: &App) -> Result<Duration, Fault> {
        let most = app.settings.stream.frame_rate.get();
        let rate = self.fps.unwrap_or(most);
        if !(0.01..=1000.0).contains(&rate) {
            return Err(Fault::Argument {
                name: "fps",
                expected: "a number of pictures a second from 0.01 to 1000",
            });
        }
        Ok(Duration::from_secs_f64(1.0 / rate.min(most)))
    }

    /// Plain, or with boxes burned in.
    pub(crate) fn view(&self) -> Result<View, Fault> {
        match self.boxes.as_deref() {
            None | Some("0" | "false") => Ok(View::Plain),
            Some("1" | "true" | "") => Ok(View::Burned),
            Some(_) => Err(Fault::Argument {
                name: "boxes",
                expected: "0 or 1",
            }),
        }
    }

    /// The camera that `/stream` and `/snapshot` mean: the one named, else the first.
    pub(crate) fn camera(&self, app: &App) -> Result<Arc<Hub>, Fault> {
        match &self.camera {
            Some(id) => app.camera(id),
            None => first(app),
        }
    }
}

/// The first camera. Without one there is none, or nobody who could know of one.
pub(crate) fn first(app: &App) -> Result<Arc<Hub>, Fault> {
    app.hubs.first().ok_or_else(|| {
        if app.node().present(CAMERA.noun) {
            Fault::NoCameras
        } else {
            Fault::Peer(CAMERA.binary)
        }
    })
}

/// Each shown frame as two parts: what was seen on it, and the frame.
pub(crate) fn live(app: &App, hub: &Arc<Hub>, ask: &Ask) -> Result<Response, Fault> {
    let look = hub.look(View::Paired);
    let parts = app.metrics.parts.clone();
    let open = Open::new(app, "live");
    let mut last = Last::default();
    let pairs = follow(look.shown(), ask.period(app)?, (look, open)).flat_map(move |shown| {
        parts.inc();
        let picture = &shown.picture;
        let pieces = picture.part.pieces(last.is_behind(picture));
        stream::iter(std::iter::once(shown.record.wire.clone()).chain(pieces))
    });
    Ok(multipart("multipart/mixed; boundary=", hub, pairs))
}

/// MJPEG as browsers, players and home automation know it.
pub(crate) fn mjpeg(app: &App, hub: &Arc<Hub>, ask: &Ask) -> Result<Response, Fault> {
    let look = hub.look(ask.view()?);
    let parts = app.metrics.parts.clone();
    let open = Open::new(app, "mjpeg");
    let mut last = Last::default();
    let pictures = follow(look.pictures(), ask.period(app)?, (look, open));
    let pictures = pictures.flat_map(move |picture| {
        parts.inc();
        stream::iter(picture.part.pieces(last.is_behind(&picture)))
    });
    Ok(multipart(MJPEG, hub, pictures))
}

/// The frame that a client got last.
#[derive(Debug, Default)]
struct Last(u64);

impl Last {
    /// Whether the client was given no picture for a while: it takes them slowly, or wants few.
    fn is_behind(&mut self, picture: &Picture) -> bool {
        let before = std::mem::replace(&mut self.0, picture.stamp.frame_id);
        self.0.saturating_sub(before) > FEW
    }
}

/// Frames that even a quick client may miss: the detector answers for every second one.
const FEW: u64 = 2;

/// uStreamer's content type, and mjpg-streamer's.
pub(crate) const MJPEG: &str = "multipart/x-mixed-replace;boundary=";

/// Parts as an answer that ends when the camera is taken out of the configuration.
fn multipart<S>(kind: &str, hub: &Hub, parts: S) -> Response
where
    S: Stream<Item = Bytes> + Send + Sync + 'static,
{
    endless(kind, parts.take_until(hub.gone.clone().cancelled_owned()))
}

/// Parts as an answer.
pub(crate) fn endless<S>(kind: &str, parts: S) -> Response
where
    S: Stream<Item = Bytes> + Send + Sync + 'static,
{
    let opening = stream::iter([Bytes::from_static(OPENING)]);
    let body = opening.chain(parts).map(Ok::<_, std::convert::Infallible>);
    let mut response = warp::reply::stream(body).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&format!("{kind}{BOUNDARY}")) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, must-revalidate, max-age=0"),
    );
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Counts a stream as open until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(IntGauge);

impl Open {
    pub(crate) fn new(app: &App, kind: &str) -> Self {
        let gauge = app.metrics.streams.with_label_values(&[kind]);
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
