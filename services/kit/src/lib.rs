//! The life of a Vigla daemon, written once: settings, logging, notify, watchdog, shutdown, exit
//! codes, metrics socket, health on the bus.
//!
//! A daemon's `main` hands its name and its `run` to [`main`]; `run` gets a [`Context`] and valid
//! settings, makes its parts, registers its objects, calls [`Context::ready`] and returns or goes
//! on; the kit waits for SIGTERM, a failed task or a lost bus, and drains. What a daemon *does*
//! is not here, and nothing here knows a particular daemon.
#![deny(missing_docs)]

pub mod act;
mod args;
pub mod atomic;
pub mod clock;
pub mod config;
mod context;
mod daemon;
pub mod exit;
mod folder;
mod health;
pub mod identity;
mod log;
mod log_control;
pub mod metrics;
mod notify;
pub mod peer;
mod problems;
#[cfg(feature = "proxy")]
pub mod proxy;

pub use clock::Clock;
pub use config::{ConfigError, Locator, Settings};
pub use context::Context;
pub use daemon::main;
pub use problems::Problems;
