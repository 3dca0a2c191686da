//! Who is at the other end of a TLS connection, judged by keys and never by the clock of the device.
//!
//! - The device trusts a server whose certificate stands below a pinned authority ([`Pinned`]). The
//!   server sends that authority's certificate along. Validity: there must be a time, not before the
//!   *floor*, at which the certificate is valid. The floor is the latest time that the device has reason
//!   to believe in; its own clock does not count. What the server then says the time is has to lie in
//!   the certificate's validity, which [`Seen::was_valid_at`] tells.
//! - The registrar takes any certificate of a device, for only the key in it counts ([`AnyDevice`],
//!   [`device_of`]): TLS shows that the private half is there, and the key is the identity.

mod device;
mod server;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

pub use device::{AnyDevice, certified, device_of};
pub use server::{Pinned, Seen};

/// The project's one provider.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
