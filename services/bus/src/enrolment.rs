//! `org.vigla.Enrolment1`: who the node is, and how far it is on its way into a fleet.
//!
//! States and reasons are kebab-case words; their sentences stand here once, so that `viglactl`, the
//! page, the report and the journal say the same.

use serde::{Deserialize, Serialize};
use zbus::{OwnedVariant, Type, Variant};

use crate::problem::Text;

/// The interface of the root object.
pub const INTERFACE: &str = "org.vigla.Enrolment1";

/// Something that is wrong in `enrolment.toml`.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant,
)]
pub struct Mistake {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// One of the checks of the way to the registrar, in the order in which they build on each other.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant,
)]
pub struct Check {
    /// `file`, `dns`, `tcp`, `proxy`, `clock`, `tls`, `pin`, `claim` or `name`.
    pub name: String,
    /// `ok`, `failed`, `unknown`, or `skipped` when one before it failed or it does not apply.
    pub result: String,
    /// What was found.
    pub detail: String,
    /// What to do; empty when nothing is.
    pub fix: String,
}

/// The enrolment.
#[zbus::proxy(
    interface = "org.vigla.Enrolment1",
    default_service = "org.vigla.Enrolment1",
    default_path = "/org/vigla/Enrolment1"
)]
pub trait Enrolment {
    /// Tries now instead of at [`next_attempt`](Self::next_attempt).
    fn retry(&self) -> zbus::Result<()>;

    /// Looks at each part of the way to the registrar, without asking it for anything.
    fn diagnose(&self) -> zbus::Result<Vec<Check>>;

    /// One of [`STATES`].
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;

    /// Why it is not further: a word of [`REASONS`], or empty.
    #[zbus(property)]
    fn reason(&self) -> zbus::Result<String>;

    /// The short identity: 20 hex digits of the fingerprint of the key; empty before there is a key.
    #[zbus(property)]
    fn device_id(&self) -> zbus::Result<String>;

    /// The name of the node in its cluster; empty before there is a key.
    #[zbus(property)]
    fn node_name(&self) -> zbus::Result<String>;

    /// Where it registers: `https://host:port`; empty when nobody has said it.
    #[zbus(property)]
    fn registration_url(&self) -> zbus::Result<String>;

    /// The number of the grant that it holds; 0: none.
    #[zbus(property)]
    fn generation(&self) -> zbus::Result<u64>;

    /// When it tries or asks again, in microseconds since the Unix epoch by the clock of the node; 0: at once.
    #[zbus(property)]
    fn next_attempt(&self) -> zbus::Result<u64>;

    /// What is wrong in `enrolment.toml`.
    #[zbus(property)]
    fn mistakes(&self) -> zbus::Result<Vec<Mistake>>;
}

/// Every state, with what it means and what comes next.
pub const STATES: &[Text] = &[
    text("init", "the node makes its key", ""),
    text("key-ready", "the node has a key and no fleet yet", ""),
    text("net-ready", "the registrar was reached", ""),
    text("time-ready", "the registrar is the right one", ""),
    text("requested", "the node has asked to join", ""),
    text("granted", "the node was let in and writes that down", ""),
    text("installed", "the node was let in and joins its cluster", ""),
    text(
        "joined",
        "the node was seen in its cluster and is not ready yet",
        "",
    ),
    text("confirmed", "the node belongs to its fleet", ""),
    text("wait-operator", "somebody has to do something", ""),
    text("re-enrol", "the node asks to be let in again", ""),
    text(
        "clone-suspected",
        "somebody else has the key of this node",
        "",
    ),
];

