//! Stand-ins on the bus: RAUC with the answers of RAUC 1.13, and a node that works, or does not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use vigla_bus::metrics::Sink;
use vigla_bus::names::{CAMERA, METRICS, SERVICES, UPDATER, camera_path};
use vigla_bus::zbus::object_server::SignalEmitter;
use vigla_bus::zbus::{self, Connection, Dict, OwnedVariant, Signature, Variant, fdo};
use vigla_testkit::Rig;

use super::node::connect;

/// Lets this process be RAUC and every service, and `vigla-updater` call RAUC.
pub(crate) fn rig() -> Rig {
    let policy = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="*"/></policy>
<policy context="default"><allow send_destination="de.pengutronix.rauc"/></policy></busconfig>"#;
    Rig::start_with(policy).unwrap()
}

/// What the stand-in of RAUC holds, and what was done to it.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) booted: String,
    /// The device of every slot.
    pub(crate) device: String,
    pub(crate) version: String,
    pub(crate) hash: String,
    /// What `Completed` says, and why.
    pub(crate) ends: (i32, String),
    /// The manifest hash that is in the slot afterwards, when it is another one.
    pub(crate) written_hash: String,
    /// Calls that changed something.
    pub(crate) done: Vec<String>,
    /// The content of the bundle that was written.
    pub(crate) content: Vec<u8>,
}

/// The object of RAUC.
#[derive(Debug, Clone)]
pub(crate) struct Rauc(Arc<Mutex<Board>>);

/// As `GLib` says errors that have no name of their own.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark")]
enum Complaint {
    #[zbus(error)]
    Bus(zbus::Error),
    Code30(String),
}

type Properties = HashMap<String, OwnedVariant>;

fn text(value: &str) -> OwnedVariant {
    OwnedVariant::try_from(Variant::from(value.to_owned())).unwrap()
}

/// A dictionary in a value in a value, as RAUC has it.
fn nested(entries: &[(&str, &str)]) -> OwnedVariant {
    let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
    for (key, value) in entries {
        dict.append(
            Variant::from((*key).to_owned()),
            Variant::Variant(Box::new(Variant::from((*value).to_owned()))),
        )
        .unwrap();
    }
    OwnedVariant::try_from(Variant::Variant(Box::new(Variant::Dict(dict)))).unwrap()
}

#[allow(
    clippy::unused_self,
    clippy::needless_pass_by_value,
    reason = "the shapes that the interface asks for"
)]
#[zbus::interface(name = "de.pengutronix.rauc.Installer")]
impl Rauc {
    fn inspect_bundle(&self, bundle: &str, args: Properties) -> Result<Properties, Complaint> {
        drop(args);
        let board = self.0.lock().unwrap();
        if !std::path::Path::new(bundle).exists() {
            return Err(Complaint::Code30(
                "Failed to open bundle for reading: No such file or directory".into(),
            ));
        }
        Ok(HashMap::from([
            (
                "update".to_owned(),
                nested(&[("compatible", "vigla-test"), ("version", &board.version)]),
            ),
            ("bundle".to_owned(), nested(&[("format", "verity")])),
            ("manifest-hash".to_owned(), text(&board.hash)),
        ]))
    }

    #[allow(
        clippy::needless_pass_by_value,
        reason = "arguments of the bus are owned"
    )]
    async fn install_bundle(
        &self,
        source: &str,
        args: Properties,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), Complaint> {
        if !args.is_empty() {
            return Err(Complaint::Code30(
                "Unsupported key: require-manifest-hash".into(),
            ));
        }
        let code = {
            let mut board = self.0.lock().unwrap();
            board.done.push("install".into());
            board.content = std::fs::read(source).unwrap();
            board.ends.0
        };
        Self::completed(&emitter, code).await?;
        Ok(())
    }

    fn mark(&self, state: &str, slot: &str) -> (String, String) {
        self.0.lock().unwrap().done.push(format!("{state} {slot}"));
        (slot.to_owned(), "marked".to_owned())
    }

    fn get_slot_status(&self) -> Vec<(String, Properties)> {
        let board = self.0.lock().unwrap();
        let written = board.done.iter().any(|done| done == "install");
        let hash = if board.written_hash.is_empty() {
            &board.hash
        } else {
            &board.written_hash
        };
        let slots = [("rootfs.0", "A"), ("rootfs.1", "B")];
        let slot = |(name, bootname): (&str, &str)| {
            let state = if bootname == board.booted {
                "booted"
            } else {
                "inactive"
            };
            let mut said = HashMap::from([
                ("bootname".to_owned(), text(bootname)),
                ("state".to_owned(), text(state)),
                ("boot-status".to_owned(), text("good")),
                ("device".to_owned(), text(&board.device)),
            ]);
            if written && state == "inactive" {
                said.insert("bundle.version".to_owned(), text(&board.version));
                said.insert("bundle.hash".to_owned(), text(hash));
            }
            (name.to_owned(), said)
        };
        slots.map(slot).into()
    }

    fn get_primary(&self) -> &'static str {
        "rootfs.0"
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, result: i32) -> zbus::Result<()>;

    #[zbus(property)]
    fn operation(&self) -> &'static str {
        "installing"
    }

    #[zbus(property)]
    fn last_error(&self) -> String {
        self.0.lock().unwrap().ends.1.clone()
    }

    #[zbus(property)]
    fn progress(&self) -> (i32, String, i32) {
        (50, "Copying".into(), 1)
    }

    #[zbus(property)]
    fn compatible(&self) -> &'static str {
        "vigla-test"
    }
}

impl Rauc {
    /// On the bus as long as the connection lives, which is given back with what it holds.
    pub(crate) async fn start(rig: &Rig) -> (Connection, Arc<Mutex<Board>>) {
        let board = Arc::new(Mutex::new(Board {
            booted: "A".into(),
            version: "1.2.0".into(),
            hash: "ab".repeat(32),
            ..Board::default()
        }));
        let connection = connect(rig).await;
        connection
            .object_server()
            .at("/", Self(board.clone()))
            .await
            .unwrap();
        connection
            .request_name("de.pengutronix.rauc")
            .await
            .unwrap();
        (connection, board)
    }
}

/// A node whose services all answer.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) camera: &'static str,
    pub(crate) counted: u64,
    pub(crate) accepted: u64,
}

struct Metrics(Node);

#[zbus::interface(name = "org.vigla.Metrics1")]
impl Metrics {
    fn gather(&self) -> String {
        format!(
            "# TYPE x counter\nvigla_metrics_records_total {}\n",
            self.0.counted
        )
    }

    #[zbus(property)]
    fn sinks(&self) -> Vec<Sink> {
        vec![Sink {
            name: "mqtt".into(),
            accepted: self.0.accepted,
            ..Sink::default()
        }]
    }
}

struct Camera(&'static str);

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Camera1.Camera")]
impl Camera {
    #[zbus(property)]
    fn id(&self) -> &'static str {
        "front"
    }

    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.0
    }
}

impl Node {
    /// Its services but those in `without`, on one connection.
    pub(crate) async fn start(self, rig: &Rig, without: &[&str]) -> Connection {
        let connection = connect(rig).await;
        let server = connection.object_server();
        server.at(CAMERA.path, fdo::ObjectManager).await.unwrap();
        server
            .at(camera_path("front"), Camera(self.camera))
            .await
            .unwrap();
        server.at(METRICS.path, Metrics(self)).await.unwrap();
        for service in SERVICES.into_iter().chain([UPDATER]) {
            if !without.contains(&service.noun) {
                connection.request_name(service.name).await.unwrap();
            }
        }
        connection
    }
}
