//! What a request is worth, and what is to be done for it next: functions of what is known, without I/O,
//! clock or chance of their own.
//!
//! ```text
//!  request ──judge──► refused | waits | a course: which generation of the grant
//!  course  ──next───► Device → use of the claim → (approval) → Node → record of the token
//!                     → token, password → grant
//! ```
//!
//! Every step is derived again from what exists, so a request that is asked twice, or by two registrars at
//! once, or after one of them was killed, ends at the same place.

use vigla_fleet::crd::{Approve, Device, DevicePhase, EnrolmentClaim};
use vigla_fleet::wire::{Refusal, Request, Waiting};

/// What a request shows, once its signature fits.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'r> {
    pub(crate) request: &'r Request,
    /// Of the key, in hex.
    pub(crate) key: &'r str,
    /// The claim, when one was brought and proved.
    pub(crate) claim: Option<&'r EnrolmentClaim>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No, in a word.
    Refuse(Refusal),
    /// No, and the device is to be marked: two boards have its key.
    Suspect,
    /// It may have the grant of this generation.
    Go(Course),
}

/// What is made for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Course {
    /// Of the grant.
    pub(crate) generation: i64,
    /// The device takes a use of the claim that it brought.
    pub(crate) with_claim: bool,
    /// It was forgotten and comes with a new claim: what is known of it does not count.
    pub(crate) anew: bool,
}

/// Judges a request.
pub(crate) fn judge(asked: &Asked<'_>, device: Option<&Device>) -> Verdict {
    let Some(device) = device else {
        return match standing_of(asked) {
            Ok(_) => Verdict::Go(Course {
                generation: after(asked.request.generation),
                with_claim: true,
                anew: false,
            }),
            Err(word) => Verdict::Refuse(word),
        };
    };
    if device.spec.key_sha256 != asked.key {
        return Verdict::Refuse(Refusal::NameClash);
    }
    let status = device.status.clone().unwrap_or_default();
    if device.spec.forgotten {
        return forgotten(asked, device);
    }
    if device.spec.suspended {
        return Verdict::Refuse(Refusal::Suspended);
    }
    let board = &asked.request.facts.hardware;
    if let Some(verdict) = copied(device, board, asked.request.generation) {
        return verdict;
    }
    let has_use = status.r#use >= 0;
    if !has_use && let Err(word) = standing_of(asked) {
        return Verdict::Refuse(word);
    }
    let asked_for = i64::try_from(asked.request.generation).unwrap_or(i64::MAX);
    // The answer to an earlier request was lost: the same grant again, with a new token.
    let repeated = asked_for < status.generation;
    Verdict::Go(Course {
        generation: if repeated {
            status.generation
        } else {
            after(asked.request.generation)
        },
        with_claim: !has_use,
        anew: false,
    })
}

/// The grant after one, saturating: nobody gets that far.
fn after(generation: u64) -> i64 {
    i64::try_from(generation).map_or(i64::MAX, |g| g.saturating_add(1))
}

/// Whether the claim that was brought lets a device in.
fn standing_of<'c>(asked: &Asked<'c>) -> Result<&'c EnrolmentClaim, Refusal> {
    let claim = asked.claim.ok_or(Refusal::ClaimNeeded)?;
    let spec = &claim.spec;
    let model = &asked.request.facts.model;
    if spec.revoked || claim.metadata.deletion_timestamp.is_some() {
        Err(Refusal::ClaimRevoked)
    } else if spec.not_after.0.as_second() <= asked.now {
        Err(Refusal::ClaimExpired)
    } else if !spec.models.is_empty() && !spec.models.contains(model) {
        Err(Refusal::ClaimOtherModel)
    } else {
        Ok(claim)
    }
}

fn forgotten(asked: &Asked<'_>, device: &Device) -> Verdict {
    let new = asked
        .claim
        .is_some_and(|claim| claim.metadata.name.as_deref() != Some(&device.spec.claim));
    let taken_back = device
        .status
        .as_ref()
        .is_some_and(|status| status.phase == DevicePhase::Forgotten);
    match standing_of(asked) {
        Ok(_) if new && !taken_back => Verdict::Refuse(Refusal::Busy),
        Ok(_) if new => Verdict::Go(Course {
            generation: after(asked.request.generation),
            with_claim: true,
            anew: true,
        }),
        Err(word) if new => Verdict::Refuse(word),
        _ => Verdict::Refuse(Refusal::Forgotten),
    }
}

/// Whether this is one of two boards with the same key. The operator's choice decides, once there is one.
fn copied(device: &Device, board: &str, generation: u64) -> Option<Verdict> {
    let status = device.status.clone().unwrap_or_default();
    let chosen = &device.spec.board;
    if !chosen.is_empty() {
        return (board != chosen).then_some(Verdict::Refuse(Refusal::CloneSuspected));
    }
    if status.phase == DevicePhase::CloneSuspected {
        return Some(Verdict::Refuse(Refusal::CloneSuspected));
    }
    let known = &status.board.known;
    let moved = !known.is_empty() && !board.is_empty() && known != board;
    let older = i64::try_from(generation).unwrap_or(i64::MAX) < status.held;
    (moved || older).then_some(Verdict::Suspect)
}

/// What there is of a device, as far as one request needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one object that exists or not"
)]
pub(crate) struct Have {
    pub(crate) device: bool,
    pub(crate) used: bool,
    pub(crate) approved: bool,
    pub(crate) node: bool,
    pub(crate) network: bool,
    /// The name of the token is in the device, before the token is there: none is ever without an owner.
    pub(crate) recorded: bool,
    pub(crate) token: bool,
    /// Only K3s has one.
    pub(crate) password: bool,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Device,
    Use,
    Approval,
    Node,
    Network,
    Record,
    Token,
    Password,
    Seal,
}

/// The next one.
pub(crate) fn next(have: &Have) -> Step {
    match have {
        Have { device: false, .. } => Step::Device,
        Have { used: false, .. } => Step::Use,
        Have {
            approved: false, ..
        } => Step::Approval,
        Have { node: false, .. } => Step::Node,
        Have { network: false, .. } => Step::Network,
        Have {
            recorded: false, ..
        } => Step::Record,
        Have { token: false, .. } => Step::Token,
        Have {
            password: false, ..
        } => Step::Password,
        _ => Step::Seal,
    }
}

/// What a device is told that waits for a step of others.
pub(crate) fn waiting(step: Step) -> Option<Waiting> {
    match step {
        Step::Approval => Some(Waiting::Approval),
        Step::Network => Some(Waiting::PodNetwork),
        _ => None,
    }
}

/// Whether a person has to look at a device that joins with this claim.
pub(crate) fn approved_at_once(claim: &EnrolmentClaim) -> bool {
    claim.spec.approve == Approve::Auto
}

/// The numbers of the uses of a claim, in the order in which a device tries them: each begins elsewhere, so
/// that a thousand devices do not ask for the same one, and the same device always begins at the same.
pub(crate) fn uses(key: &[u8; 32], of: i32) -> impl Iterator<Item = i32> {
    let of = u64::try_from(of.max(1)).unwrap_or(1);
    let head = key.first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b));
    (0..of).map(move |at| i32::try_from((head % of + at) % of).unwrap_or(0))
}

#[cfg(test)]
mod tests;
