//! Memory-mapped streaming: the driver fills buffers, we look at one at a time.
//!
//! A buffer that was handed out goes back to the driver when the next one is asked for. Nothing here
//! panics on what a driver does: an impossible answer is an error, and the keeper starts over.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::time::{ClockId, clock_gettime};
use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::node::{CAPTURE, Node, blank};
use crate::source::SourceError;

/// `V4L2_MEMORY_MMAP`.
const MMAP: u32 = 1;
/// `V4L2_BUF_FLAG_ERROR`, `V4L2_BUF_FLAG_TIMESTAMP_MASK` and `V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC`.
const DAMAGED: u32 = 0x40;
const CLOCK_MASK: u32 = 0xe000;
const CLOCK_MONOTONIC: u32 = 0x2000;
/// One being looked at, one full, two for the driver.
const BUFFERS: u32 = 4;

/// A running stream.
#[derive(Debug)]
pub struct Stream {
    node: Arc<Node>,
    maps: Vec<Map>,
    /// The buffer that is looked at.
    held: Option<u32>,
}

/// A filled buffer, ours until the next one is asked for.
#[derive(Debug)]
pub struct Buffer<'a> {
    /// What the driver wrote.
    pub bytes: &'a [u8],
    /// The driver says that the data is damaged.
    pub damaged: bool,
    /// Microseconds since capture, when the driver's clock is one we know.
    pub age_usec: Option<u64>,
}

impl Stream {
    /// Maps buffers, gives them to the driver, and starts it.
    pub fn start(node: Arc<Node>) -> Result<Self, SourceError> {
        let mut request = sys::v4l2_requestbuffers {
            count: BUFFERS,
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        node.ask("asking for buffers", vidioc::VIDIOC_REQBUFS, &mut request)?;
        let mut stream = Self {
            node,
            maps: Vec::new(),
            held: None,
        };
        for index in 0..request.count.min(32) {
            let mut buffer = describe(index);
            stream.node.ask(
                "asking about a buffer",
                vidioc::VIDIOC_QUERYBUF,
                &mut buffer,
            )?;
            let map = Map::new(&stream.node, &buffer)?;
            stream.maps.push(map);
            stream.give(index)?;
        }
        if stream.maps.len() < 2 {
            return Err(stream.nonsense("asking for buffers", "too few buffers"));
        }
        let mut kind = CAPTURE.cast_signed();
        stream
            .node
            .ask("starting", vidioc::VIDIOC_STREAMON, &mut kind)?;
        Ok(stream)
    }

    /// Waits for the next buffer, at most `patience`.
    pub fn take(&mut self, patience: Duration) -> Result<Option<Buffer<'_>>, SourceError> {
        if let Some(index) = self.held.take() {
            self.give(index)?;
        }
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut ready = [PollFd::new(self.node.fd(), PollFlags::POLLIN)];
        match poll(&mut ready, timeout) {
            Ok(0) | Err(Errno::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(errno) => {
                return Err(super::node::fault(
                    self.node.path(),
                    "waiting",
                    errno.into(),
                ));
            }
        }
        // After an error on the descriptor the next call says which.
        let mut buffer = describe(0);
        match self.node.call(vidioc::VIDIOC_DQBUF, &mut buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => {
                return Err(super::node::fault(
                    self.node.path(),
                    "taking a picture",
                    error,
                ));
            }
        }
        let Some(map) = self.maps.get(buffer.index as usize) else {
            return Err(self.nonsense("taking a picture", "a buffer that does not exist"));
        };
        self.held = Some(buffer.index);
        let used = (buffer.bytesused as usize).min(map.length.get());
        Ok(Some(Buffer {
            bytes: &map.bytes()[..used],
            damaged: buffer.flags & DAMAGED != 0,
            age_usec: age(&buffer),
        }))
    }

    fn give(&self, index: u32) -> Result<(), SourceError> {
        let mut buffer = describe(index);
        self.node
            .ask("giving a buffer back", vidioc::VIDIOC_QBUF, &mut buffer)
    }

    fn nonsense(&self, act: &'static str, what: &'static str) -> SourceError {
        SourceError::Device {
            act,
            path: self.node.path().into(),
            source: io::Error::other(what),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // An unplugged device answers with errors; there is nothing to be done about them.
        let mut kind = CAPTURE.cast_signed();
        let _ = self.node.call(vidioc::VIDIOC_STREAMOFF, &mut kind);
        self.maps.clear();
        let mut none = sys::v4l2_requestbuffers {
            type_: CAPTURE,
            memory: MMAP,
            ..blank()
        };
        let _ = self.node.call(vidioc::VIDIOC_REQBUFS, &mut none);
    }
}

fn describe(index: u32) -> sys::v4l2_buffer {
    sys::v4l2_buffer {
        index,
        type_: CAPTURE,
        memory: MMAP,
        ..blank()
    }
}

/// How long ago the driver took the picture, by the clock it used.
fn age(buffer: &sys::v4l2_buffer) -> Option<u64> {
    if buffer.flags & CLOCK_MASK != CLOCK_MONOTONIC {
        return None;
    }
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).ok()?;
    let usec = |seconds: i64, usec: i64| seconds.checked_mul(1_000_000)?.checked_add(usec);
    let now = usec(now.tv_sec(), now.tv_nsec() / 1000)?;
    let taken = usec(buffer.timestamp.tv_sec, buffer.timestamp.tv_usec)?;
    u64::try_from(now.checked_sub(taken)?).ok()
}

/// One buffer of the driver in our memory.
#[derive(Debug)]
struct Map {
    start: NonNull<std::ffi::c_void>,
    length: NonZeroUsize,
}

// SAFETY: the map is memory shared with the driver and tied to no thread.
#[allow(unsafe_code, reason = "a raw pointer is not Send by itself")]
unsafe impl Send for Map {}

impl Map {
    fn new(node: &Node, buffer: &sys::v4l2_buffer) -> Result<Self, SourceError> {
        let fault = |error: io::Error| super::node::fault(node.path(), "mapping a buffer", error);
        let length = NonZeroUsize::new(buffer.length as usize)
            .ok_or_else(|| fault(io::Error::other("an empty buffer")))?;
        // SAFETY: a new mapping at an address of the kernel's choice, for the buffer that the driver
        // described; every arm of `m` is plain numbers, and for MMAP it is the offset.
        #[allow(unsafe_code, reason = "mmap")]
        let start = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ,
                MapFlags::MAP_SHARED,
                node.fd(),
                i64::from(buffer.m.offset),
            )
        };
        let start = start.map_err(|errno| fault(errno.into()))?;
        Ok(Self { start, length })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: mapped for `length` bytes as long as `self` lives. The driver writes only into
        // buffers it was given; this is read only between taking one and giving it back.
        #[allow(unsafe_code, reason = "memory of a driver")]
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr().cast(), self.length.get())
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, unmapped once, and no slice of it outlives `self`.
        #[allow(unsafe_code, reason = "munmap")]
        let _ = unsafe { munmap(self.start, self.length.get()) };
    }
}
