//! Where pictures come from: one small trait, three kinds behind it.
//!
//! A source belongs to one capture thread. It is opened, asked for pictures until it fails, and
//! dropped; it never retries by itself, since waiting, backing off and telling people is the
//! business of the keeper.

pub mod pace;
pub mod replay;
pub mod synthetic;
pub mod v4l2;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vigla_bus::camera::Control;

use crate::picture::Picture;

/// Gives pictures.
pub trait Source: Send {
    /// Waits for the next picture, at most `patience`; `None` when there is none yet.
    fn next(&mut self, patience: Duration) -> Result<Option<Picture<'_>>, SourceError>;

    /// The controls of the device, usable from other threads while pictures flow.
    fn controls(&self) -> Option<Box<dyn Controls>> {
        None
    }
}

/// What can be turned on a camera.
pub trait Controls: Send + Sync {
    /// The controls with their values now.
    fn list(&self) -> Result<Vec<Control>, SourceError>;
    /// Sets one.
    fn set(&self, name: &str, value: i64) -> Result<(), ControlError>;
}

/// Why a control was not set.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The device has no such control.
    #[error("no control `{0:.64}`")]
    Unknown(String),
    /// Out of range or between two steps.
    #[error("`{name}` takes {minimum} to {maximum} in steps of {step}")]
    Range {
        /// The control.
        name: String,
        /// Smallest value.
        minimum: i64,
        /// Largest value.
        maximum: i64,
        /// Distance between values.
        step: i64,
    },
    /// The device refused.
    #[error(transparent)]
    Device(SourceError),
}

/// Why a source gives no pictures.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The device was unplugged, or is not there yet.
    #[error("device `{}` is gone", .0.display())]
    Gone(PathBuf),
    /// Another program streams from it.
    #[error("device `{}` is used by another program", .0.display())]
    Busy(PathBuf),
    /// We may not open it.
    #[error("device `{}` may not be opened", .0.display())]
    Denied(PathBuf),
    /// It is no capture device: a null device, the metadata node of a camera.
    #[error("device `{}` is no camera", .0.display())]
    NotCamera(PathBuf),
    /// Neither MJPEG nor YUYV.
    #[error("device `{}` offers neither MJPEG nor YUYV", .0.display())]
    NoFormat(PathBuf),
    /// The device fails.
    #[error("{act} of device `{}`", path.display())]
    Device {
        /// What we wanted of it.
        act: &'static str,
        /// The device.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// No picture for too long.
    #[error("no picture for {0:?}")]
    Stalled(Duration),
    /// A program we need is not installed.
    #[error("the program `{0}` is missing")]
    NoProgram(&'static str),
    /// A file cannot be read.
    #[error("read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The child that decodes could not be run.
    #[error("run `ffmpeg`")]
    Child(#[source] io::Error),
    /// The stream is over or broken; the text is what the decoder said, without credentials.
    #[error("the stream ended: {1}")]
    Ended(Cause, String),
    /// There is no memory for the pictures.
    #[error("make a frame ring")]
    Ring(#[source] vigla_frames::Error),
    /// A picture could not be made.
    #[error("encode a picture")]
    Encode(#[source] crate::jpeg::turbo::TurboError),
}

impl SourceError {
    /// The file at `path` cannot be read, and `source` says why.
    pub fn unreadable(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::File { path, source }
    }
}

/// Why a stream ended, as far as a person can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no video in it.
    NoVideo,
    /// Nobody answers at the address.
    Unreachable,
    /// User or password are refused.
    Denied,
    /// The network camera knows no stream of this name.
    NoPath,
    /// Something else, or nobody knows.
    Other,
}
