//! What a device, the registrar and the cloud tool agree on: who may join the fleet, how it is asked
//! for, and what is given.
//!
//! ```text
//!  cloud tool ──► enrolment.toml: endpoint, pin of the CA, claim ([`invitation`], [`claim`])
//!                      │ on the card
//!  device: key ([`identity`]) ──► request with a proof ([`wire`], [`proof`]) ──► registrar
//!          grant ◄── signed by a key below the pinned CA ([`grant`], [`signed`]) ◄──┘
//! ```
//!
//! The claim never crosses the wire, and nothing here asks what time it is: a grant says when it was
//! made, and whoever reads it decides what that is worth. No I/O and no async here: what a device does next is
//! [`device`], a function of facts.
#![deny(missing_docs)]

pub mod admission;
pub mod authority;
pub mod claim;
#[cfg(feature = "crd")]
pub mod crd;
pub mod csr;
pub mod device;
pub mod endpoint;
pub mod fingerprint;
pub mod grant;
pub mod identity;
pub mod invitation;
pub mod proof;
pub mod secret;
pub mod signed;
#[cfg(feature = "tls")]
pub mod tls;
pub mod wire;

mod text;
