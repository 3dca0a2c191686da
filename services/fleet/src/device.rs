//! What a device does next on its way into the fleet: a function of facts, its state, and what happened.
//!
//! ```text
//!                ┌───────── asks ─────────────┐                        ┌─ inquires ─┐
//!  Init ─► KeyReady ─► NetReady ─► TimeReady ─► Requested ─► Granted ─► Installed ─► Joined ─► Confirmed
//!               ▲          (waits, asks again)   │                          ▲                       │
//!               └────────────────────────────────┘            Reenrol ──────┴───────────────────────┘
//!  WaitOperator: somebody has to do something.  CloneSuspected: somebody has to choose.
//! ```
//!
//! Facts are looked up on the disk before each decision; the state is only what is worth remembering
//! between two of them, and a device that forgets it at a power cut decides the same again. Each decision
//! names exactly one [`Effect`]; whoever carries it out comes back with one [`Event`]. No I/O, no clock
//! and no randomness here: waits are lengths of time, and a random number is passed in.

mod backoff;
mod state;

pub use state::{
    Answered, Effect, Event, Facts, Fault, Held, Invited, Progress, Reason, State, Step, Unwritable,
};

use std::time::Duration;

use crate::wire::{Meaning, Phase, Refusal, Waiting};
use backoff::{LONGEST, START, backoff, longer, spread};

/// How soon a device that waits for its node to be ready asks for the first time; each time it waits longer.
const JOINING: Duration = Duration::from_secs(15);
/// How often a device that has joined asks whether it is still welcome.
const WELCOME: Duration = Duration::from_hours(6);

/// Decides. `random` is any number, new for each call.
#[must_use]
pub fn decide(facts: &Facts, state: State, event: Event, random: u64) -> (State, Effect) {
    match event {
        Event::Begun => begun(facts, state, random),
        Event::Due => next(facts, state),
        // A person looks on: what it waits for is asked for often again.
        Event::Asked => next(facts, State { waits: 0, ..state }),
        Event::Written => next(facts, settled(state)),
        Event::Progress(progress) => (reached(facts, state, progress), Effect::Nothing),
        Event::Answered(answer) => answered(facts, state, answer, random),
        Event::Stood {
            phase,
            generation,
            enrol_again,
        } => stood(facts, state, phase, (generation, enrol_again), random),
        Event::Failed(fault) => failed(facts, state, fault, random),
        Event::Unwritable(why) => {
            let state = State {
                step: Step::WaitOperator,
                reason: Reason::Unwritable(why),
                ..state
            };
            (state, Effect::Wait(spread(LONGEST, random)))
        }
    }
}

/// Thousands may start at once when the power comes back: what asks waits a little first.
fn begun(facts: &Facts, state: State, random: u64) -> (State, Effect) {
    let (state, effect) = next(facts, state);
    match effect {
        Effect::Ask { .. } | Effect::Inquire => {
            (state, Effect::Wait(backoff::up_to(START, random)))
        }
        other => (state, other),
    }
}

/// What facts ask for.
fn next(facts: &Facts, state: State) -> (State, Effect) {
    if facts.other_board {
        return stuck(state, Step::CloneSuspected, Reason::OtherBoard);
    }
    if !facts.key {
        return (at(state, Step::Init), Effect::MakeKey);
    }
    let asks_anew = state.again || facts.held.is_some_and(|held| held.elsewhere);
    match facts.held {
        Some(held) if !asks_anew => keep(facts, state, held),
        held => {
            let step = held.map_or(Step::KeyReady, |_| Step::Reenrol);
            let claim = facts.invited == Invited::Claim;
            match facts.invited {
                _ if claim || held.is_some() => (at(state, step), Effect::Ask { claim }),
                Invited::Spent => (at(state, step), Effect::Ask { claim: false }),
                Invited::Unusable => stuck(state, Step::WaitOperator, Reason::BadFile),
                Invited::Claim | Invited::Not => stuck(state, Step::WaitOperator, Reason::NoClaim),
            }
        }
    }
}

/// With a grant that holds.
fn keep(facts: &Facts, state: State, held: Held) -> (State, Effect) {
    if was_stopped(state) {
        return (state, Effect::Inquire);
    }
    if !held.confirmed {
        let step = if state.step == Step::Joined {
            Step::Joined
        } else {
            Step::Installed
        };
        return (at(state, step), Effect::Inquire);
    }
    if state.welcome && facts.invited == Invited::Claim && !state.erased {
        return (at(state, Step::Confirmed), Effect::Erase);
    }
    (at(state, Step::Confirmed), Effect::Inquire)
}

/// Somebody stopped it: until it hears otherwise it stays so, also while it asks.
fn was_stopped(state: State) -> bool {
    let stands = matches!(state.step, Step::WaitOperator | Step::CloneSuspected);
    let by_others = matches!(
        state.reason,
        Reason::Suspended | Reason::Forgotten | Reason::CloneSuspected | Reason::Refused(_)
    );
    stands && by_others
}

fn at(state: State, step: Step) -> State {
    State { step, ..state }
}

/// Only a person gets it out of here; it looks again by itself all the same.
fn stuck(state: State, step: Step, reason: Reason) -> (State, Effect) {
    let state = State {
        step,
        reason,
        ..state
    };
    (state, Effect::Wait(LONGEST))
}

/// Something was written, so whatever hindered that is over.
fn settled(state: State) -> State {
    State {
        reason: Reason::None,
        failures: 0,
        // A grant that was installed answers what made us ask anew.
        again: state.again && state.step != Step::Granted,
        erased: state.erased || state.step == Step::Confirmed,
        ..state
    }
}

