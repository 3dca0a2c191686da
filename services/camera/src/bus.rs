//! The object of one camera: checks arguments, asks, translates errors; decides nothing.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use vigla_bus::Error;
use vigla_bus::camera::{Control, RingHandles};
use vigla_bus::zbus::{self, ObjectServer, Variant};

use crate::board::{Board, Status};
use crate::doors::{DoorError, Encoding};
use crate::source::{ControlError, Controls, SourceError};

/// The served object.
#[derive(Debug)]
pub(crate) struct CameraObject {
    pub(crate) board: Arc<Board>,
}

#[zbus::interface(name = "org.vigla.Camera1.Camera")]
#[allow(
    clippy::needless_pass_by_value,
    reason = "the interface macro wants owned arguments"
)]
impl CameraObject {
    fn open(
        &self,
        encoding: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        let encoding = match encoding {
            "native" => Encoding::Native,
            "jpeg" => Encoding::Jpeg,
            other => {
                let text = format!("`encoding` must be `native` or `jpeg`, found `{other:.64}`");
                return Err(Error::InvalidArgument(text));
            }
        };
        let handles = self.board.doors.enter(encoding, wakeups(&options)?)?;
        Ok(RingHandles {
            ring: handles.ring.into(),
            leases: handles.leases.into(),
            wakeup: handles.wakeup.into(),
        })
    }

    async fn list_controls(&self) -> Result<Vec<Control>, Error> {
        let Some(controls) = self.board.controls() else {
            return Ok(Vec::new());
        };
        blocking(move || controls.list().map_err(device_error)).await
    }

    async fn set_control(&self, name: String, value: i64) -> Result<(), Error> {
        let controls = self
            .board
            .controls()
            .ok_or_else(|| self.no_controls(&name))?;
        blocking(move || set(&*controls, &name, value)).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn id(&self) -> &str {
        &self.board.id
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn label(&self) -> &str {
        &self.board.facts.label
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn source(&self) -> &str {
        self.board.facts.source
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn location(&self) -> &str {
        &self.board.facts.location
    }

    #[zbus(property)]
    fn state(&self) -> &str {
        self.status().state.word()
    }

    #[zbus(property)]
    fn picture(&self) -> &str {
        self.status().look.word()
    }

    #[zbus(property)]
    fn format(&self) -> &str {
        self.status().format
    }

    #[zbus(property)]
    fn width(&self) -> u32 {
        self.status().width
    }

    #[zbus(property)]
    fn height(&self) -> u32 {
        self.status().height
    }

    #[zbus(property(emits_changed_signal = "false"))]
    fn frame_rate(&self) -> f64 {
        self.board.rate()
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn masks(&self) -> u32 {
        self.board.facts.masks
    }
}

impl CameraObject {
    fn status(&self) -> Status {
        *self.board.status().borrow()
    }

    fn no_controls(&self, name: &str) -> Error {
        if self.board.facts.source == "v4l2" {
            Error::NotReady("the camera is not there".to_owned())
        } else {
            Error::NotFound(format!("no control `{name:.64}`"))
        }
    }
}

/// Signals each change of a camera's properties, from the first on, until the daemon ends.
pub(crate) async fn tell_changes(
    server: ObjectServer,
    path: String,
    mut status: watch::Receiver<Status>,
) -> anyhow::Result<()> {
    let object = server.interface::<_, CameraObject>(path).await?;
    let mut before = Status::default();
    while status.changed().await.is_ok() {
        let now = *status.borrow_and_update();
        if let Err(error) = signal(&object, before, now).await {
            tracing::debug!(%error, "cannot signal a change");
        }
        before = now;
    }
    Ok(())
}

async fn signal(
    object: &zbus::object_server::InterfaceRef<CameraObject>,
    before: Status,
    now: Status,
) -> zbus::Result<()> {
    let (camera, emitter) = (object.get().await, object.signal_emitter());
    if before.format != now.format {
        camera.format_changed(emitter).await?;
    }
    if before.width != now.width {
        camera.width_changed(emitter).await?;
    }
    if before.height != now.height {
        camera.height_changed(emitter).await?;
    }
    if before.look != now.look {
        camera.picture_changed(emitter).await?;
    }
    // Last: who waits for `streaming` finds the rest told already.
    if before.state != now.state {
        camera.state_changed(emitter).await?;
    }
    Ok(())
}

/// The option `wakeups`, true by default; options of newer clients are left alone.
fn wakeups(options: &HashMap<&str, Variant<'_>>) -> Result<bool, Error> {
    match options.get("wakeups") {
        None => Ok(true),
        Some(Variant::Bool(wanted)) => Ok(*wanted),
        Some(_) => Err(Error::InvalidArgument("`wakeups` must be a boolean".into())),
    }
}

fn set(controls: &dyn Controls, name: &str, value: i64) -> Result<(), Error> {
    controls.set(name, value).map_err(|error| match error {
        ControlError::Unknown(_) => Error::NotFound(error.to_string()),
        ControlError::Range { .. } => Error::InvalidArgument(error.to_string()),
        ControlError::Device(error) => device_error(error),
    })
}

/// Runs what may wait for a device off the thread that serves the bus.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Internal("the work was cut off".to_owned()))?
}

#[allow(clippy::needless_pass_by_value, reason = "an error is handed over")]
fn device_error(error: SourceError) -> Error {
    tracing::debug!(%error, "controls");
    match error {
        SourceError::Gone(_) => Error::NotReady("the camera is not there".to_owned()),
        SourceError::Busy(_) => Error::Busy("the device is busy".to_owned()),
        _ => Error::Internal("the device refused".to_owned()),
    }
}

impl From<DoorError> for Error {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::NotReady => Self::NotReady("no picture yet".to_owned()),
            DoorError::Ring(vigla_frames::Error::TooManyReaders) => {
                Self::Busy("the ring has as many readers as it can".to_owned())
            }
            DoorError::Ring(vigla_frames::Error::WriterGone) => {
                Self::NotReady("the ring is being replaced".to_owned())
            }
            DoorError::Ring(error) => {
                tracing::warn!(%error, "cannot let a reader in, refusing it");
                Self::Internal("the ring cannot be shared".to_owned())
            }
        }
    }
}
