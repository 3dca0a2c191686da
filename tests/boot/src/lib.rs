//! The image in an emulated board, as its tests hold it.
//!
//! ```text
//!  test ── Card (a copy of the built image, thrown away) ──► Guest (QEMU)
//!    │                                                              │ serial line ──► target/boot/TEST.log
//!    ├── page, metrics: a forwarded port of 127.0.0.1 ──────────────┤
//!    ├── Lan: its ports, as a neighbour in its network sees them ────┤
//!    └── Agent: commands as root, over a wire of its own ───────────┘ (dev images only)
//! ```
//!
//! Everything about QEMU and the tools' tree is `cargo xtask`'s: [`xtask()`] runs it.

mod agent;
mod bundle;
mod card;
mod environment;
mod fat;
mod film;
mod gpt;
mod guest;
mod lan;
mod outside;
mod time;
mod wire;
mod writes;
mod xtask;

pub use agent::{Agent, Said};
pub use bundle::{bundle, delta, small_bundle};
pub use card::{Card, done, tool};
pub use environment::Environment;
pub use fat::Fat;
pub use film::Film;
pub use gpt::partition;
pub use guest::Guest;
pub use lan::{Door, Lan};
pub use outside::{HOST, Outside};
pub use time::serve_time;
pub use wire::Wire;
pub use writes::{Write, Writes};
pub use xtask::{image, pi_image, power_cuts, xtask};
