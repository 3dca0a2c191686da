//! Stand-ins for services: tiny, real D-Bus objects with real rings, for tests of whoever talks
//! to them.
//!
//! Each is a [`Peer`] on a connection and a thread of its own, so that one can leave while the
//! others stay. What they show lies in [`Rings`] and [`Events`], which the test keeps; they follow
//! the contract in `vigla-bus` and nothing more. [`sample`] has records to show.

mod camera;
mod detector;
mod enrolment;
mod metrics;
mod rings;
pub mod sample;
mod updater;

use std::sync::mpsc;
use std::thread;

use anyhow::Context as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use vigla_bus::Problem;
use vigla_bus::detector::Event;
use vigla_bus::names::{CAMERA, DETECTOR, ENROLMENT, METRICS, Service, UPDATER, camera_path};
use zbus::Connection;
use zbus::object_server::SignalEmitter;

use crate::Rig;

pub use camera::Camera;
pub use detector::Events;
pub use enrolment::Way;
pub use rings::Rings;
pub use updater::Board;

/// Lets this process be every service; the rest of the policy is the shipped one.
const STAND_INS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own_prefix="org.vigla"/></policy></busconfig>"#;

/// A private bus on which stand-ins may live.
pub fn rig() -> anyhow::Result<Rig> {
    Rig::start_with(STAND_INS)
}

/// A service on the bus; it leaves when dropped.
#[derive(Debug)]
pub struct Peer {
    connection: Connection,
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Peer {
    /// The camera service, with an object for each of `cameras` and the pictures in `rings`.
    pub fn cameras(rig: &Rig, rings: &Rings, cameras: Vec<Camera>) -> anyhow::Result<Self> {
        let doors = rings.doors();
        Self::serve(rig, CAMERA, Vec::new(), async move |connection| {
            let server = connection.object_server();
            server.at(CAMERA.path, zbus::fdo::ObjectManager).await?;
            for camera in cameras {
                let path = camera_path(&camera.id);
                let doors = doors.clone();
                server.at(path, camera::Served { camera, doors }).await?;
            }
            Ok(())
        })
    }

    /// The detector, with the records in `rings` and these events.
    pub fn detector(rig: &Rig, rings: &Rings, events: &Events) -> anyhow::Result<Self> {
        let served = detector::Served {
            doors: rings.doors(),
            events: events.clone(),
        };
        Self::serve(rig, DETECTOR, Vec::new(), async move |connection| {
            connection.object_server().at(DETECTOR.path, served).await?;
            Ok(())
        })
    }

    /// The metrics service, which has `problems`.
    pub fn metrics(rig: &Rig, problems: Vec<Problem>) -> anyhow::Result<Self> {
        Self::serve(rig, METRICS, problems, async move |connection| {
            let server = connection.object_server();
            server.at(METRICS.path, metrics::Served).await?;
            Ok(())
        })
    }

    /// The updater, which says what stands on `board`.
    pub fn updater(rig: &Rig, board: &Board) -> anyhow::Result<Self> {
        let board = board.clone();
        Self::serve(rig, UPDATER, Vec::new(), async move |connection| {
            let server = connection.object_server();
            let job = updater::Job(board.clone());
            server.at(updater::job_path(), job).await?;
            server.at(UPDATER.path, updater::Served(board)).await?;
            Ok(())
        })
    }

    /// The enrolment, which is where `way` says.
    pub fn enrolment(rig: &Rig, way: &Way) -> anyhow::Result<Self> {
        let way = way.clone();
        Self::serve(rig, ENROLMENT, Vec::new(), async move |connection| {
            let server = connection.object_server();
            server.at(ENROLMENT.path, enrolment::Served(way)).await?;
            Ok(())
        })
    }

    /// Signals an event, as the detector does. It is not in the list unless the test adds it.
    pub fn report(&self, event: Event) -> anyhow::Result<()> {
        self.handle.block_on(async {
            let emitter = SignalEmitter::new(&self.connection, DETECTOR.path)?;
            detector::Served::detection_reported(&emitter, event).await
        })?;
        Ok(())
    }

    /// Offers the objects, then takes the name of `service`.
    fn serve<F>(
        rig: &Rig,
        service: Service,
        problems: Vec<Problem>,
        offer: F,
    ) -> anyhow::Result<Self>
    where
        F: AsyncFnOnce(&Connection) -> zbus::Result<()> + Send + 'static,
    {
        let address = rig.address();
        let (ready, started) = mpsc::channel();
        let (end, ended) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                let connection = async {
                    let builder = zbus::connection::Builder::address(address.as_str());
                    let connection = builder.build().await?;
                    let server = connection.object_server();
                    server.at(service.path, Daemon(problems)).await?;
                    offer(&connection).await?;
                    connection.request_name(service.name).await?;
                    zbus::Result::Ok(connection)
                };
                // Nobody waits any more: then there is nobody to serve.
                let _ = ready.send((connection.await, Handle::current()));
                let _ = ended.await;
            });
        });
        let (connection, handle) = started.recv().context("the thread of a peer ended")?;
        Ok(Self {
            connection: connection.with_context(|| format!("stand in for `{}`", service.name))?,
            handle,
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let connection = self.connection.clone();
        let _ = self.handle.block_on(async { connection.close().await });
        drop(self.end.take());
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// What every service says of itself.
struct Daemon(Vec<Problem>);

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Daemon1")]
impl Daemon {
    #[zbus(property)]
    fn version(&self) -> &'static str {
        "0.0.0"
    }
    #[zbus(property)]
    fn problems(&self) -> Vec<Problem> {
        self.0.clone()
    }
}
