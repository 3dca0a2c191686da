//! What a request to join is worth, and what is to be done for it next: functions of what is known, without I/O,
//! clock or chance of their own. The registrar decides with them, and so do the registrars of the simulation.
//!
//! ```text
//!  request ──judge──► refused | suspected | a course: which generation of the grant
//!  course  ──next───► Device → use of the claim → (approval) → Node → network → record of the token
//!                     → token → password → grant
//! ```
//!
//! Every step is derived again from what exists, so a request that is asked twice, or by two registrars at
//! once, or after one of them was killed, ends at the same place.

use crate::wire::{Phase, Refusal, Waiting};

/// What a request shows, once its signature fits.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r> {
    /// Of the key, in hex.
    pub key: &'r str,
    /// See [`crate::wire::Request::generation`].
    pub generation: u64,
    /// Who asks.
    pub from: Machine<'r>,
    /// See [`crate::wire::Facts::model`].
    pub model: &'r str,
    /// The claim, when one was brought and proved.
    pub claim: Option<Claim<'r>>,
    /// Seconds since 1970.
    pub now: i64,
}

/// Which machine speaks.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'r> {
    /// See [`crate::wire::Facts::hardware`].
    pub board: &'r str,
    /// See [`crate::wire::Facts::boot_id`].
    pub boot: &'r str,
}

/// A claim, as far as one request needs it.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'c> {
    /// Of the resource.
    pub name: &'c str,
    /// Taken back.
    pub revoked: bool,
    /// Seconds since 1970.
    pub not_after: i64,
    /// Models that may join with it; empty: all.
    pub models: &'c [String],
}

/// A device that is known, as far as one request needs it.
#[derive(Debug, Clone, Copy)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a word of the operator, or a fact"
)]
pub struct Known<'d> {
    /// Of its key, in hex.
    pub key: &'d str,
    /// With which it joined.
    pub claim: &'d str,
    /// Where it stands.
    pub phase: Phase,
    /// The operator has suspended it.
    pub suspended: bool,
    /// The operator has forgotten it.
    pub forgotten: bool,
    /// The board that the operator chose of two; empty: nobody had to.
    pub chosen: &'d str,
    /// The board that was seen; empty: none, or none with a name.
    pub board: &'d str,
    /// The start of the machine that asked for the newest grant.
    pub boot: &'d str,
    /// Of the newest grant.
    pub generation: i64,
    /// Of the newest grant that the device is known to hold.
    pub held: i64,
    /// It has a use of its claim.
    pub used: bool,
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No, in a word.
    Refuse(Refusal),
    /// No, and the device is to be marked: two boards have its key.
    Suspect,
    /// It may have the grant of this generation.
    Go(Course),
}

/// What is made for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Of the grant.
    pub generation: i64,
    /// The device takes a use of the claim that it brought.
    pub with_claim: bool,
    /// It was forgotten and comes with a new claim: what is known of it does not count.
    pub anew: bool,
}

/// Judges a request.
#[must_use]
pub fn judge(asked: &Asked<'_>, known: Option<&Known<'_>>) -> Verdict {
    let Some(known) = known else {
        return match standing_of(asked) {
            Ok(()) => Verdict::Go(Course {
                generation: after(asked.generation),
                with_claim: true,
                anew: false,
            }),
            Err(word) => Verdict::Refuse(word),
        };
    };
    if known.key != asked.key {
        return Verdict::Refuse(Refusal::NameClash);
    }
    if known.forgotten {
        return forgotten(asked, known);
    }
    if known.suspended {
        return Verdict::Refuse(Refusal::Suspended);
    }
    if let Some(verdict) = copied(known, asked.from, asked.generation) {
        return verdict;
    }
    if !known.used
        && let Err(word) = standing_of(asked)
    {
        return Verdict::Refuse(word);
    }
    let asked_for = i64::try_from(asked.generation).unwrap_or(i64::MAX);
    // The answer to an earlier request was lost: the same grant again, with a new token.
    let repeated = asked_for < known.generation;
    Verdict::Go(Course {
        generation: if repeated {
            known.generation
        } else {
            after(asked.generation)
        },
        with_claim: !known.used,
        anew: false,
    })
}

/// The grant after one, saturating: nobody gets that far.
fn after(generation: u64) -> i64 {
    i64::try_from(generation).map_or(i64::MAX, |g| g.saturating_add(1))
}

