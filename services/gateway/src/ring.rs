//! One open ring, readable from the event loop.

use std::{io, os::fd::OwnedFd, time::Duration};

use tokio::io::unix::AsyncFd;
use vigla_bus::camera::RingHandles;
use vigla_frames::{Lease, Reader, Wait};

/// Why a ring could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RingError {
    #[error("open the ring")]
    Open(#[source] vigla_frames::Error),
    #[error("watch the ring's wake-up socket")]
    Watch(#[source] io::Error),
    #[error("read the ring's wake-up socket")]
    Wait(#[source] vigla_frames::Error),
}

/// A ring whose wake-up socket is registered with the event loop.
#[derive(Debug)]
pub(crate) struct Ring {
    reader: Reader,
    /// A duplicate: the reader owns the other one, and both are closed together.
    wakeup: AsyncFd<OwnedFd>,
}

/// What happened to a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Frame,
    Nothing,
    Gone,
}

impl Ring {
    pub(crate) fn open(handles: RingHandles) -> Result<Self, RingError> {
        let reader = Reader::open(
            handles.ring.into(),
            handles.leases.into(),
            handles.wakeup.into(),
        )
        .map_err(RingError::Open)?;
        let twin = reader
            .as_fd()
            .try_clone_to_owned()
            .map_err(RingError::Watch)?;
        #[allow(
            unsafe_code,
            reason = "tokio asks for this promise, and has no safe way"
        )]
        // SAFETY: an `OwnedFd` names the same open descriptor until it is dropped, which `AsyncFd`
        // does itself; nothing else holds this duplicate.
        let wakeup = unsafe { AsyncFd::register(twin) };
        let wakeup = wakeup.map_err(|error| RingError::Watch(error.into()))?;
        Ok(Self { reader, wakeup })
    }

    /// Waits for a frame or for the writer's end. Safe to drop while it waits.
    pub(crate) async fn news(&mut self) -> Result<News, RingError> {
        let mut ready = self.wakeup.readable().await.map_err(RingError::Watch)?;
        // Before the socket is drained: a wake-up that comes in between must not be forgotten.
        ready.clear_ready();
        self.look()
    }

    /// What has happened until now, without waiting.
    pub(crate) fn look(&mut self) -> Result<News, RingError> {
        match self.reader.wait(Duration::ZERO).map_err(RingError::Wait)? {
            Wait::Frame => Ok(News::Frame),
            Wait::Timeout => Ok(News::Nothing),
            Wait::WriterGone => Ok(News::Gone),
        }
    }

    /// The newest frame, if it is newer than the last one taken.
    pub(crate) fn newest(&mut self) -> Option<Lease<'_>> {
        self.reader.latest()
    }
}
