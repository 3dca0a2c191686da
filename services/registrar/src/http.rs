//! What devices ask, as warp's filters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::time;
use vigla_fleet::admission::enrol_again;
use vigla_fleet::crd::{Device, DeviceStatus};
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::identity::{PublicKey, node_name};
use vigla_fleet::wire::{Answer, LARGEST_REQUEST, Phase, Refusal, Report, Standing};
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::Response;
use warp::{Filter as _, Rejection, Reply as _};

use crate::cluster::{Done, Fault};
use crate::decide::{Verdict, copied};
use crate::enrol::{enrol, later, refused, suspect};
use crate::registrar::Registrar;

/// So long does a request wait for its turn.
const QUEUE: Duration = Duration::from_mins(1);
/// Who found no turn comes again after so many seconds.
const CROWDED: u64 = 15;
/// A token is counted as gone so long after its end, in seconds.
const GRACE: i64 = 30;
/// That a device was seen is written down so often at most, in seconds.
const SEEN: i64 = 600;

/// Who asks, and what he saw of us.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The key that TLS has shown him to hold.
    pub(crate) key: Option<PublicKey>,
    /// Ours, on this connection.
    pub(crate) server: Fingerprint,
}

/// Everything that is served.
pub(crate) fn routes(registrar: &Arc<Registrar>) -> BoxedFilter<(Response,)> {
    let with = {
        let registrar = registrar.clone();
        warp::any().map(move || registrar.clone())
    };
    let peer = warp::ext::get::<Peer>();
    let enrol = warp::path!("v1" / "enrol")
        .and(warp::post())
        .and(with.clone())
        .and(peer)
        .and(warp::body::content_length_limit(LARGEST_REQUEST as u64))
        .and(warp::body::bytes())
        .then(join);
    let own = warp::path!("v1" / "device" / "self")
        .and(warp::get())
        .and(with)
        .and(peer)
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .then(standing);
    enrol
        .or(own)
        .unify()
        .recover(|rejection| async move { Ok::<_, Rejection>(rejected(&rejection)) })
        .unify()
        .boxed()
}

async fn join(registrar: Arc<Registrar>, peer: Peer, body: Bytes) -> Response {
    let began = registrar.now();
    let answer = if registrar.stop.is_cancelled() {
        refused(Refusal::Busy)
    } else if let Err(after) = registrar.limits.address(peer.address.ip(), began) {
        later(after)
    } else {
        // A thousand that come at once are better off in a row than sent away.
        match time::timeout(QUEUE, registrar.places.acquire()).await {
            Ok(Ok(_place)) => enrol(&registrar, &body, peer.server).await,
            _ => later(CROWDED),
        }
    };
    if let Answer::Refused { word, .. } = &answer {
        tracing::info!(target: "audit", address = %peer.address.ip(), "refused: {word}");
    }
    registrar.metrics.answered(&answer);
    #[allow(clippy::cast_precision_loss, reason = "microseconds of one answer")]
    let took = registrar.now().saturating_sub(began) as f64 / 1e6;
    registrar.metrics.seconds.observe(took);
    respond(&answer)
}

fn respond(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let after = match answer {
        Answer::Wait { after_secs, .. } => Some(*after_secs),
        Answer::Refused { after_secs, .. } => *after_secs,
        Answer::Grant { .. } => None,
    };
    let body = serde_json::to_vec(answer).unwrap_or_default();
    let mut response = document(status, body);
    if let Some(after) = after {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after));
    }
    response
}

