//! The services as this tool asks them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::timeout;
use vigla_bus::camera::{self, CameraProxy, CameraState, RingHandles};
use vigla_bus::daemon::DaemonProxy;
use vigla_bus::detector::DetectorProxy;
use vigla_bus::enrolment::EnrolmentProxy;
use vigla_bus::gateway::GatewayProxy;
use vigla_bus::metrics::MetricsProxy;
use vigla_bus::names::{
    CAMERA, DETECTOR, ENROLMENT, GATEWAY, METRICS, Service, UPDATER, camera_path,
};
use vigla_bus::updater::{JobProxy, UpdaterProxy};
use vigla_bus::{Problem, zbus};
use vigla_frames::Reader;
use zbus::proxy::CacheProperties;
use zbus::{Connection, Variant, fdo};

use crate::fault::{Fault, refusal};

/// Loading a model takes seconds on a small node; everything else answers at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// Who says nothing of its health for so long hangs.
const GLANCE: Duration = Duration::from_secs(3);

/// A connection to the system bus.
#[derive(Debug)]
pub(crate) struct Client {
    bus: Connection,
}

/// How a daemon is.
#[derive(Debug)]
pub(crate) enum Health {
    /// It runs, and says this of itself.
    Known {
        /// Its version.
        version: String,
        /// Why it is degraded.
        problems: Vec<Problem>,
    },
    /// It has its name on the bus, but gives no answer.
    Silent,
    /// It is not running.
    Absent,
}

impl Client {
    /// Connects to the system bus (`DBUS_SYSTEM_BUS_ADDRESS` is honoured).
    pub(crate) async fn connect() -> Result<Self, Fault> {
        let bus = zbus::connection::Builder::system()
            .method_timeout(PATIENCE)
            .build()
            .await;
        match bus {
            Ok(bus) => Ok(Self { bus }),
            Err(error) => Err(Fault::unavailable(format!(
                "no system bus: {}",
                vigla_bus::chain(&error)
            ))),
        }
    }

    /// How `service` is.
    pub(crate) async fn health(&self, service: Service) -> Result<Health, Fault> {
        let ask = async {
            let proxy = DaemonProxy::of(&self.bus, service).await?;
            zbus::Result::Ok(Health::Known {
                version: proxy.version().await?,
                problems: proxy.problems().await?,
            })
        };
        match timeout(GLANCE, ask).await {
            Ok(Ok(health)) => Ok(health),
            Ok(Err(error)) if is_absent(&error) => Ok(Health::Absent),
            Ok(Err(error)) if is_silent(&error) => Ok(Health::Silent),
            Ok(Err(error)) => Err(Fault::call(service.binary, "ask for its health", &error)),
            Err(_) => Ok(Health::Silent),
        }
    }

    /// All cameras by id.
    pub(crate) async fn cameras(&self) -> Result<BTreeMap<String, CameraState>, Fault> {
        let ask = async {
            let manager = fdo::ObjectManagerProxy::builder(&self.bus)
                .destination(CAMERA.name)
                .path(CAMERA.path);
            let objects = manager
                .build()
                .await?
                .get_managed_objects()
                .await
                .map_err(zbus::Error::from)?;
            zbus::Result::Ok(objects)
        };
        let objects = ask
            .await
            .map_err(|error| Fault::call(CAMERA.binary, "list the cameras", &error))?;
        let mut cameras = BTreeMap::new();
        for interfaces in objects.into_values() {
            let Some((_, properties)) = interfaces
                .into_iter()
                .find(|(name, _)| name.as_str() == camera::INTERFACE)
            else {
                continue;
            };
            let state = CameraState::from_properties(&properties);
            cameras.insert(state.id.clone(), state);
        }
        Ok(cameras)
    }

    /// One camera, or what there is instead.
    pub(crate) async fn camera(&self, id: &str) -> Result<CameraState, Fault> {
        let mut cameras = self.cameras().await?;
        cameras
            .remove(id)
            .ok_or_else(|| no_camera(id, cameras.keys()))
    }

