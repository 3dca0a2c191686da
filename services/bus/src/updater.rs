//! `org.vigla.Updater1`: slots, bundles, and the one job that writes a bundle to the other slot.
//!
//! Words on the wire are kebab-case, and those of [`RESULTS`] have their sentences here once, so that
//! `viglactl`, the page and the journal say the same.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use zbus::{OwnedObjectPath, OwnedVariant, Type, Variant};

use crate::problem::Text;

/// The interface of the root object.
pub const INTERFACE: &str = "org.vigla.Updater1";
/// The interface of a job.
pub const JOB: &str = "org.vigla.Updater1.Job";

/// A place for a whole system on the card.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant,
)]
pub struct Slot {
    /// `A` or `B`.
    pub name: String,
    /// The version in it; empty when it is not known.
    pub version: String,
    /// `running`, or `idle`.
    pub state: String,
    /// What the boot loader thinks of it: `good`, `bad`, or empty when it does not say.
    pub health: String,
    /// Whether the next start is from it.
    pub next: bool,
    /// Whether the version in it once passed the mission gate.
    pub proven: bool,
}

/// A version that could be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// What to hand to `Install`: a path or an address.
    pub source: String,
    /// `feed`, or `stick`.
    pub origin: String,
    /// SHA-256 of its manifest, 64 hex digits; empty when nobody has said it.
    pub manifest_hash: String,
    /// Size in bytes; 0 when nobody has said it.
    pub bytes: u64,
    /// `newer`, `same`, or a word of [`RESULTS`] that says why it cannot be installed.
    pub verdict: String,
}

/// Something that happened to the slots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct HistoryEntry {
    /// When, by the clock of the node.
    pub time_usec: u64,
    /// `installed`, `refused`, `passed` (the mission gate, for the first time), `failed` (the gate, on a
    /// version that never passed), `unwell` (the gate, on one that had), `fell-back`, `rolled-back`.
    pub event: String,
    /// The slot it is about; may be empty.
    pub slot: String,
    /// The version it is about; may be empty.
    pub version: String,
    /// The version that ran before, or to which the node went back; may be empty.
    pub before: String,
    /// Where a bundle came from; may be empty.
    pub source: String,
    /// A word of [`RESULTS`] for `installed` and `refused`; the first check that failed for `failed` and
    /// `unwell`; else empty.
    pub result: String,
    /// How often the version was started, for `failed` and `fell-back`; else 0.
    pub tries: u32,
    /// The dossier as JSON, for `failed`, `unwell` and `fell-back`; else, and when it is no longer kept, empty.
    pub dossier: String,
}

/// How a job may end, each with what is wrong and what to do; `{}` stands for the job's `Subject`.
pub const RESULTS: &[Text] = &[
    text("done", "the bundle is installed", "restart the node"),
    text(
        "cancelled",
        "it was cancelled",
        "install again when you want it",
    ),
    text(
        "interrupted",
        "the service ended meanwhile",
        "install again: a download goes on where it was",
    ),
    text(
        "no-installer",
        "RAUC does not answer",
        "see the log of `rauc`",
    ),
    text(
        "unreadable",
        "the bundle cannot be read: {}",
        "check its path",
    ),
    text(
        "damaged",
        "the bundle is damaged or cut off",
        "copy or download it again",
    ),
    text(
        "wrong-key",
        "the bundle is signed by nobody whom this node trusts",
        "take one that is signed for this node, or add its authority to the keyring by an update that is trusted",
    ),
    text(
        "wrong-purpose",
        "the certificate that signed the bundle is not for signing code",
        "sign it with one that is",
    ),
    text(
        "signature-expired",
        "the certificate that signed the bundle has expired",
        "take a newer bundle, unless the clock of this node is wrong",
    ),
    text(
        "signature-early",
        "the certificate that signed the bundle is not valid yet by the clock of this node",
        "let the node reach a time server",
    ),
    text(
        "wrong-machine",
        "the bundle is for `{}`",
        "take the bundle for this machine: `viglactl update status` names it",
    ),
    text(
        "plain-format",
        "the bundle is not in the verity format",
        "build it with `format=verity`",
    ),
    text(
        "bad-version",
        "`{}` is no version",
        "name the bundle's version like 1.2.3",
    ),
    text(
        "older",
        "the bundle has version `{}`, which is older than what has run here",
        "go back with `viglactl update rollback`, as far as that goes",
    ),
    text(
        "misfit",
        "the delta does not fit what runs here: {}",
        "install the whole bundle, or a delta from the version that runs: `viglactl update status` names it",
    ),
    text(
        "swapped",
        "the bundle is another one than was announced",
        "check its source; if the feed is yours, publish again",
    ),
    text(
        "no-space",
        "there is no room for {} bytes",
        "make room on the data partition, or install from a USB stick",
    ),
    text(
        "unreachable",
        "`{}` cannot be reached",
        "check the address and the network; what was downloaded is kept",
    ),
    text("not-found", "`{}` does not have it", "check the address"),
    text(
        "untrusted",
        "nobody whom this node trusts vouches for `{}`",
        "name the authority as `ca_file` in the settings of `vigla-updater`",
    ),
    text(
        "no-stick",
        "no USB stick holds a bundle for this machine",
        "plug in one that does, with the bundle at its top",
    ),
    text(
        "locked",
        "the node is being enrolled",
        "try again when it is enrolled",
    ),
    text(
        "write-failed",
        "RAUC could not write it: {}",
        "see the log of `rauc`; this version goes on running",
    ),
    text(
        "refused",
        "RAUC refuses the bundle: {}",
        "see the log of `rauc`",
    ),
];

