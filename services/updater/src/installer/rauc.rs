//! RAUC over its own D-Bus interface, `de.pengutronix.rauc.Installer`, of version 1.9 or later.
//!
//! RAUC runs one installation at a time and says how it went by the signal `Completed`, with the reason
//! in the property `LastError`. It is started by the bus when it is first asked.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use vigla_bus::updater::Slot;
use vigla_bus::zbus::{self, Connection, OwnedVariant, Variant, fdo, proxy::CacheProperties};

use super::words;
use super::{Answer, Installer, Mark};
use crate::bundle::Bundle;
use crate::outcome::End;

/// The well-known name.
pub const NAME: &str = "de.pengutronix.rauc";
/// How often the progress of a write is asked for: RAUC signals it on a connection of its own.
const LOOK: Duration = Duration::from_millis(500);

/// So many looks in a row at an idle RAUC: its end must have been missed.
const IDLE: u32 = 4;

/// How RAUC complains of an option.
const UNKNOWN: &str = "Unsupported key: require-manifest-hash";

type Properties = HashMap<String, OwnedVariant>;

#[zbus::proxy(
    interface = "de.pengutronix.rauc.Installer",
    default_service = "de.pengutronix.rauc",
    default_path = "/"
)]
trait RaucInstaller {
    fn install_bundle(&self, source: &str, args: HashMap<&str, Variant<'_>>) -> zbus::Result<()>;
    fn inspect_bundle(
        &self,
        bundle: &str,
        args: HashMap<&str, Variant<'_>>,
    ) -> zbus::Result<Properties>;
    fn mark(&self, state: &str, slot_identifier: &str) -> zbus::Result<(String, String)>;
    fn get_slot_status(&self) -> zbus::Result<Vec<(String, Properties)>>;
    fn get_primary(&self) -> zbus::Result<String>;
    #[zbus(signal)]
    fn completed(&self, result: i32) -> zbus::Result<()>;
    #[zbus(property)]
    fn operation(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn last_error(&self) -> zbus::Result<String>;
    #[zbus(property)]
    fn progress(&self) -> zbus::Result<(i32, String, i32)>;
    #[zbus(property)]
    fn compatible(&self) -> zbus::Result<String>;
}

/// RAUC, on the connection for calls and the one for signals.
#[derive(Debug, Clone)]
pub struct Rauc {
    calls: Connection,
    signals: Connection,
}

impl Rauc {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(calls: Connection, signals: Connection) -> Self {
        Self { calls, signals }
    }

    async fn proxy(&self, connection: &Connection) -> Result<RaucInstallerProxy<'static>, End> {
        let proxy = RaucInstallerProxy::builder(connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        proxy.map_err(|error| absent(&error))
    }

    async fn known(&self) -> zbus::Result<bool> {
        let bus = fdo::DBusProxy::new(&self.calls).await?;
        let here = |names: Vec<zbus::names::OwnedBusName>| names.iter().any(|n| n.as_str() == NAME);
        Ok(here(bus.list_names().await?) || here(bus.list_activatable_names().await?))
    }

    /// The slot `rootfs.1` that is started as `B`.
    async fn full_name(&self, slot: &str) -> Result<String, End> {
        let proxy = self.proxy(&self.calls).await?;
        let slots = proxy
            .get_slot_status()
            .await
            .map_err(|error| absent(&error))?;
        let found = slots.into_iter().find(|(_, p)| text(p, "bootname") == slot);
        found
            .map(|(name, _)| name)
            .ok_or_else(|| End::about("refused", format!("no slot `{slot}`")))
    }

    async fn install(
        &self,
        bundle: &str,
        hash: &str,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> Result<(), End> {
        // Before the call, or the end could be missed.
        let listener = self.proxy(&self.signals).await?;
        let mut completed = listener
            .receive_completed()
            .await
            .map_err(|error| absent(&error))?;
        let proxy = self.proxy(&self.calls).await?;
        let wanted = HashMap::from([("require-manifest-hash", Variant::from(hash))]);
        let begun = match proxy.install_bundle(bundle, wanted).await {
            // RAUC 1.13 does not know it yet: then what it has written is looked at afterwards.
            Err(zbus::Error::MethodError(_, Some(said), _)) if said.contains(UNKNOWN) => {
                proxy.install_bundle(bundle, HashMap::new()).await
            }
            begun => begun,
        };
        begun.map_err(|error| failure(&error, words::of_writing))?;
        let mut idle = 0;
        loop {
            tokio::select! {
                end = completed.next() => {
                    let Some(end) = end else { return Err(End::new("no-installer")) };
                    return match end.args().map(|args| *args.result()) {
                        Ok(0) => same(&proxy, hash).await,
                        _ => Err(words::of_writing(&proxy.last_error().await.unwrap_or_default())),
                    };
                }
                () = tokio::time::sleep(LOOK) => {
                    let (percent, ..) = proxy.progress().await.map_err(|error| absent(&error))?;
                    progress(f64::from(percent.clamp(0, 100)) / 100.0);
                    // One that died and was started anew knows of no installation, and will not end it.
                    let operation = proxy.operation().await.map_err(|error| absent(&error))?;
                    idle = if operation == "idle" { idle + 1 } else { 0 };
                    if idle > IDLE {
                        return Err(End::about("write-failed", "it ended meanwhile"));
                    }
                }
            }
        }
    }
}

impl Installer for Rauc {
    fn there(&self) -> BoxFuture<'_, bool> {
        async { self.known().await.unwrap_or(false) }.boxed()
    }

    fn machine(&self) -> Answer<'_, String> {
        async {
            let proxy = self.proxy(&self.calls).await?;
            proxy.compatible().await.map_err(|error| absent(&error))
        }
        .boxed()
    }

    fn slots(&self) -> Answer<'_, Vec<Slot>> {
        async {
            let proxy = self.proxy(&self.calls).await?;
            let status = proxy
                .get_slot_status()
                .await
                .map_err(|error| absent(&error))?;
            // Without a boot loader's answer there is no next, and everything else still holds.
            let primary = proxy.get_primary().await.unwrap_or_default();
            let mut slots: Vec<_> = status.iter().filter_map(|s| slot(s, &primary)).collect();
            slots.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(slots)
        }
        .boxed()
    }

