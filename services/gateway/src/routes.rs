//! Every address that is served, as filters. What an answer is made of stands in `api`,
//! `streams`, `legacy` and `page`.

use std::future::Future;

use warp::{Filter, Rejection, Reply, filters::BoxedFilter, reply::Response};

use crate::{
    api::{self, EventsAsk, HistoryAsk},
    app::App,
    fault::{Fault, recover},
    legacy,
    page::Asset,
    snapshot,
    streams::{self, Ask},
};

/// All routes. Never rejects: what is not served is a problem document.
pub(crate) fn routes(app: &App) -> BoxedFilter<(Response,)> {
    let served = page(app)
        .or(interface(app))
        .unify()
        .or(pictures(app))
        .unify()
        .or(plain(app))
        .unify();
    served.recover(recover).map(Reply::into_response).boxed()
}

/// `/`, `/assets/*`, `/openapi.json`; and `/?action=` as mjpg-streamer has it.
fn page(app: &App) -> BoxedFilter<(Response,)> {
    let index = warp::path::end()
        .and(with(app))
        .and(warp::query::<Ask>())
        .and(if_none_match())
        .then(|app: App, ask: Ask, known: Option<String>| {
            answer(async move { index(&app, &ask, known.as_deref()).await })
        });
    let asset = warp::path!("assets" / String).and(if_none_match()).then(
        |name: String, known: Option<String>| {
            answer(async move {
                let asset = Asset::named(&name).ok_or(Fault::NoRoute)?;
                Ok(asset.answer(known.as_deref()))
            })
        },
    );
    let openapi = warp::path!("openapi.json")
        .and(if_none_match())
        .map(|known: Option<String>| Asset::openapi().answer(known.as_deref()));
    index.or(asset).unify().or(openapi).unify().boxed()
}

async fn index(app: &App, ask: &Ask, known: Option<&str>) -> Result<Response, Fault> {
    match ask.action.as_deref() {
        Some("stream") => streams::mjpeg(app, &ask.camera(app)?, ask),
        Some("snapshot") => snapshot::take(app, &ask.camera(app)?, ask.view()?).await,
        Some(_) => Err(Fault::Argument {
            name: "action",
            expected: "`stream` or `snapshot`",
        }),
        None => Ok(Asset::named("index.html")
            .ok_or(Fault::Internal)?
            .answer(known)),
    }
}

/// `/api/v1/*`.
fn interface(app: &App) -> BoxedFilter<(Response,)> {
    let state = warp::path!("state")
        .and(with(app))
        .then(|app: App| async move { api::state(&app).await });
    let cameras = warp::path!("cameras")
        .and(with(app))
        .then(|app: App| async move { api::cameras(&app).await });
    let camera = warp::path!("cameras" / Segment)
        .and(with(app))
        .then(|id: Segment, app: App| answer(async move { api::camera(&app, &id.0).await }));
    let live = warp::path!("cameras" / Segment / "live")
        .and(with(app))
        .and(warp::query::<Ask>())
        .then(|id: Segment, app: App, ask: Ask| {
            answer(async move { streams::live(&app, &app.camera(&id.0)?, &ask) })
        });
    let events = warp::path!("events")
        .and(with(app))
        .and(warp::query::<EventsAsk>())
        .then(|app: App, ask: EventsAsk| answer(async move { api::events(&app, &ask) }));
    let picture = warp::path!("events" / u64 / "picture")
        .and(with(app))
        .and(if_none_match())
        .then(|id: u64, app: App, known: Option<String>| {
            answer(async move { api::picture(&app, id, known.as_deref()).await })
        });
    let history = warp::path!("history")
        .and(with(app))
        .and(warp::query::<HistoryAsk>())
        .then(|app: App, ask: HistoryAsk| answer(async move { api::history(&app, &ask) }));
    let updates = warp::path!("updates")
        .and(with(app))
        .and(warp::header::optional::<String>("last-event-id"))
        .map(|app: App, last: Option<String>| api::updates(&app, last.as_deref()));
    let reading = state
        .or(cameras)
        .unify()
        .or(camera)
        .unify()
        .or(history)
        .unify();
    let following = live
        .or(events)
        .unify()
        .or(picture)
        .unify()
        .or(updates)
        .unify();
    warp::path!("api" / "v1" / ..)
        .and(reading.or(following).unify())
        .boxed()
}