/// Whether the claim that was brought lets a device in.
fn standing_of(asked: &Asked<'_>) -> Result<(), Refusal> {
    let claim = asked.claim.ok_or(Refusal::ClaimNeeded)?;
    if claim.revoked {
        Err(Refusal::ClaimRevoked)
    } else if claim.not_after <= asked.now {
        Err(Refusal::ClaimExpired)
    } else if !claim.models.is_empty() && !claim.models.iter().any(|m| m == asked.model) {
        Err(Refusal::ClaimOtherModel)
    } else {
        Ok(())
    }
}

fn forgotten(asked: &Asked<'_>, known: &Known<'_>) -> Verdict {
    let new = asked.claim.is_some_and(|claim| claim.name != known.claim);
    let taken_back = known.phase == Phase::Forgotten;
    match standing_of(asked) {
        Ok(()) if new && !taken_back => Verdict::Refuse(Refusal::Busy),
        Ok(()) if new => Verdict::Go(Course {
            generation: after(asked.generation),
            with_claim: true,
            anew: true,
        }),
        Err(word) if new => Verdict::Refuse(word),
        _ => Verdict::Refuse(Refusal::Forgotten),
    }
}

/// Whether who speaks is one of two boards with the same key; `None`: nothing says so. The operator's choice
/// decides, once there is one. An older grant is a copy's, but from the very start of the machine that has the newest:
/// then a question came late that was answered long ago.
#[must_use]
pub fn copied(known: &Known<'_>, from: Machine<'_>, generation: u64) -> Option<Verdict> {
    let Machine { board, boot } = from;
    let older = i64::try_from(generation).unwrap_or(i64::MAX) < known.held;
    let late = older && !boot.is_empty() && boot == known.boot;
    if !known.chosen.is_empty() {
        if late && board == known.chosen {
            return Some(Verdict::Refuse(Refusal::TooMany));
        }
        return (board != known.chosen).then_some(Verdict::Refuse(Refusal::CloneSuspected));
    }
    if known.phase == Phase::CloneSuspected {
        return Some(Verdict::Refuse(Refusal::CloneSuspected));
    }
    let moved = !known.board.is_empty() && !board.is_empty() && known.board != board;
    if late && !moved {
        return Some(Verdict::Refuse(Refusal::TooMany));
    }
    (moved || older).then_some(Verdict::Suspect)
}

/// Whether a device that asks how it stands is to enrol again: its node is gone, its grant came to nothing, or it was
/// approved since.
#[must_use]
pub fn enrol_again(phase: Phase, approved: bool, has_node: bool, has_token: bool) -> bool {
    match phase {
        Phase::Granted | Phase::Joining => !has_node || !has_token,
        Phase::Active => !has_node,
        Phase::Pending => approved,
        Phase::Suspended | Phase::CloneSuspected | Phase::Forgotten | Phase::Other => false,
    }
}

/// What there is of a device, as far as one request needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one object that exists or not"
)]
pub struct Have {
    /// The resource.
    pub device: bool,
    /// A use of the claim.
    pub used: bool,
    /// By a person, or none has to.
    pub approved: bool,
    /// Its node.
    pub node: bool,
    /// The network of its pods, or none is wanted.
    pub network: bool,
    /// The name of the token is in the device, before the token is there: none is ever without an owner.
    pub recorded: bool,
    /// The token.
    pub token: bool,
    /// Only K3s has one.
    pub password: bool,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "see `Have`: each makes what has its name")]
pub enum Step {
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
#[must_use]
pub fn next(have: &Have) -> Step {
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
#[must_use]
pub fn waiting(step: Step) -> Option<Waiting> {
    match step {
        Step::Approval => Some(Waiting::Approval),
        Step::Network => Some(Waiting::PodNetwork),
        _ => None,
    }
}

/// Numbers of which a device takes one, in the order in which it tries them: each begins elsewhere, so
/// that a thousand devices do not ask for the same one, and the same device always begins at the same.
pub fn numbers(key: &[u8; 32], of: u32) -> impl Iterator<Item = u32> + use<> {
    let of = u64::from(of.max(1));
    let head = key.first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b));
    (0..of).map(move |at| u32::try_from((head % of + at) % of).unwrap_or(0))
}
