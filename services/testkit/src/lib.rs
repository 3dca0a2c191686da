//! Real daemons on a private bus: a dbus-daemon with the **shipped** policy, a temporary root,
//! each daemon under its own user when we are root, and a real MQTT broker.
//!
//! For tests and for `cargo xtask run`; never on a device. It knows the `dist/` trees and nothing
//! of what a daemon does, and it has no async and no D-Bus library, so that everything may depend
//! on it; only the feature `peers`, for tests, links the bus and serves stand-ins. Children die
//! with the thread that started them (`PR_SET_PDEATHSIG`), whatever happens.

mod broker;
mod bus;
mod child;
#[cfg(feature = "fuzz")]
mod corpus;
mod daemon;
mod dist;
mod namespace;
mod notify;
#[cfg(feature = "peers")]
pub mod peers;
mod policy;
mod refusals;
mod rig;
pub mod rtsp;
mod skip;
mod users;
mod wait;
mod web;

pub use broker::Broker;
pub use child::Child;
#[cfg(feature = "fuzz")]
pub use corpus::fuzz;
pub use daemon::{Daemon, DaemonBuilder};
pub use namespace::{with_network, with_users};
pub use refusals::{Wrong, refusals};
pub use rig::{Rig, Who};
pub use skip::skip;
pub use users::Users;
pub use wait::{free_port, until};
pub use web::{Habits, Web};