/// Every reason, with what it means and the next step for a person.
pub const REASONS: &[Text] = &[
    text(
        "no-claim",
        "there is no claim on the card",
        "to join a fleet, put an `enrolment.toml` from `kubectl vigla claim create` beside `vigla.toml` and restart",
    ),
    text(
        "bad-file",
        "`enrolment.toml` on the card cannot be used",
        "correct the lines that `viglactl enrolment status` names, and restart",
    ),
    text(
        "other-board",
        "the key was made on another board",
        "put the card back into its own board, or reset this node",
    ),
    text(
        "no-room",
        "the data partition is full",
        "`viglactl doctor` says what takes the room",
    ),
    text(
        "read-only",
        "the data partition cannot be written",
        "restart the node; if that does not help, replace the card",
    ),
    text(
        "cannot-write",
        "the data partition gives errors",
        "see the log of `vigla-enrolment`; replace the card",
    ),
    text(
        "no-name",
        "no name server knows the registrar",
        "check the network and `dns` in `vigla.toml`, or write `addresses` into `enrolment.toml`",
    ),
    text(
        "no-route",
        "the registrar does not answer",
        "check that the network lets this node out to its address and port",
    ),
    text(
        "proxy",
        "the proxy does not let this node through",
        "correct `proxy` in `vigla.toml`, or allow the registrar's address and port there",
    ),
    text(
        "portal",
        "a log-in page of this network answers in the registrar's place",
        "log the node in there, or use a network without such a page",
    ),
    text(
        "untrusted",
        "what answers is not the registrar that `enrolment.toml` names",
        "nothing was told to it; make a new `enrolment.toml`, and let no TLS inspection stand between",
    ),
    text(
        "expired",
        "the registrar's certificate does not fit the time that it tells",
        "whoever runs the registrar has to renew its certificate or set its clock",
    ),
    text(
        "busy",
        "the registrar has no time now",
        "nothing is to be done: the node asks again",
    ),
    text(
        "odd-answer",
        "the registrar answers in a way that is not understood",
        "update this node, or the registrar",
    ),
    text(
        "bad-grant",
        "what the registrar gave is not sound",
        "see the log of `vigla-enrolment`; update the registrar",
    ),
    text(
        "waits-for-approval",
        "somebody has to approve this node",
        "`kubectl vigla device approve` with its name",
    ),
    text(
        "waits-for-cluster",
        "the cluster prepares something for this node",
        "nothing is to be done: the node asks again",
    ),
    text(
        "waits-for-node",
        "the node is not ready in its cluster yet",
        "nothing is to be done for some minutes; then see the log of the cluster's agent",
    ),
    text(
        "suspended",
        "the operator has suspended this node",
        "`kubectl vigla device release` with its name",
    ),
    text(
        "forgotten",
        "the operator has forgotten this node",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "clone-suspected",
        "two nodes use one key",
        "reset one of them, then `kubectl vigla device release`",
    ),
    text(
        "malformed",
        "the registrar cannot read what this node asks",
        "update this node, or the registrar",
    ),
    text(
        "version-unknown",
        "the registrar is too old for this node",
        "update the registrar",
    ),
    text(
        "claim-unknown",
        "the registrar does not know the claim",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "claim-expired",
        "the time of the claim is over",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "claim-revoked",
        "the claim was taken back",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "claim-used-up",
        "as many nodes as it is for have used the claim",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "claim-other-model",
        "the claim is for other models",
        "put an `enrolment.toml` for this model on the card and restart",
    ),
    text(
        "claim-needed",
        "the registrar does not know this node, and no claim is left",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "proof-wrong",
        "the claim does not fit the registrar",
        "put a new `enrolment.toml` on the card and restart",
    ),
    text(
        "key-known-elsewhere",
        "the registrar knows this key with another board",
        "reset this node, or `kubectl vigla device release` with its name",
    ),
    text(
        "name-clash",
        "another device has this node's name",
        "remove that device, or reset this node",
    ),
    text(
        "too-many",
        "too many nodes ask at once",
        "nothing is to be done: the node asks again",
    ),
    text(
        "other",
        "the registrar refuses for a reason that is not known here",
        "update this node",
    ),
];

const fn text(code: &'static str, what: &'static str, fix: &'static str) -> Text {
    Text { code, what, fix }
}

/// What a state or a reason means; the word itself when it is not known here.
#[must_use]
pub fn what<'t>(texts: &'static [Text], word: &'t str) -> &'t str {
    let known = texts.iter().find(|text| text.code == word);
    known.map_or(word, |text| text.what)
}

/// The next step for a person; empty when there is none.
#[must_use]
pub fn fix(reason: &str) -> &'static str {
    let known = REASONS.iter().find(|text| text.code == reason);
    known.map_or("", |text| text.fix)
}

/// Whether a person has to do something, the node belongs to its fleet, or it is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It belongs to its fleet.
    Good,
    /// It gets there by itself, or has no fleet to get to.
    Under,
    /// Somebody has to do something.
    Bad,
}

/// How it is with the node in a state, for a reason.
#[must_use]
pub fn tone(state: &str, reason: &str) -> Tone {
    match (state, reason) {
        ("confirmed", _) => Tone::Good,
        ("wait-operator", "no-claim") => Tone::Under,
        ("wait-operator" | "clone-suspected", _) => Tone::Bad,
        _ => Tone::Under,
    }
}

/// All that a person is told in one place, on the console, the page and by `viglactl`: where the node is, why,
/// and what to do now.
#[must_use]
pub fn told(state: &str, reason: &str) -> String {
    let said = sentence(state, reason);
    let mut letters = said.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let said = first.unwrap_or_default() + letters.as_str();
    match fix(reason) {
        "" => format!("{said}."),
        fix => format!("{said}: {fix}."),
    }
}

/// State and reason in one sentence without its full stop: ``the node has a key and no fleet yet, because …``.
#[must_use]
pub fn sentence(state: &str, reason: &str) -> String {
    let what_state = what(STATES, state);
    match reason {
        "" => what_state.to_owned(),
        reason => format!("{what_state}, because {}", what(REASONS, reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_where_and_why() {
        assert_eq!(sentence("confirmed", ""), "the node belongs to its fleet");
        assert_eq!(
            sentence("key-ready", "no-route"),
            "the node has a key and no fleet yet, because the registrar does not answer"
        );
        assert_eq!(sentence("newer", "tide"), "newer, because tide");
        assert_eq!(fix("tide"), "");
    }

    #[test]
    fn what_a_person_is_told_has_the_next_step() {
        assert_eq!(told("confirmed", ""), "The node belongs to its fleet.");
        assert_eq!(
            told("wait-operator", "suspended"),
            "Somebody has to do something, because the operator has suspended this node: \
             `kubectl vigla device release` with its name."
        );
        assert_eq!(tone("wait-operator", "no-claim"), Tone::Under);
        assert_eq!(tone("wait-operator", "suspended"), Tone::Bad);
        assert_eq!(tone("confirmed", "no-route"), Tone::Good);
    }

    #[test]
    fn words_are_unique() {
        for texts in [STATES, REASONS] {
            let mut words: Vec<_> = texts.iter().map(|text| text.code).collect();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), texts.len());
        }
        assert!(REASONS.iter().all(|text| !text.fix.is_empty()));
    }
}