    fn running_device(&self) -> Answer<'_, PathBuf> {
        async {
            let proxy = self.proxy(&self.calls).await?;
            let slots = proxy.get_slot_status().await;
            let slots = slots.map_err(|error| absent(&error))?;
            let mut running = slots.iter().filter(|(_, s)| text(s, "state") == "booted");
            let device = running.next().map(|(_, said)| text(said, "device"));
            let device = device.filter(|device| !device.is_empty());
            let device = device.map(PathBuf::from);
            device.ok_or_else(|| End::about("refused", "no slot runs"))
        }
        .boxed()
    }

    fn inspect<'a>(&'a self, bundle: &'a str) -> Answer<'a, Bundle> {
        async move {
            let proxy = self.proxy(&self.calls).await?;
            let said = proxy.inspect_bundle(bundle, HashMap::new()).await;
            let said = said.map_err(|error| failure(&error, words::of_inspection))?;
            Ok(Bundle {
                compatible: inner(&said, "update", "compatible"),
                version: inner(&said, "update", "version"),
                format: inner(&said, "bundle", "format"),
                manifest_hash: text(&said, "manifest-hash"),
            })
        }
        .boxed()
    }

    fn write<'a>(
        &'a self,
        bundle: &'a str,
        manifest_hash: &'a str,
        progress: &'a (dyn Fn(f64) + Send + Sync),
    ) -> Answer<'a, ()> {
        self.install(bundle, manifest_hash, progress).boxed()
    }

    fn mark<'a>(&'a self, mark: Mark, slot: &'a str) -> Answer<'a, ()> {
        async move {
            let name = self.full_name(slot).await?;
            let word = match mark {
                Mark::Good => "good",
                Mark::Active => "active",
            };
            let proxy = self.proxy(&self.calls).await?;
            let marked = proxy.mark(word, &name).await;
            marked
                .map(|_| ())
                .map_err(|error| failure(&error, words::of_writing))
        }
        .boxed()
    }
}

/// Whether what was written is what was judged. If somebody changed the file in between (a stick that was
/// swapped), the slot is never started.
async fn same(proxy: &RaucInstallerProxy<'_>, hash: &str) -> Result<(), End> {
    let slots = proxy
        .get_slot_status()
        .await
        .map_err(|error| absent(&error))?;
    let written = slots
        .iter()
        .filter(|(_, said)| text(said, "state") != "booted");
    let mut hashes = written.map(|(_, said)| text(said, "bundle.hash"));
    if hashes.all(|written| written.eq_ignore_ascii_case(hash)) {
        return Ok(());
    }
    for (word, slot) in [("bad", "other"), ("active", "booted")] {
        let marked = proxy.mark(word, slot).await;
        marked.map_err(|error| failure(&error, words::of_writing))?;
    }
    Err(End::new("swapped"))
}

/// A slot that the boot loader knows.
fn slot((name, said): &(String, Properties), primary: &str) -> Option<Slot> {
    let bootname = text(said, "bootname");
    let running = text(said, "state") == "booted";
    (!bootname.is_empty()).then(|| Slot {
        name: bootname,
        version: text(said, "bundle.version"),
        state: if running { "running" } else { "idle" }.to_owned(),
        health: text(said, "boot-status"),
        next: name == primary,
        proven: false,
    })
}

fn text(said: &Properties, key: &str) -> String {
    let value = said.get(key).and_then(|v| as_text(v));
    value.unwrap_or_default()
}

fn as_text(value: &Variant<'_>) -> Option<String> {
    match value {
        Variant::Str(text) => Some(text.to_string()),
        Variant::Variant(inner) => as_text(inner),
        _ => None,
    }
}

/// `update` is a dictionary in a value in a value.
fn inner(said: &Properties, outer: &str, key: &str) -> String {
    let mut value: &Variant<'_> = match said.get(outer) {
        Some(value) => value,
        None => return String::new(),
    };
    while let Variant::Variant(within) = value {
        value = within;
    }
    let Variant::Dict(dict) = value else {
        return String::new();
    };
    let mut entries = dict.iter();
    let found = entries.find(|(name, _)| as_text(name).as_deref() == Some(key));
    found
        .and_then(|(_, value)| as_text(value))
        .unwrap_or_default()
}

fn absent(error: &zbus::Error) -> End {
    tracing::debug!(error = %vigla_bus::chain(error), "RAUC does not answer");
    End::new("no-installer")
}

/// Absent, or what its sentence means.
fn failure(error: &zbus::Error, translate: impl FnOnce(&str) -> End) -> End {
    let zbus::Error::MethodError(name, Some(said), _) = error else {
        return absent(error);
    };
    // What the bus itself says: nobody is there, nothing came back, we may not.
    if name.starts_with("org.freedesktop.DBus.Error") {
        return absent(error);
    }
    tracing::info!(said, "RAUC refuses");
    translate(said)
}
