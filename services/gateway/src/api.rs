//! The JSON interface, server-sent events, metrics and health. Described in `openapi.json`; a
//! test holds every answer against it.

use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use vigla_bus::names::METRICS;
use warp::{
    Reply,
    http::{StatusCode, header, header::HeaderValue},
    reply::Response,
};

use crate::{
    app::App,
    events::{self, Events},
    fault::Fault,
    history::KEPT_MINUTES,
    node::{metrics, patiently},
    streams::Open,
    updates::{Mark, Update},
};

/// Parameters of `/api/v1/events`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct EventsAsk {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    camera: Option<String>,
}

/// Parameters of `/api/v1/history`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct HistoryAsk {
    minutes: Option<usize>,
    camera: Option<String>,
}

/// An answer that is never kept.
pub(crate) fn json<T: Serialize>(value: &T) -> Response {
    let mut response = warp::reply::json(value).into_response();
    no_store(&mut response);
    response
}

pub(crate) async fn state(app: &App) -> Response {
    json(&app.node_anew().await.state(&app.counts))
}

pub(crate) async fn cameras(app: &App) -> Response {
    let node = app.node_anew().await;
    json(&serde_json::json!({ "cameras": node.cameras(&app.counts) }))
}

pub(crate) async fn camera(app: &App, id: &str) -> Result<Response, Fault> {
    let cameras = app.node_anew().await.cameras(&app.counts);
    let camera = cameras.iter().find(|camera| camera.id() == id);
    camera
        .map(json)
        .ok_or_else(|| Fault::NoCamera(id.to_owned()))
}

pub(crate) fn events(app: &App, ask: &EventsAsk) -> Result<Response, Fault> {
    let limit = ask.limit.unwrap_or(100);
    if !(1..=events::KEPT).contains(&limit) {
        return Err(Fault::Argument {
            name: "limit",
            expected: "a number from 1 to 500",
        });
    }
    let events = app.events.after(ask.after, limit, ask.camera.as_deref());
    Ok(json(&serde_json::json!({ "events": events })))
}

/// The picture of an event, while there is one: a browser that has it asks each time.
pub(crate) async fn picture(app: &App, id: u64, known: Option<&str>) -> Result<Response, Fault> {
    let tag = app.events.mark(id).map(|mark| format!("\"{mark}\""));
    let picture = Events::picture(&app.context, id).await?;
    let unchanged = known.is_some() && tag.as_deref() == known;
    let body = if unchanged { Bytes::new() } else { picture };
    let mut response = Response::new(body.into());
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

pub(crate) fn history(app: &App, ask: &HistoryAsk) -> Result<Response, Fault> {
    let minutes = ask.minutes.unwrap_or(60);
    if !(1..=KEPT_MINUTES).contains(&minutes) {
        return Err(Fault::Argument {
            name: "minutes",
            expected: "a number from 1 to 1440",
        });
    }
    let now = app.context.clock.now_usec() / 1_000_000;
    let minutes = app.counts.history(ask.camera.as_deref(), now, minutes);
    Ok(json(&serde_json::json!({ "minutes": minutes })))
}

/// Server-sent events: the state, what was missed since `last`, and then what comes.
pub(crate) fn updates(app: &App, last: Option<&str>) -> Response {
    let missed = last
        .and_then(Mark::parse)
        .map_or_else(Vec::new, |mark| app.events.since(mark));
    app.looks.look();
    let (node, counts) = (app.node.clone(), app.counts.clone());
    let state = move || {
        let state = node.borrow().state(&counts);
        Update::State(Box::new(state)).wire()
    };
    let updates = app
        .updates
        .listen(Box::new(state), missed, Open::new(app, "updates"));
    let body = updates.map(Ok::<_, std::convert::Infallible>);
    let mut response = warp::reply::stream(body).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    no_store(&mut response);
    response
}

/// The metrics of the node as `vigla-metrics` gathers them, else our own.
pub(crate) async fn metrics_page(app: &App) -> Response {
    let gathered = if app.node().present(METRICS.noun) {
        patiently(async { metrics(&app.context).await?.gather().await }).await
    } else {
        None
    };
    let page = gathered.map_or_else(
        || {
            let mut page =
                b"# vigla-metrics does not answer: these are the gateway's own series\n".to_vec();
            page.extend(vigla_kit::metrics::text(&app.context.metrics));
            page
        },
        String::into_bytes,
    );
    let mut response = Response::new(page.into());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    no_store(&mut response);
    response
}

/// 200 as long as we serve; what is degraded stands in the body.
pub(crate) async fn health(app: &App) -> Response {
    let node = app.node_anew().await;
    json(&serde_json::json!({
        "status": node.sentence().state,
        "problems": node.troubles(),
    }))
}

fn no_store(response: &mut Response) {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