const fn text(code: &'static str, what: &'static str, fix: &'static str) -> Text {
    Text { code, what, fix }
}

/// What a result means and what to do; the code itself when it is from a newer service.
#[must_use]
pub fn explain(code: &str, subject: &str) -> (String, String) {
    let known = RESULTS.iter().find(|text| text.code == code);
    known.map_or_else(
        || (format!("{code} {subject}"), String::new()),
        |text| {
            (
                text.what.replace("{}", subject),
                text.fix.replace("{}", subject),
            )
        },
    )
}

/// The updater.
#[zbus::proxy(
    interface = "org.vigla.Updater1",
    default_service = "org.vigla.Updater1",
    default_path = "/org/vigla/Updater1"
)]
pub trait Updater {
    /// What could be installed: from the release feed, and from USB sticks. Answers within 20 s.
    ///
    /// # Errors
    ///
    /// `NotReady` when there is a feed and it cannot be had or trusted; sticks are then looked at alone
    /// with the feed switched off.
    fn check(&self) -> zbus::Result<Vec<Release>>;

    /// Writes a bundle to the slot that does not run, and restarts into it. Answers with the job at once.
    ///
    /// `source` is a path from the root, an address (`http://`, `https://`), `feed` (the newest of the
    /// release feed) or `stick` (the newest on a USB stick). Options: `manifest-hash` (s): SHA-256 that the
    /// manifest must have; `when` (s): `now` or `window` (wait for the maintenance window), default `now`;
    /// `after` (s): `restart` or `stay`, default `restart`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`; `Busy` while a job runs.
    fn install(
        &self,
        source: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<(u64, OwnedObjectPath)>;

    /// Starts from the other slot, with what is in it, and answers with its name before the restart.
    ///
    /// # Errors
    ///
    /// `Busy` while a job runs; `NotReady` when the other slot holds nothing that starts.
    fn rollback(&self) -> zbus::Result<String>;

    /// Has the node forget everything that `crate::reset::LOST` names, and restarts it. `by` is who asks: `page` or
    /// `viglactl`. Answers before the restart.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`; `Busy` while a job runs; `NotReady` where nobody takes the order (a laptop).
    fn reset(&self, by: &str) -> zbus::Result<()>;

    /// What happened, newest first, at most `limit` (1..=50).
    fn list_history(&self, limit: u32) -> zbus::Result<Vec<HistoryEntry>>;

    /// A job has ended; its object can be read until the next one begins. `result` is of [`RESULTS`].
    #[zbus(signal)]
    fn job_removed(&self, id: u64, path: OwnedObjectPath, result: &str) -> zbus::Result<()>;

    /// The slots, sorted by name; none where there are no slots (a laptop). Not signalled.
    #[zbus(property(emits_changed_signal = "false"))]
    fn slots(&self) -> zbus::Result<Vec<Slot>>;

    /// What bundles must be for (RAUC's `compatible`); empty where there is no RAUC. Not signalled.
    #[zbus(property(emits_changed_signal = "false"))]
    fn machine(&self) -> zbus::Result<String>;

    /// The version that runs.
    #[zbus(property(emits_changed_signal = "const"))]
    fn running(&self) -> zbus::Result<String>;

    /// No version below this is installed; empty: any is. Not signalled.
    #[zbus(property(emits_changed_signal = "false"))]
    fn floor(&self) -> zbus::Result<String>;

    /// The job that runs, or the last one; number 0 before the first.
    #[zbus(property)]
    fn job(&self) -> zbus::Result<OwnedObjectPath>;
}

/// A job of [`UpdaterProxy::install`].
#[zbus::proxy(
    interface = "org.vigla.Updater1.Job",
    default_service = "org.vigla.Updater1"
)]
pub trait Job {
    /// Ends it. The bundle that was partly downloaded is kept for the next attempt.
    ///
    /// # Errors
    ///
    /// `NotReady` while RAUC writes, which cannot be stopped, and when it is over.
    fn cancel(&self) -> zbus::Result<()>;

    /// Its number.
    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> zbus::Result<u64>;

    /// As it was asked for, without user and password.
    #[zbus(property(emits_changed_signal = "const"))]
    fn source(&self) -> zbus::Result<String>;

    /// `waiting` (for the maintenance window), `fetching`, `building` (from a delta), `checking`, `writing`, `over`.
    #[zbus(property)]
    fn state(&self) -> zbus::Result<String>;

    /// Share that is done, 0..=1: of the download while fetching, of RAUC's work while writing. Signalled
    /// for each whole percent.
    #[zbus(property)]
    fn progress(&self) -> zbus::Result<f64>;

    /// The version in the bundle, once it is known.
    #[zbus(property)]
    fn version(&self) -> zbus::Result<String>;

    /// How it ended, of [`RESULTS`]; empty until then.
    #[zbus(property)]
    fn result(&self) -> zbus::Result<String>;

    /// What the result is about: a machine, a version, a host; may be empty.
    #[zbus(property)]
    fn subject(&self) -> zbus::Result<String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_explained_with_its_subject() {
        let (what, fix) = explain("wrong-machine", "vigla-rpi4");
        assert_eq!(what, "the bundle is for `vigla-rpi4`");
        assert!(fix.starts_with("take the bundle"));
        assert_eq!(explain("newer-than-us", "x").0, "newer-than-us x");
    }

    #[test]
    fn results_are_unique_and_kebab_case() {
        let mut codes: Vec<_> = RESULTS.iter().map(|text| text.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RESULTS.len());
        let kebab = |code: &&str| code.chars().all(|x| x.is_ascii_lowercase() || x == '-');
        assert!(codes.iter().all(kebab));
    }
}