    /// The proxy of one camera that exists.
    pub(crate) async fn camera_proxy(&self, id: &str) -> Result<CameraProxy<'static>, Fault> {
        let proxy = CameraProxy::builder(&self.bus).path(camera_path(id));
        let proxy = proxy.cache_properties(CacheProperties::No).build().await;
        proxy.map_err(|error| Fault::call(CAMERA.binary, "reach the camera", &error))
    }

    /// The detector.
    pub(crate) async fn detector(&self) -> Result<DetectorProxy<'static>, Fault> {
        let proxy = DetectorProxy::builder(&self.bus)
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        proxy.map_err(|error| Fault::call(DETECTOR.binary, "reach the detector", &error))
    }

    /// The metrics service.
    pub(crate) async fn metrics(&self) -> Result<MetricsProxy<'static>, Fault> {
        let proxy = MetricsProxy::builder(&self.bus)
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        proxy.map_err(|error| Fault::call(METRICS.binary, "reach the metrics service", &error))
    }

    /// The gateway.
    pub(crate) async fn gateway(&self) -> Result<GatewayProxy<'static>, Fault> {
        let proxy = GatewayProxy::builder(&self.bus)
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        proxy.map_err(|error| Fault::call(GATEWAY.binary, "reach the gateway", &error))
    }

    /// The updater.
    pub(crate) async fn updater(&self) -> Result<UpdaterProxy<'static>, Fault> {
        let proxy = UpdaterProxy::builder(&self.bus)
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        proxy.map_err(|error| Fault::call(UPDATER.binary, "reach the updater", &error))
    }

    /// The enrolment.
    pub(crate) async fn enrolment(&self) -> Result<EnrolmentProxy<'static>, Fault> {
        let proxy = EnrolmentProxy::builder(&self.bus)
            .cache_properties(CacheProperties::No)
            .build()
            .await;
        proxy.map_err(|error| Fault::call(ENROLMENT.binary, "reach the enrolment", &error))
    }

    /// The updater's job at `path`.
    pub(crate) async fn job(&self, path: &str) -> Result<JobProxy<'static>, Fault> {
        let ask = async {
            let proxy = JobProxy::builder(&self.bus).path(path.to_owned());
            proxy.cache_properties(CacheProperties::No).build().await
        };
        ask.await
            .map_err(|error| Fault::call(UPDATER.binary, "reach the job", &error))
    }

    /// A reader of the pictures of camera `id`, as JPEG.
    pub(crate) async fn pictures(&self, id: &str) -> Result<Reader, Fault> {
        let handles = self
            .camera_proxy(id)
            .await?
            .open("jpeg", wakeups(true))
            .await;
        reader(
            handles.map_err(|error| {
                Fault::call(CAMERA.binary, &format!("open camera `{id}`"), &error)
            })?,
        )
    }

    /// A reader of the detections of camera `id`, on its own timer.
    pub(crate) async fn detections(&self, id: &str) -> Result<Reader, Fault> {
        let handles = self.detector().await?.open(id, wakeups(false)).await;
        reader(handles.map_err(|error| {
            Fault::call(
                DETECTOR.binary,
                &format!("open detections of `{id}`"),
                &error,
            )
        })?)
    }
}

/// No such camera, with the ids there are.
pub(crate) fn no_camera<'a>(id: &str, known: impl Iterator<Item = &'a String>) -> Fault {
    let known: Vec<String> = known.map(|id| format!("`{id}`")).collect();
    if known.is_empty() {
        return Fault::because(format!("no camera `{id}`; there is none at all"));
    }
    Fault::because(format!("no camera `{id}`; there is {}", known.join(", ")))
}

fn reader(handles: RingHandles) -> Result<Reader, Fault> {
    let reader = Reader::open(
        handles.ring.into(),
        handles.leases.into(),
        handles.wakeup.into(),
    );
    reader.map_err(|error| Fault::failed("open the ring", error))
}

fn wakeups(wanted: bool) -> HashMap<&'static str, Variant<'static>> {
    HashMap::from([("wakeups", Variant::from(wanted))])
}

fn is_absent(error: &zbus::Error) -> bool {
    is_named(error, &["ServiceUnknown", "NameHasNoOwner"])
}

/// It was killed while it was asked, or hangs.
fn is_silent(error: &zbus::Error) -> bool {
    is_named(error, &["NoReply", "Disconnected", "Timeout", "TimedOut"])
}

fn is_named(error: &zbus::Error, names: &[&str]) -> bool {
    refusal(error).is_some_and(|(name, _)| {
        let last = name.rsplit('.').next().unwrap_or_default();
        names.contains(&last)
    })
}
