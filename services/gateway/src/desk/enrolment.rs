//! The way into a fleet: what `vigla-enrolment` says, and what the owner asks of it.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::time;
use vigla_bus::{
    enrolment::{EnrolmentProxy, Mistake, Tone, told, tone},
    names::ENROLMENT,
    zbus::{self, proxy::CacheProperties},
};
use vigla_kit::Context;
use warp::{Reply, http::StatusCode, reply::Response};

use super::Call;
use crate::{access::Who, api, fault::Fault};

/// Who does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(3);
/// Each part of the way may be waited for; the bus gives up before that.
const LOOKING: Duration = Duration::from_mins(1);

/// `/api/v1/enrolment`.
#[derive(Debug, Default, Serialize)]
pub(super) struct Way {
    /// Whether somebody takes this node to a fleet: a laptop has nobody.
    present: bool,
    /// `good`, `under` way, or `bad`.
    tone: &'static str,
    /// Where it is, why, and what to do.
    sentence: String,
    /// When it asks next; 0: at once, or never.
    next_usec: u64,
    /// For the owner.
    #[serde(flatten)]
    more: Option<More>,
}

#[derive(Debug, Serialize)]
struct More {
    state: String,
    reason: String,
    node_name: String,
    registrar: String,
    mistakes: Vec<Mistake>,
}

/// How far it is, as far as who asks may see it.
pub(super) async fn way(call: &Call<'_>) -> Way {
    let owner = call.visitor.who.meets(Who::OWNER);
    let seen = time::timeout(PATIENCE, read(&call.app.context, owner)).await;
    match seen {
        Ok(Ok(way)) => way,
        other => {
            tracing::debug!(?other, "nobody tells of a fleet");
            Way::default()
        }
    }
}

async fn read(context: &Context, owner: bool) -> zbus::Result<Way> {
    let enrolment = enrolment(context).await?;
    let (state, reason) = (enrolment.state().await?, enrolment.reason().await?);
    let mut way = Way {
        present: true,
        tone: match tone(&state, &reason) {
            Tone::Good => "good",
            Tone::Under => "under",
            Tone::Bad => "bad",
        },
        sentence: told(&state, &reason),
        next_usec: enrolment.next_attempt().await?,
        more: None,
    };
    if owner {
        way.more = Some(More {
            node_name: enrolment.node_name().await?,
            registrar: enrolment.registration_url().await?,
            mistakes: enrolment.mistakes().await?,
            state,
            reason,
        });
    }
    Ok(way)
}

/// What the owner asks for.
pub(super) async fn post(call: &Call<'_>, path: &str) -> Result<Response, Fault> {
    let context = &call.app.context;
    match path {
        "/api/v1/enrolment/retry" => {
            ask(PATIENCE, async { enrolment(context).await?.retry().await }).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        "/api/v1/enrolment/check" => {
            let checks = async { enrolment(context).await?.diagnose().await };
            let checks = ask(LOOKING, checks).await?;
            Ok(api::json(&json!({ "checks": checks })))
        }
        _ => Err(Fault::NoRoute),
    }
}

async fn ask<T>(
    patience: Duration,
    work: impl Future<Output = zbus::Result<T>>,
) -> Result<T, Fault> {
    let answer = time::timeout(patience, work).await;
    let answer = answer.map_err(|_| Fault::Peer(ENROLMENT.binary))?;
    answer.map_err(|error| {
        tracing::debug!(%error, "the enrolment does not answer");
        Fault::Peer(ENROLMENT.binary)
    })
}

/// A proxy without a cache: it listens to nothing, it only calls.
async fn enrolment(context: &Context) -> zbus::Result<EnrolmentProxy<'static>> {
    EnrolmentProxy::builder(&context.calls)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}
