//! The few acts that need root: one verb each, from a checked request.
//!
//! ```text
//! a daemon ── writes and renames ──► /run/vigla/act/VERB/request.json
//!                                         │ path unit
//!                                         ▼
//!        vigla-act-VERB.service (root, one shot): take, check, act ──► /run/vigla/act/answers/VERB.json
//! ```
//!
//! Daemons have no capability and no way to root but this one. So nothing of a request is believed: not
//! its file (`request`: owner, kind, size, no link is followed), not its text (each verb's type takes
//! known keys only, and values that cannot mean anything but themselves), and there is no shell. Who may
//! ask for a verb is the group `vigla-act-VERB`. What a verb does to the system goes through
//! [`System`], and all paths through [`Places`], so that tests act on a temporary root.
//!
//! Not here: when an act is wanted. That is the requesting daemon's business.

mod acts;
mod answer;
pub mod file;
pub mod network;
mod places;
mod request;
pub mod reset;
mod system;
mod verb;
pub mod words;

pub use acts::Failed;
pub use places::Places;
pub use request::{FILE, LARGEST, Refusal};
pub use system::{Real, System};
pub use verb::{UnknownVerb, Verb};

/// Why nothing was done, or not all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is none, or not a good one; nothing was touched.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The request was good, and the act went wrong.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// The act was done, and nobody can be told.
    #[error("cannot write the answer: {0}")]
    Answer(std::io::Error),
}

/// Takes the request for `verb`, acts, and answers. Says what was done.
pub fn serve(verb: Verb, places: &Places, system: &mut dyn System) -> Result<String, Error> {
    let mut id = String::new();
    let result = once(verb, places, system, &mut id);
    answer::write(verb, places, &id, result.as_ref()).map_err(Error::Answer)?;
    result
}

fn once(
    verb: Verb,
    places: &Places,
    system: &mut dyn System,
    id: &mut String,
) -> Result<String, Error> {
    let askers = system.members(&verb.group());
    let text = request::take(&places.requests(verb), &askers)?;
    let act = acts::parse(verb, &text).map_err(Refusal::Text)?;
    act.id().clone_into(id);
    Ok(act.perform(places, system)?)
}