/// `/stream` and `/snapshot` as uStreamer has them, and both for each camera.
fn pictures(app: &App) -> BoxedFilter<(Response,)> {
    let stream = warp::path!("stream")
        .and(with(app))
        .and(warp::query::<Ask>())
        .then(|app: App, ask: Ask| {
            answer(async move { streams::mjpeg(&app, &ask.camera(&app)?, &ask) })
        });
    let snapshot = warp::path!("snapshot")
        .and(with(app))
        .and(warp::query::<Ask>())
        .then(|app: App, ask: Ask| {
            answer(async move { snapshot::take(&app, &ask.camera(&app)?, ask.view()?).await })
        });
    let camera_stream = warp::path!("cameras" / Segment / "stream")
        .and(with(app))
        .and(warp::query::<Ask>())
        .then(|id: Segment, app: App, ask: Ask| {
            answer(async move { streams::mjpeg(&app, &app.camera(&id.0)?, &ask) })
        });
    let camera_snapshot = warp::path!("cameras" / Segment / "snapshot")
        .and(with(app))
        .and(warp::query::<Ask>())
        .then(|id: Segment, app: App, ask: Ask| {
            answer(async move { snapshot::take(&app, &app.camera(&id.0)?, ask.view()?).await })
        });
    stream
        .or(snapshot)
        .unify()
        .or(camera_stream)
        .unify()
        .or(camera_snapshot)
        .unify()
        .boxed()
}

/// `/metrics`, `/healthz`, and the demo's `/camera_list` and `/camera_frame_feed/<n>`.
fn plain(app: &App) -> BoxedFilter<(Response,)> {
    let metrics = warp::path!("metrics")
        .and(with(app))
        .then(|app: App| async move { api::metrics_page(&app).await });
    let health = warp::path!("healthz")
        .and(with(app))
        .then(|app: App| async move { api::health(&app).await });
    let list = warp::path!("camera_list")
        .and(with(app))
        .map(|app: App| legacy::camera_list(&app).into_response());
    let feed = warp::path!("camera_frame_feed" / usize)
        .and(with(app))
        .then(|number: usize, app: App| answer(async move { legacy::feed(&app, number) }));
    metrics
        .or(health)
        .unify()
        .or(list)
        .unify()
        .or(feed)
        .unify()
        .boxed()
}

/// One segment of a path, with `%xx` decoded: camera ids may hold any character.
#[derive(Debug)]
struct Segment(String);

impl std::str::FromStr for Segment {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
            let decoded = hex.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
            bytes.push(u8::from_str_radix(decoded.ok_or(())?, 16).map_err(|_| ())?);
            rest = &tail[2..];
        }
        String::from_utf8(bytes).map(Self).map_err(|_| ())
    }
}

fn with(
    app: &App,
) -> impl Filter<Extract = (App,), Error = std::convert::Infallible> + Clone + use<> {
    let app = app.clone();
    warp::any().map(move || app.clone())
}

fn if_none_match() -> impl Filter<Extract = (Option<String>,), Error = Rejection> + Copy {
    warp::header::optional::<String>("if-none-match")
}

async fn answer(work: impl Future<Output = Result<Response, Fault>>) -> Response {
    work.await.unwrap_or_else(Fault::into_response)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        let decoded = |text: &str| text.parse::<Segment>().map(|s| s.0);
        assert_eq!(decoded("usb-1.2"), Ok("usb-1.2".to_owned()));
        assert_eq!(decoded("a%20b%2520%2F"), Ok("a b%20/".to_owned()));
        for text in ["%", "%4", "%zz", "%ff", "%+1", "a%"] {
            assert_eq!(decoded(text), Err(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_segment_is_text_or_refused(text in ".{0,60}") {
            let _ = text.parse::<Segment>();
        }
    }
}