fn document(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = warp::reply::with_status(body, status).into_response();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// How a device stands: from the watches, without a request to the API server but for what it reports that is new.
async fn standing(registrar: Arc<Registrar>, peer: Peer, query: String) -> Response {
    let Some(key) = peer.key else {
        return respond(&refused(Refusal::ProofWrong));
    };
    if let Err(after) = registrar.limits.address(peer.address.ip(), registrar.now()) {
        return respond(&later(after));
    }
    if !registrar.follow.is_whole() {
        return respond(&refused(Refusal::Busy));
    }
    let name = node_name(&key.fingerprint());
    let known = registrar.follow.device(&name);
    let known = known.filter(|d| d.spec.key_sha256 == key.fingerprint().to_string());
    let Some(device) = known else {
        return respond(&refused(Refusal::ClaimNeeded));
    };
    if let Some(report) = Report::read(&query) {
        match reported(&registrar, &device, &report).await {
            Ok(None) => {}
            Ok(Some(word)) => return respond(&refused(word)),
            // What could not be written down now comes again with the next report.
            Err(error) => tracing::debug!(name, %error, "a report was not kept"),
        }
    }
    let status = device.status.unwrap_or_default();
    let phase = Phase::from(status.phase);
    let has_node = registrar.follow.node(&name).is_some();
    // One that was not used in its time is none; with one that was, its node is on its way.
    let made = status
        .granted_at
        .as_ref()
        .map_or(0, |time| time.0.as_second());
    let over = registrar.seconds() > made + registrar.token_seconds() + GRACE;
    let has_token = !status.token.is_empty() && (phase != Phase::Granted || !over);
    let standing = Standing {
        phase,
        node: name,
        generation: u64::try_from(status.generation).unwrap_or(0),
        enrol_again: enrol_again(phase, device.spec.approved, has_node, has_token),
        server_time: u64::try_from(registrar.seconds()).unwrap_or(0),
        ca_sha256: registrar.site().authority.pins.clone(),
    };
    document(
        StatusCode::OK,
        serde_json::to_vec(&standing).unwrap_or_default(),
    )
}

/// What a device says of itself: that two use one key, or what is to be shown of it.
async fn reported(
    registrar: &Registrar,
    device: &Device,
    report: &Report,
) -> Done<Option<Refusal>> {
    if device.spec.suspended || device.spec.forgotten {
        return Ok(None);
    }
    match copied(device, report) {
        Some(Verdict::Suspect) => {
            suspect(registrar, device, &report.hardware).await?;
            return Ok(Some(Refusal::CloneSuspected));
        }
        // The board that was not chosen. Before a choice both are told how they stand.
        Some(_) if !device.spec.board.is_empty() => return Ok(Some(Refusal::CloneSuspected)),
        _ => {}
    }
    let status = device.status.clone().unwrap_or_default();
    let Some(change) = news(&status, report, registrar.seconds()) else {
        return Ok(None);
    };
    match registrar.set_status(device, change).await {
        // Somebody else wrote; the next report will find its way.
        Ok(_) | Err(Fault::Conflict | Fault::Absent) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// What is to be written down of a report.
fn news(status: &DeviceStatus, report: &Report, now: i64) -> Option<serde_json::Value> {
    let seen = status
        .last_seen
        .as_ref()
        .map_or(0, |time| time.0.as_second());
    let held = i64::try_from(report.generation)
        .unwrap_or(i64::MAX)
        .min(status.generation)
        .max(status.held);
    let said = |new: &str, known: &str| {
        let text = if new.is_empty() { known } else { new };
        text.to_owned()
    };
    let (version, slot) = (
        said(&report.version, &status.version),
        said(&report.slot, &status.slot),
    );
    let new = version != status.version || slot != status.slot || held != status.held;
    (new || now - seen >= SEEN).then(|| {
        json!({
            "reason": status.reason,
            "lastSeen": crate::objects::time(now),
            "version": version,
            "slot": slot,
            "held": held,
        })
    })
}

/// What is no request of a device.
fn rejected(rejection: &Rejection) -> Response {
    let large = rejection.find::<warp::reject::PayloadTooLarge>().is_some();
    let unsized_ = rejection.find::<warp::reject::LengthRequired>().is_some();
    if large || unsized_ {
        return respond(&refused(Refusal::Malformed));
    }
    let method = rejection.find::<warp::reject::MethodNotAllowed>().is_some();
    let status = if method {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        StatusCode::NOT_FOUND
    };
    document(
        status,
        json!({ "status": status.as_u16() }).to_string().into(),
    )
}

/// Health and metrics, for the cluster's own network.
pub(crate) fn observe(registrar: &Arc<Registrar>) -> BoxedFilter<(Response,)> {
    let with = {
        let registrar = registrar.clone();
        warp::any().map(move || registrar.clone())
    };
    let live = warp::path!("live").map(|| document(StatusCode::OK, b"{}".to_vec()));
    let ready = warp::path!("ready")
        .and(with.clone())
        .map(|registrar: Arc<Registrar>| {
            let ready = registrar.follow.is_whole() && !registrar.stop.is_cancelled();
            let status = if ready {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            document(status, registrar.health().to_string().into())
        });
    let metrics = warp::path!("metrics")
        .and(with)
        .map(|registrar: Arc<Registrar>| {
            let text = vigla_kit::metrics::text(&registrar.metrics.registry);
            warp::reply::with_header(text, "content-type", "text/plain; version=0.0.4")
                .into_response()
        });
    live.or(ready)
        .unify()
        .or(metrics)
        .unify()
        .recover(|rejection| async move { Ok::<_, Rejection>(rejected(&rejection)) })
        .unify()
        .boxed()
}
