//! The way into the rings of one camera, for the thread that answers D-Bus.
//!
//! The pipeline makes rings and remakes them when pictures change; it leaves their doors here. A
//! camera that gives JPEG has one ring, and both encodings lead to it.

use std::sync::{Mutex, PoisonError};

use vigla_frames::{Door, Handles};

/// What a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As captured.
    Native,
    /// As JPEG, whatever was captured.
    Jpeg,
}

/// Why nobody was let in.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// There was no picture yet.
    #[error("no picture yet")]
    NotReady,
    /// The ring is full or cannot be shared.
    #[error("add a reader")]
    Ring(#[source] vigla_frames::Error),
}

/// The doors of one camera.
#[derive(Debug, Default)]
pub struct Doors(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    native: Door,
    /// `None` when the native ring holds JPEGs.
    jpeg: Option<Door>,
}

impl Doors {
    /// Lets readers into new rings.
    pub fn set(&self, native: Door, jpeg: Option<Door>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Open { native, jpeg });
    }

    /// Adds a reader.
    pub fn enter(&self, encoding: Encoding, wakeups: bool) -> Result<Handles, DoorError> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(DoorError::NotReady)?;
        let door = match encoding {
            Encoding::Native => &open.native,
            Encoding::Jpeg => open.jpeg.as_ref().unwrap_or(&open.native),
        };
        door.add_reader(wakeups).map_err(DoorError::Ring)
    }
}