/// How far a request has come; a device that has joined stays what it is while it asks.
fn reached(facts: &Facts, state: State, progress: Progress) -> State {
    if facts.held.is_some() {
        return state;
    }
    let step = match progress {
        Progress::Connected => Step::NetReady,
        Progress::Secured => Step::TimeReady,
        Progress::Sent => Step::Requested,
    };
    at(state, step)
}

fn answered(facts: &Facts, state: State, answer: Answered, random: u64) -> (State, Effect) {
    match answer {
        Answered::Refused {
            word: Refusal::Forgotten | Refusal::ClaimNeeded,
            ..
        } if may_come_back(facts, state) => come_back(facts, state),
        Answered::Grant => {
            let state = State {
                step: Step::Granted,
                reason: Reason::None,
                failures: 0,
                ..state
            };
            (state, Effect::Install)
        }
        Answered::Wait { after, reason } => {
            let step = if facts.held.is_some() {
                Step::Reenrol
            } else {
                Step::Requested
            };
            let reason = match reason {
                Waiting::Approval => Reason::WaitsForApproval,
                Waiting::PodNetwork | Waiting::Other => Reason::WaitsForCluster,
            };
            let state = waiting(state, step, reason);
            let wait = backoff::after(longer(after, state.waits), random);
            (state, Effect::Wait(wait))
        }
        Answered::Refused { word, after } => {
            let wait = match word.meaning() {
                Meaning::Later => backoff(state.failures, after, random),
                Meaning::Person | Meaning::Clone => backoff::rarely(after, random),
            };
            let step = match word.meaning() {
                Meaning::Later => idle(facts),
                Meaning::Person => Step::WaitOperator,
                Meaning::Clone => Step::CloneSuspected,
            };
            let state = State {
                step,
                reason: Reason::Refused(word),
                failures: state.failures.saturating_add(1),
                ..state
            };
            (state, Effect::Wait(wait))
        }
    }
}

fn stood(
    facts: &Facts,
    state: State,
    phase: Phase,
    (generation, enrol_again): (u64, bool),
    random: u64,
) -> (State, Effect) {
    let held = facts.held.unwrap_or_default();
    let (step, reason, wait) = match phase {
        Phase::Forgotten if may_come_back(facts, state) => return come_back(facts, state),
        Phase::Suspended => (Step::WaitOperator, Reason::Suspended, LONGEST),
        Phase::Forgotten => (Step::WaitOperator, Reason::Forgotten, LONGEST),
        Phase::CloneSuspected => (Step::CloneSuspected, Reason::CloneSuspected, LONGEST),
        // A newer grant was made, and its answer was lost; or the node is gone.
        _ if enrol_again || generation > held.generation => {
            let state = State {
                again: true,
                failures: 0,
                reason: Reason::None,
                ..state
            };
            return next(facts, state);
        }
        Phase::Active if !held.confirmed => {
            let state = State {
                step: Step::Joined,
                reason: Reason::None,
                failures: 0,
                welcome: true,
                ..state
            };
            return (state, Effect::Confirm);
        }
        // Only now is the claim of no use any more: it could have been a new one.
        Phase::Active if !state.welcome => {
            let state = State {
                welcome: true,
                reason: Reason::None,
                failures: 0,
                ..state
            };
            return match keep(facts, state, held) {
                erase @ (_, Effect::Erase) => erase,
                (state, _) => (state, Effect::Wait(spread(WELCOME, random))),
            };
        }
        Phase::Active => (Step::Confirmed, Reason::None, WELCOME),
        Phase::Pending => return waits(state, idle(facts), Reason::WaitsForApproval, random),
        Phase::Joining => return waits(state, Step::Joined, Reason::WaitsForNode, random),
        Phase::Granted | Phase::Other => {
            return waits(state, idle(facts), Reason::WaitsForNode, random);
        }
    };
    let state = State {
        step,
        reason,
        failures: 0,
        ..state
    };
    (state, Effect::Wait(spread(wait, random)))
}

/// For others: it asks how they are, each time later than the time before.
fn waits(state: State, step: Step, reason: Reason, random: u64) -> (State, Effect) {
    let state = waiting(state, step, reason);
    let wait = longer(JOINING, state.waits);
    (state, Effect::Wait(spread(wait, random)))
}

/// Counts how often it has waited for the same.
fn waiting(state: State, step: Step, reason: Reason) -> State {
    let same = state.reason == reason;
    State {
        step,
        reason,
        failures: 0,
        waits: if same {
            state.waits.saturating_add(1)
        } else {
            0
        },
        ..state
    }
}

/// A device that was forgotten comes back with a new claim, and only with one.
fn may_come_back(facts: &Facts, state: State) -> bool {
    !state.again && facts.held.is_some() && facts.invited == Invited::Claim
}

fn come_back(facts: &Facts, state: State) -> (State, Effect) {
    let state = State {
        again: true,
        reason: Reason::Forgotten,
        ..state
    };
    next(facts, state)
}

fn failed(facts: &Facts, state: State, fault: Fault, random: u64) -> (State, Effect) {
    let after = match fault {
        Fault::Busy { after } => after,
        _ => None,
    };
    let wait = backoff(state.failures, after, random);
    let state = State {
        step: idle(facts),
        reason: Reason::Failed(fault),
        failures: state.failures.saturating_add(1),
        ..state
    };
    (state, Effect::Wait(wait))
}

/// What a device is while it waits, by what it holds.
fn idle(facts: &Facts) -> Step {
    match facts.held {
        Some(held) if held.confirmed => Step::Confirmed,
        Some(_) => Step::Installed,
        None if facts.key => Step::KeyReady,
        None => Step::Init,
    }
}

#[cfg(test)]
mod tests;
