//! State that outlives the slots.
//!
//! ```text
//!  initial RAM disk ── there is an order ──► reset: everything but what `reset::fate` keeps goes
//!  each start ───────► enter: the files of each service, from the version that wrote them to ours
//!  each orderly end ─► leave: the same files as the version before wants them, put beside
//! ```
//!
//! Two slots write the same state, and the older one knows nothing of the newer. So the newer one keeps,
//! beside what it changes, a copy in the older shape, and renews it at each orderly end; the older one
//! finds its shape there and takes it. What a version changes is a [`steps::Step`] of pure functions.
//! All paths go through [`vigla_act::Places`], so that tests act on a temporary root.
//!
//! Not here: when to reset. `vigla-act reset` and the card write the order (`vigla_act::reset`).

mod folder;
pub mod move_over;
pub mod reset;
mod stamps;
pub mod steps;

pub use move_over::{enter, leave};
