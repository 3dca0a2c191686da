//! Versions, updates and the factory reset: what `vigla-updater` says, and what the owner asks of it.
//!
//! It decides nothing: who may ask stands in `access`, what may be installed is the updater's to say.

use std::{collections::HashMap, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::time;
use vigla_bus::{
    names::UPDATER,
    reset::{KEPT, LOST, QUESTION},
    updater::{HistoryEntry, JobProxy, Slot, UpdaterProxy, explain},
    zbus::{self, Variant, proxy::CacheProperties},
};
use vigla_kit::Context;
use warp::{Reply, http::StatusCode, reply::Response};

use super::{Call, Form};
use crate::{access::Who, api, fault::Fault};

/// Who does not answer by then is not there.
const PATIENCE: Duration = Duration::from_secs(3);
/// A release feed may take longer; the bus gives up before that.
const LOOKING: Duration = Duration::from_secs(25);
/// So much of the history is shown.
const SHOWN: u32 = 20;

/// `/api/v1/update`.
#[derive(Debug, Serialize)]
pub(super) struct Versions {
    /// Whether there is an updater: a laptop has none.
    present: bool,
    /// The version that runs.
    running: String,
    /// Whether who asks may install, go back and reset.
    may_change: bool,
    /// For the owner.
    #[serde(flatten)]
    more: Option<More>,
}

#[derive(Debug, Serialize)]
struct More {
    machine: String,
    floor: String,
    slots: Vec<Slot>,
    job: Option<Job>,
    history: Vec<Value>,
}

/// The job that runs, or the last one.
#[derive(Debug, Serialize)]
struct Job {
    id: u64,
    source: String,
    state: String,
    progress: f64,
    version: String,
    result: String,
    /// What the result means, and what to do; empty while it runs.
    what: String,
    fix: String,
}

/// What there is, as far as who asks may see it.
pub(super) async fn versions(call: &Call<'_>) -> Versions {
    let context = &call.app.context;
    let owner = call.visitor.who.meets(Who::OWNER);
    let ask = async {
        let updater = updater(context).await?;
        let running = updater.running().await?;
        let more = if owner {
            Some(more(context, &updater).await?)
        } else {
            None
        };
        zbus::Result::Ok((running, more))
    };
    let answer = time::timeout(PATIENCE, ask).await;
    let (present, running, more) = match answer {
        Ok(Ok((running, more))) => (true, running, more),
        Ok(Err(error)) => {
            tracing::debug!(%error, "nobody tells of versions");
            (false, env!("CARGO_PKG_VERSION").to_owned(), None)
        }
        Err(_) => (false, env!("CARGO_PKG_VERSION").to_owned(), None),
    };
    Versions {
        present,
        running,
        may_change: owner && present,
        more,
    }
}

async fn more(context: &Context, updater: &UpdaterProxy<'_>) -> zbus::Result<More> {
    let job = job(context, updater).await?;
    Ok(More {
        machine: updater.machine().await?,
        floor: updater.floor().await?,
        slots: updater.slots().await?,
        job: told(&job).await?,
        history: updater
            .list_history(SHOWN)
            .await?
            .iter()
            .map(happened)
            .collect(),
    })
}

async fn told(job: &JobProxy<'_>) -> zbus::Result<Option<Job>> {
    let id = job.id().await?;
    if id == 0 {
        return Ok(None);
    }
    let (result, subject) = (job.result().await?, job.subject().await?);
    let (what, fix) = if result.is_empty() {
        Default::default()
    } else {
        explain(&result, &subject)
    };
    Ok(Some(Job {
        id,
        source: job.source().await?,
        state: job.state().await?,
        progress: job.progress().await?,
        version: job.version().await?,
        result,
        what,
        fix,
    }))
}

/// An entry with its dossier as an object, and its result in words.
fn happened(entry: &HistoryEntry) -> Value {
    let mut value = json!(entry);
    value["dossier"] = serde_json::from_str(&entry.dossier).unwrap_or(Value::Null);
    let refused = entry.event == "refused";
    // The history keeps no subject; what was refused is told with what the entry has of it.
    value["why"] = if refused {
        explain(&entry.result, &entry.version).0.into()
    } else {
        "".into()
    };
    value
}

/// What a reset keeps and loses.
pub(super) fn reset_words() -> Value {
    json!({ "kept": KEPT, "lost": LOST, "question": QUESTION })
}

/// What the owner asks for.
pub(super) async fn post(call: &Call<'_>, path: &str, form: &Form) -> Result<Response, Fault> {
    let context = &call.app.context;
    let asked = match path {
        "/api/v1/update/check" => {
            let releases = ask(LOOKING, async { updater(context).await?.check().await }).await?;
            return Ok(api::json(&json!({ "releases": releases })));
        }
        "/api/v1/update/install" => {
            let (source, options) = order(form)?;
            let install = async { updater(context).await?.install(source, options).await };
            ask(PATIENCE, install).await.map(drop)
        }
        "/api/v1/update/cancel" => {
            let cancel = async { job(context, &updater(context).await?).await?.cancel().await };
            ask(PATIENCE, cancel).await
        }
        "/api/v1/update/rollback" => {
            let back = async { updater(context).await?.rollback().await };
            ask(PATIENCE, back).await.map(drop)
        }
        // Nobody comes here by a slip: the form says the word.
        "/api/v1/reset" if form.get("confirm") != "reset" => {
            return Err(Fault::Argument {
                name: "confirm",
                expected: "`reset`",
            });
        }
        "/api/v1/reset" => {
            tracing::warn!(from = %call.from, "the owner asks for a factory reset");
            let reset = async { updater(context).await?.reset("page").await };
            ask(PATIENCE, reset).await
        }
        _ => return Err(Fault::NoRoute),
    };
    asked.map(|()| StatusCode::NO_CONTENT.into_response())
}

/// An order as it goes to the updater. A page orders no file of the node: it could only try which there are.
fn order(form: &Form) -> Result<(&str, HashMap<&'static str, Variant<'static>>), Fault> {
    let source = form.get("source");
    let web = source.starts_with("http://") || source.starts_with("https://");
    if !web && !matches!(source, "feed" | "stick") {
        return Err(Fault::Argument {
            name: "source",
            expected: "`feed`, `stick` or an address",
        });
    }
    let mut options = HashMap::new();
    match form.get("when") {
        "" | "now" => {}
        "window" => {
            options.insert("when", Variant::from("window"));
        }
        _ => {
            return Err(Fault::Argument {
                name: "when",
                expected: "`now` or `window`",
            });
        }
    }
    Ok((source, options))
}

/// The answer of the updater; what it refuses is told in its words.
async fn ask<T>(
    patience: Duration,
    work: impl Future<Output = zbus::Result<T>>,
) -> Result<T, Fault> {
    let answer = time::timeout(patience, work).await;
    let answer = answer.map_err(|_| Fault::Peer(UPDATER.binary))?;
    answer.map_err(|error| match error {
        zbus::Error::MethodError(name, Some(told), _)
            if matches!(
                name.as_str(),
                "org.vigla.Error.Busy"
                    | "org.vigla.Error.NotReady"
                    | "org.vigla.Error.InvalidArgument"
            ) =>
        {
            Fault::NotNow(told)
        }
        error => {
            tracing::debug!(%error, "the updater does not answer");
            Fault::Peer(UPDATER.binary)
        }
    })
}

/// A proxy without a cache: it listens to nothing, it only calls.
async fn updater(context: &Context) -> zbus::Result<UpdaterProxy<'static>> {
    UpdaterProxy::builder(&context.calls)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

async fn job(context: &Context, updater: &UpdaterProxy<'_>) -> zbus::Result<JobProxy<'static>> {
    JobProxy::builder(&context.calls)
        .path(updater.job().await?)
        .cache_properties(CacheProperties::No)
        .build()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Form {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Form(fields.iter().map(own).collect())
    }

    #[test]
    fn a_page_orders_from_the_feed_a_stick_or_an_address() {
        for source in ["feed", "stick", "https://a.example/x.raucb"] {
            assert_eq!(order(&form(&[("source", source)])).unwrap().0, source);
        }
        for source in ["", "/etc/shadow", "file:///etc/shadow", "x.raucb"] {
            order(&form(&[("source", source)])).unwrap_err();
        }
        let fields = |when| form(&[("source", "feed"), ("when", when)]);
        assert_eq!(order(&fields("now")).unwrap().1.len(), 0);
        assert_eq!(order(&fields("window")).unwrap().1.len(), 1);
        order(&fields("later")).unwrap_err();
    }
}
