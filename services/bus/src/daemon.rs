//! `org.vigla.Daemon1`: what every daemon says about itself, on its root object.

use crate::{Problem, names::Service};

/// The path-independent interface name.
pub const INTERFACE: &str = "org.vigla.Daemon1";

/// Health and version of one daemon. Served by `vigla-kit`, the same everywhere.
#[zbus::proxy(interface = "org.vigla.Daemon1", assume_defaults = false)]
pub trait Daemon {
    /// The version of the workspace this daemon was built from.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<String>;

    /// Why the daemon is degraded; empty when all is well. Sorted, without doubles.
    #[zbus(property)]
    fn problems(&self) -> zbus::Result<Vec<Problem>>;
}

impl DaemonProxy<'_> {
    /// The proxy for the root object of `service`.
    pub async fn of(
        connection: &zbus::Connection,
        service: Service,
    ) -> zbus::Result<DaemonProxy<'static>> {
        DaemonProxy::builder(connection)
            .destination(service.name)
            .path(service.path)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }
}
