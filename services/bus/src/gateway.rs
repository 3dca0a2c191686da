//! `org.vigla.Gateway1`: who may see the page, as far as it is told on the device.

use serde::{Deserialize, Serialize};
use zbus::{OwnedVariant, Type, Variant};

/// The interface of the root object.
pub const INTERFACE: &str = "org.vigla.Gateway1";

/// A token of a program, or a guest link. Its secret is kept by nobody but its owner.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type, Variant, OwnedVariant,
)]
pub struct Token {
    /// What it is revoked by; no secret.
    pub id: String,
    /// What it was called when it was made.
    pub name: String,
    /// `stream`, `metrics`, `api`; or `guest` alone, for a link.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_usec: u64,
    /// When it ends; 0 is never.
    pub expires_usec: u64,
}

/// The gateway.
#[zbus::proxy(
    interface = "org.vigla.Gateway1",
    default_service = "org.vigla.Gateway1",
    default_path = "/org/vigla/Gateway1"
)]
pub trait Gateway {
    /// Makes a token and gives its id and its secret, which is told only here. With the scope
    /// `guest`, which needs an end, the secret is that of a link: `/guest/<secret>`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` says what is wrong with name, scopes or end; `NotReady` that there are too
    /// many tokens or that none can be kept.
    fn create_token(
        &self,
        name: &str,
        scopes: &[&str],
        expires_usec: u64,
    ) -> zbus::Result<(String, String)>;

    /// All tokens and links, oldest first; some may have ended.
    fn list_tokens(&self) -> zbus::Result<Vec<Token>>;

    /// Takes a token or a link back; what came by it ends at once.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such.
    fn revoke_token(&self, id: &str) -> zbus::Result<()>;
}
