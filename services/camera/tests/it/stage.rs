//! The daemon on a private bus, and a client of it.

use std::collections::HashMap;
use std::time::Duration;

use vigla_bus::Problem;
use vigla_bus::camera::{self, CameraProxy, CameraState};
use vigla_bus::daemon::DaemonProxy;
use vigla_bus::names::{CAMERA, camera_path};
use vigla_bus::zbus::{self, Connection, Variant, connection, fdo};
use vigla_frames::{Meta, Reader, Wait};
use vigla_testkit::{Daemon, Rig};

use crate::shim::{Kernel, library};

/// Long enough for a loaded machine; no test waits for it to pass.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A private bus and an empty machine.
pub(crate) struct Stage {
    pub(crate) rig: Rig,
    pub(crate) kernel: Kernel,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let rig = Rig::start().unwrap();
        let uevents = rig.run_dir().join("camera/uevents");
        let kernel = Kernel::new(&rig.dir().join("kernel"), uevents);
        Self { rig, kernel }
    }

    /// Starts the daemon with `settings` on top of those that make the machine its kernel.
    pub(crate) fn start(&self, settings: &str) -> Daemon {
        self.start_with(settings, &[])
    }

    pub(crate) fn start_with(&self, settings: &str, environment: &[(&str, &str)]) -> Daemon {
        let settings = format!("{settings}\n{}", self.kernel.settings());
        let builder = self.rig.daemon("camera").settings(&settings);
        let builder = builder
            .env("LD_PRELOAD", &library().to_string_lossy())
            .env("VIGLA_SHIM", &self.kernel.root().to_string_lossy());
        let builder = environment
            .iter()
            .fold(builder, |b, (key, value)| b.env(key, value));
        builder.start().unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        let address: zbus::Address = self.rig.address().parse().unwrap();
        let bus = connection::Builder::address(address).build().await.unwrap();
        Client { bus }
    }
}

/// Somebody who asks the daemon.
pub(crate) struct Client {
    pub(crate) bus: Connection,
}

impl Client {
    /// All cameras by id.
    pub(crate) async fn cameras(&self) -> HashMap<String, CameraState> {
        let manager = fdo::ObjectManagerProxy::builder(&self.bus)
            .destination(CAMERA.name)
            .path(CAMERA.path)
            .build()
            .await
            .unwrap();
        let objects = manager.get_managed_objects().await.unwrap();
        let states = objects.into_values().filter_map(|interfaces| {
            let found = interfaces
                .into_iter()
                .find(|(name, _)| name.as_str() == camera::INTERFACE);
            let state = CameraState::from_properties(&found?.1);
            Some((state.id.clone(), state))
        });
        states.collect()
    }

    pub(crate) async fn camera(&self, id: &str) -> CameraProxy<'static> {
        CameraProxy::builder(&self.bus)
            .path(camera_path(id))
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap()
    }

    /// Waits until `done` likes what there is.
    pub(crate) async fn until(
        &self,
        what: &str,
        done: impl Fn(&HashMap<String, CameraState>) -> bool,
    ) -> HashMap<String, CameraState> {
        let mut last = HashMap::new();
        let waiting = async {
            loop {
                last = self.cameras().await;
                if done(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let result = tokio::time::timeout(SOON, waiting).await;
        assert!(result.is_ok(), "{what}: {last:#?}");
        last
    }

    /// Waits until `id` is in `state`.
    pub(crate) async fn state(&self, id: &str, state: &str) -> CameraState {
        let what = format!("`{id}` is {state}");
        let cameras = self
            .until(&what, |c| c.get(id).is_some_and(|c| c.state == state))
            .await;
        cameras[id].clone()
    }

    pub(crate) async fn problems(&self) -> Vec<Problem> {
        DaemonProxy::of(&self.bus, CAMERA)
            .await
            .unwrap()
            .problems()
            .await
            .unwrap()
    }

    /// Waits until `code` about `subject` is a problem, or is not.
    pub(crate) async fn problem(&self, code: &str, subject: &str, wanted: bool) {
        let problem = Problem::new(code, subject);
        let waiting = async {
            while self.problems().await.contains(&problem) != wanted {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let result = tokio::time::timeout(SOON, waiting).await;
        assert!(
            result.is_ok(),
            "{problem:?} {wanted}: {:?}",
            self.problems().await
        );
    }

    /// A reader of a ring; waits for the first picture.
    pub(crate) async fn reader(&self, id: &str, encoding: &str) -> Reader {
        self.state(id, "streaming").await;
        let camera = self.camera(id).await;
        let options = HashMap::from([("wakeups", Variant::Bool(true))]);
        let handles = camera.open(encoding, options).await.unwrap();
        Reader::open(
            handles.ring.into(),
            handles.leases.into(),
            handles.wakeup.into(),
        )
        .unwrap()
    }
}

/// The next frame of a ring, copied out.
pub(crate) fn frame(reader: &mut Reader) -> (Meta, Vec<u8>) {
    loop {
        match reader.wait(SOON).unwrap() {
            Wait::Frame => {
                if let Some(lease) = reader.latest() {
                    return (*lease.meta(), lease.bytes().to_vec());
                }
            }
            other => panic!("no frame: {other:?}"),
        }
    }
}

/// Reads the metrics page of the daemon.
pub(crate) fn metrics(rig: &Rig) -> String {
    use std::io::{Read, Write};
    let path = rig.run_dir().join("camera/metrics.sock");
    let mut socket = std::os::unix::net::UnixStream::connect(path).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

/// The value of one series.
pub(crate) fn series(rig: &Rig, name: &str) -> u64 {
    let text = metrics(rig);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} in {text}"))
        .parse()
        .unwrap()
}
