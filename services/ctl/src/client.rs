//! The services as this tool asks them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;
use vigla_bus::camera::{self, CameraProxy, RingHandles};
use vigla_bus::daemon::DaemonProxy;
use vigla_bus::detector::DetectorProxy;
use vigla_bus::metrics::MetricsProxy;
use vigla_bus::names::{CAMERA, DETECTOR, METRICS, Service, camera_path};
use vigla_bus::{Problem, zbus};
use vigla_frames::Reader;
use zbus::proxy::CacheProperties;
use zbus::{Connection, Variant, fdo};

use crate::fault::{Fault, refusal};

/// Loading a model takes seconds on a small node; everything else answers at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the system bus.
#[derive(Debug)]
pub(crate) struct Client {
    bus: Connection,
}

/// A camera as it is printed; names as on the bus.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Camera {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) source: String,
    pub(crate) location: String,
    pub(crate) state: String,
    pub(crate) picture: String,
    pub(crate) format: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frame_rate: f64,
    pub(crate) masks: u32,
}

/// What a daemon says of itself.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) version: String,
    pub(crate) problems: Vec<Problem>,
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
                crate::fault::chain(&error)
            ))),
        }
    }

    /// What `service` says of itself; `None` when it is not running.
    pub(crate) async fn health(&self, service: Service) -> Result<Option<Health>, Fault> {
        let ask = async {
            let proxy = DaemonProxy::of(&self.bus, service).await?;
            zbus::Result::Ok(Health {
                version: proxy.version().await?,
                problems: proxy.problems().await?,
            })
        };
        match ask.await {
            Ok(health) => Ok(Some(health)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Fault::call(service.binary, "ask for its health", &error)),
        }
    }

    /// All cameras by id.
    pub(crate) async fn cameras(&self) -> Result<BTreeMap<String, Camera>, Fault> {
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
            let state = camera::CameraState::from_properties(&properties);
            cameras.insert(state.id.clone(), Camera::from(state));
        }
        Ok(cameras)
    }

    /// One camera, or what there is instead.
    pub(crate) async fn camera(&self, id: &str) -> Result<Camera, Fault> {
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

impl From<camera::CameraState> for Camera {
    fn from(state: camera::CameraState) -> Self {
        let camera::CameraState {
            id,
            label,
            source,
            location,
            state,
            picture,
            format,
            width,
            height,
            frame_rate,
            masks,
        } = state;
        Self {
            id,
            label,
            source,
            location,
            state,
            picture,
            format,
            width,
            height,
            frame_rate,
            masks,
        }
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
    refusal(error).is_some_and(|(name, _)| {
        matches!(
            name.rsplit('.').next(),
            Some("ServiceUnknown" | "NameHasNoOwner")
        )
    })
}
