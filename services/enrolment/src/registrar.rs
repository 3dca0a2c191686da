//! The registrar, over TLS: reached, believed, asked.
//!
//! Trust is that of [`vigla_fleet::tls`]: the pinned authority, and no clock. Whatever it answers, its
//! certificate must fit the time that it tells.

mod exchange;
mod portal;
pub(crate) mod reach;

use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};
use vigla_fleet::device::{Answered, Event, Fault, Progress};
use vigla_fleet::grant::Grant;
use vigla_fleet::invitation::Invitation;
use vigla_fleet::proof::ProofKey;
use vigla_fleet::signed::Signed;
use vigla_fleet::wire::{Answer, Ask, ENROL, Facts, NONCE, Report, Request, Standing};
use vigla_fleet::{csr, tls};
use vigla_kit::proxy::Way;

use crate::store::{Keys, Service, is_ours};
use exchange::{Reply, exchange};

/// Somebody to ask.
#[derive(Debug)]
pub struct Registrar<'a> {
    /// Where and who it is.
    pub service: &'a Service,
    /// Ours.
    pub keys: &'a Keys,
    /// Seconds since 1970 before which it certainly is not.
    pub floor: u64,
    /// The owner's proxy.
    pub way: &'a Way,
}

/// A grant that was verified, as it came and as what it says.
#[derive(Debug)]
pub struct Sound {
    /// As it is kept.
    pub text: Vec<u8>,
    /// What it says.
    pub grant: Grant,
}

impl Registrar<'_> {
    /// Asks for a grant, telling how far it has come. `generation`: of the grant that we hold.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn ask(
        &self,
        claim: Option<&Invitation>,
        generation: u64,
        facts: Facts,
        mut progress: impl FnMut(Progress),
    ) -> Result<Sound, Event> {
        let connection = reach::connect(self.service, self.way)
            .await
            .map_err(Event::Failed)?;
        progress(Progress::Connected);
        let (connection, seen) = reach::secure(connection, self.service, self.floor, None)
            .await
            .map_err(Event::Failed)?;
        progress(Progress::Secured);
        let claim = claim.and_then(|invitation| invitation.claim.as_ref());
        let claim = claim.map(|claim| (claim.id(), ProofKey::of(claim)));
        let ask = Ask {
            claim: claim.as_ref().map(|(id, key)| (id, key)),
            server: seen.server,
            nonce: nonce()?,
            generation,
            mqtt_csr: csr::make(&*self.keys.mqtt).ok(),
            facts,
        };
        let request = Request::make(&*self.keys.device, ask);
        let body = request
            .ok()
            .and_then(|request| serde_json::to_vec(&request).ok());
        let body = body.ok_or(Event::Failed(Fault::Odd))?;
        progress(Progress::Sent);
        let endpoint = &self.service.endpoint;
        let reply = exchange(connection, endpoint, ENROL, Some(body)).await;
        let reply = reply.map_err(Event::Failed)?;
        believe(&reply, &seen).map_err(Event::Failed)?;
        match Answer::read(&reply.body) {
            Ok(Answer::Grant { grant }) => self.judge(&grant, generation, &seen),
            Ok(other) => Err(answered(&other)),
            Err(error) => Err(odd(&reply, &error)),
        }
    }

    /// Asks how we stand, by TLS with our own key.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    pub async fn inquire(&self, report: &Report) -> Result<Standing, Event> {
        let key = self.keys.device.clone();
        let key = tls::certified(key).map_err(|_| Event::Failed(Fault::Odd))?;
        let connection = reach::connect(self.service, self.way)
            .await
            .map_err(Event::Failed)?;
        let secured = reach::secure(connection, self.service, self.floor, Some(key)).await;
        let (connection, seen) = secured.map_err(Event::Failed)?;
        let endpoint = &self.service.endpoint;
        let reply = exchange(connection, endpoint, &report.path(), None).await;
        let reply = reply.map_err(Event::Failed)?;
        believe(&reply, &seen).map_err(Event::Failed)?;
        if reply.status == 200 {
            let standing = Standing::read(&reply.body).map_err(|error| odd(&reply, &error))?;
            if !seen.was_valid_at(standing.server_time) {
                return Err(Event::Failed(Fault::Expired));
            }
            return Ok(standing);
        }
        match Answer::read(&reply.body) {
            Ok(refused @ Answer::Refused { .. }) => Err(answered(&refused)),
            Ok(_) => Err(Event::Failed(Fault::Odd)),
            Err(error) => Err(odd(&reply, &error)),
        }
    }

    /// Whether a grant is what we asked for.
    fn judge(
        &self,
        signed: &Signed<Grant>,
        generation: u64,
        seen: &tls::Seen,
    ) -> Result<Sound, Event> {
        let bad = |why: &dyn std::fmt::Display| {
            tracing::warn!("the grant is not sound: {why}");
            Event::Failed(Fault::BadGrant)
        };
        let grant = signed.open(&self.service.pins).map_err(|why| bad(&why))?;
        if !is_ours(&grant, &self.keys.identity()) {
            return Err(bad(&"it is for somebody else"));
        }
        if grant.generation <= generation {
            return Err(bad(&"it is older than the one before"));
        }
        if !seen.was_valid_at(grant.server_time) {
            return Err(Event::Failed(Fault::Expired));
        }
        // Its own pins have to let it be verified at the next start.
        signed.open(&grant.ca_sha256).map_err(|why| bad(&why))?;
        let text = serde_json::to_vec(signed).map_err(|why| bad(&why))?;
        Ok(Sound { text, grant })
    }
}

/// A certificate that was not valid at the time that its owner tells is not to be believed. A time before the
/// floor is no reason to go: registrars' clocks are set back, and the certificate was judged from the floor on.
fn believe(reply: &Reply, seen: &tls::Seen) -> Result<(), Fault> {
    match reply.date {
        Some(date) if !seen.was_valid_at(date) => Err(Fault::Expired),
        _ => Ok(()),
    }
}

fn answered(answer: &Answer) -> Event {
    match *answer {
        Answer::Wait { after_secs, reason } => Event::Answered(Answered::Wait {
            after: Duration::from_secs(after_secs),
            reason,
        }),
        Answer::Refused { word, after_secs } => Event::Answered(Answered::Refused {
            word,
            after: after_secs.map(Duration::from_secs),
        }),
        Answer::Grant { .. } => Event::Failed(Fault::Odd),
    }
}

/// An answer that is none of ours: of something that stands before the registrar, when it has a status of such.
fn odd(reply: &Reply, error: &dyn std::error::Error) -> Event {
    if reply.status == 429 || reply.status >= 500 {
        let after = reply.retry_after;
        return Event::Failed(Fault::Busy { after });
    }
    let status = reply.status;
    tracing::warn!(status, "the registrar's answer is not understood: {error}");
    Event::Failed(Fault::Odd)
}

fn nonce() -> Result<[u8; NONCE], Event> {
    let mut nonce = [0; NONCE];
    let filled = SystemRandom::new().fill(&mut nonce);
    filled.map_err(|_| Event::Failed(Fault::Odd))?;
    Ok(nonce)
}
