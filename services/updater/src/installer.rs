//! What we need of whoever writes slots: to ask, to write, to mark. The real one is RAUC.

pub mod rauc;
mod words;

use std::fmt::Debug;
use std::path::PathBuf;

use futures_util::future::BoxFuture;
use vigla_bus::updater::Slot;

use crate::bundle::Bundle;
use crate::outcome::End;

pub use rauc::Rauc;

/// The answer to a question, later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, End>>;

/// What the next start is from, or how a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The slot that runs has passed.
    Good,
    /// The next start is from this slot.
    Active,
}

/// Writes slots. Every method may end with `no-installer`.
pub trait Installer: Debug + Send + Sync {
    /// Whether there is one on this machine at all, running or to be started.
    fn there(&self) -> BoxFuture<'_, bool>;
    /// What bundles must be for.
    fn machine(&self) -> Answer<'_, String>;
    /// The slots that can be started from, sorted by name; `proven` and the running version are not known.
    fn slots(&self) -> Answer<'_, Vec<Slot>>;
    /// The device that the running slot is on.
    fn running_device(&self) -> Answer<'_, PathBuf>;
    /// Reads a bundle and verifies who signed it.
    fn inspect<'a>(&'a self, bundle: &'a str) -> Answer<'a, Bundle>;
    /// Writes the bundle whose manifest has this hash; tells how far it is, 0..=1.
    fn write<'a>(
        &'a self,
        bundle: &'a str,
        manifest_hash: &'a str,
        progress: &'a (dyn Fn(f64) + Send + Sync),
    ) -> Answer<'a, ()>;
    /// Marks a slot by its name (`A`).
    fn mark<'a>(&'a self, mark: Mark, slot: &'a str) -> Answer<'a, ()>;
}
