//! One request to enrol, from its bytes to its answer.

mod steps;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use vigla_fleet::crd::{Device, EnrolmentClaim, claim_name};
use vigla_fleet::csr;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::identity::node_name;
use vigla_fleet::wire::{Answer, Refusal, Request};

use crate::cluster::{Done, Fault};
use crate::decide::{Asked, Verdict, judge};
use crate::registrar::Registrar;
use steps::{Turn, Walk};

/// Somebody else worked on the same device at the same moment so often.
const TURNS: usize = 6;
/// A device asks again after so many seconds when the cluster cannot answer.
const BUSY: u64 = 15;
/// When there is too much to do here or there.
const CROWDED: u64 = 5;

/// Answers a request; `server` is the key that the device saw.
pub(crate) async fn enrol(registrar: &Registrar, body: &[u8], server: Fingerprint) -> Answer {
    match work(registrar, body, server).await {
        Ok(answer) => answer,
        Err(Stop::Word(word)) => refused(word),
        Err(Stop::Later(after)) => later(after),
        Err(Stop::Fault(Fault::Exists)) => refused(Refusal::NameClash),
        Err(Stop::Fault(Fault::Throttled(after))) => later(after.max(CROWDED)),
        Err(Stop::Fault(fault)) => {
            tracing::warn!(error = %fault, "cannot enrol a device now, it is asked to come again");
            refused(Refusal::Busy)
        }
        Err(Stop::Bug(error)) => {
            tracing::error!(error = format!("{error:#}"), "cannot make a grant");
            refused(Refusal::Busy)
        }
    }
}

/// What a device hears that is refused.
pub(crate) fn refused(word: Refusal) -> Answer {
    let after_secs = match word {
        Refusal::Busy => Some(BUSY),
        Refusal::TooMany => Some(CROWDED),
        _ => None,
    };
    Answer::Refused { word, after_secs }
}

/// What one hears that is to come again since there is too much to do: nothing is broken, so it is no 5xx.
pub(crate) fn later(after: u64) -> Answer {
    Answer::Refused {
        word: Refusal::TooMany,
        after_secs: Some(after),
    }
}

/// Why there is no answer but a refusal.
pub(crate) enum Stop {
    Word(Refusal),
    /// Too much to do: again after so many seconds.
    Later(u64),
    Fault(Fault),
    Bug(anyhow::Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Stop {
    fn from(word: Refusal) -> Self {
        Self::Word(word)
    }
}

async fn work(registrar: &Registrar, body: &[u8], server: Fingerprint) -> Result<Answer, Stop> {
    let request = Request::read(body)?;
    let key = csr::read(&request.csr).ok_or(Refusal::Malformed)?;
    if !request.is_signed_by(&key, server) {
        return Err(Refusal::ProofWrong.into());
    }
    let mqtt = request.mqtt_csr.as_ref();
    let broker_key = match mqtt.map(|csr| csr::read(csr)) {
        Some(None) => return Err(Refusal::Malformed.into()),
        read => read.flatten(),
    };
    let claim = proved(registrar, &request, server).await?;
    let name = node_name(&key.fingerprint());
    let walk = Walk {
        registrar,
        request: &request,
        key: &key,
        broker_key: broker_key.as_ref(),
        name: &name,
        claim: claim.as_ref(),
    };
    let mut taken = None;
    for count in 0..TURNS {
        match turn(&walk, &mut taken, count == 0).await? {
            Turn::Answer(answer) => {
                tell(&walk, &answer);
                return Ok(*answer);
            }
            Turn::Again => {}
        }
    }
    Err(Stop::Later(CROWDED))
}

/// The claim of the request, when who made it holds it.
async fn proved(
    registrar: &Registrar,
    request: &Request,
    server: Fingerprint,
) -> Result<Option<EnrolmentClaim>, Stop> {
    let Some(id) = request.claim() else {
        return Ok(None);
    };
    let cluster = &registrar.cluster;
    let name = claim_name(&id);
    if let Err(after) = registrar.limits.claim(&name, registrar.now()) {
        return Err(Stop::Later(after));
    }
    let claim = cluster.claim(&name).await?;
    let claim = claim.ok_or(Refusal::ClaimUnknown)?;
    let proof = cluster.proof(&claim).await?;
    let proof = proof.ok_or(Refusal::ClaimUnknown)?;
    if !request.is_proved_by(&proof, server) {
        return Err(Refusal::ProofWrong.into());
    }
    Ok(Some(claim))
}

/// Looks at the device and does what is to be done for it.
async fn turn(walk: &Walk<'_>, taken: &mut Option<i32>, first: bool) -> Result<Turn, Stop> {
    let (cluster, follow) = (&walk.registrar.cluster, &walk.registrar.follow);
    // One that the watch has never seen is new: if it is not, making it says so, and we look again.
    let device = if first && follow.is_whole() && follow.device(walk.name).is_none() {
        None
    } else {
        cluster.device(walk.name).await?
    };
    let key = walk.key.fingerprint().to_string();
    let asked = Asked {
        request: walk.request,
        key: &key,
        claim: walk.claim,
        now: walk.registrar.seconds(),
    };
    match judge(&asked, device.as_ref()) {
        Verdict::Refuse(word) => Err(word.into()),
        Verdict::Suspect => {
            if let Some(device) = &device {
                let board = &walk.request.facts.hardware;
                suspect(walk.registrar, device, board).await?;
            }
            Err(Refusal::CloneSuspected.into())
        }
        Verdict::Go(course) => match walk.go(&course, device, &key, taken).await {
            Err(Stop::Fault(Fault::Conflict)) => Ok(Turn::Again),
            other => other,
        },
    }
}

/// Two boards have the key: nothing more for either, until the operator chooses.
pub(crate) async fn suspect(registrar: &Registrar, device: &Device, board: &str) -> Done<()> {
    let cluster = &registrar.cluster;
    let status = json!({
        "phase": "CloneSuspected",
        "reason": "two boards use the key of this device: choose one with `kubectl vigla device release`",
        "board": { "other": board },
        "lastSeen": now(registrar),
    });
    match registrar.set_status(device, status).await {
        Ok(_) => {
            tracing::warn!(target: "audit", device = device.name_any(), "clone suspected");
            let note =
                "two boards use the key of this device; neither gets anything until one is chosen";
            registrar.tell(device, "CloneSuspected", note, true);
            crate::join::taint(cluster, &device.name_any()).await
        }
        // Whoever was faster saw the same, or what is judged anew with the next request.
        Err(Fault::Conflict) => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn now(registrar: &Registrar) -> Timestamp {
    crate::objects::time(registrar.seconds()).0
}

/// One line for each request that was worked on, in the audit log.
fn tell(walk: &Walk<'_>, answer: &Answer) {
    let word = match answer {
        Answer::Grant { .. } => "granted",
        Answer::Wait { .. } => "waits",
        Answer::Refused { word, .. } => word.word(),
    };
    let claim = walk.claim.map(ResourceExt::name_any).unwrap_or_default();
    tracing::info!(target: "audit", device = walk.name, claim, generation = walk.request.generation, "{word}");
}
