//! The stand-in of the enrolment: where on its way into a fleet a test puts the node, and what was asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vigla_bus::enrolment::{Check, Mistake};
use vigla_bus::zbus;

/// What it says. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Way(Arc<Mutex<Stand>>);

/// What a test may set and read.
#[derive(Debug, Default)]
pub struct Stand {
    /// A word of `vigla_bus::enrolment::STATES`.
    pub state: String,
    /// A word of `vigla_bus::enrolment::REASONS`, or empty.
    pub reason: String,
    /// When it asks next.
    pub next_usec: u64,
    /// What is wrong in the file.
    pub mistakes: Vec<Mistake>,
    /// What `Diagnose` answers.
    pub checks: Vec<Check>,
    /// How often somebody wanted it to try now.
    pub retries: u32,
}

impl Way {
    /// To look and to set.
    pub fn lock(&self) -> MutexGuard<'_, Stand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the node there.
    pub fn at(&self, state: &str, reason: &str, next_usec: u64) {
        let mut stand = self.lock();
        (stand.state, stand.reason) = (state.to_owned(), reason.to_owned());
        stand.next_usec = next_usec;
    }
}

/// The root object.
pub(super) struct Served(pub(super) Way);

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Enrolment1")]
impl Served {
    fn retry(&self) {
        self.0.lock().retries += 1;
    }

    fn diagnose(&self) -> Vec<Check> {
        self.0.lock().checks.clone()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.0.lock().state.clone()
    }

    #[zbus(property)]
    fn reason(&self) -> String {
        self.0.lock().reason.clone()
    }

    #[zbus(property)]
    fn device_id(&self) -> &'static str {
        "0123456789abcdef0123"
    }

    #[zbus(property)]
    fn node_name(&self) -> &'static str {
        "vigla-0123456789abcdef0123"
    }

    #[zbus(property)]
    fn registration_url(&self) -> &'static str {
        "https://enrol.example:8443"
    }

    #[zbus(property)]
    fn generation(&self) -> u64 {
        0
    }

    #[zbus(property)]
    fn next_attempt(&self) -> u64 {
        self.0.lock().next_usec
    }

    #[zbus(property)]
    fn mistakes(&self) -> Vec<Mistake> {
        self.0.lock().mistakes.clone()
    }
}
