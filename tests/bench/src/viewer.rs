//! A client of an MJPEG stream: takes it, counts pictures, and throws them away.
//!
//! It looks only for the headers that both we and uStreamer send, so that counting costs next to nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use socket2::{Domain, Socket, Type};
use vigla_testkit::until;

/// Stands once in the head of each part, ours and uStreamer's.
const PART: &[u8] = b"X-Timestamp: ";
/// Stands before it in ours: frames of a camera are numbered without gaps.
const FRAME: &[u8] = b"X-Frame-Id: ";
/// Longer than a header with its number.
const TAIL: usize = 40;
/// How often one that reads slowly reads, in a second.
const SIPS: u32 = 20;
/// What a bad network has under way: without a limit the kernel would take the stream for the client.
const SMALL_WINDOW: usize = 32 << 10;

/// What a viewer has seen so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) pictures: u64,
    /// Number of the newest frame; 0 where frames have no numbers.
    pub(crate) frame: u64,
}

/// A running client.
pub(crate) struct Viewer {
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    /// Takes what comes as fast as it comes; ready when the first picture is there.
    pub(crate) fn fast(port: u16) -> anyhow::Result<Self> {
        let viewer = Self::open(port, None)?;
        until("the first picture", Duration::from_secs(30), || {
            (viewer.seen().pictures > 0).then_some(())
        })?;
        Ok(viewer)
    }

    /// Takes so many bytes a second.
    pub(crate) fn slow(port: u16, rate: usize) -> anyhow::Result<Self> {
        Self::open(port, Some(rate))
    }

    /// What it has seen until now.
    pub(crate) fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(port: u16, rate: Option<usize>) -> anyhow::Result<Self> {
        let mut stream = connect(port, rate.map(|_| SMALL_WINDOW))?;
        write!(
            stream,
            "GET /stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        )?;
        let (seen, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (shared, told) = (Arc::clone(&seen), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut bytes = vec![0; rate.map_or(64 << 10, |rate| rate / SIPS as usize)];
            let mut kept = Vec::new();
            while !told.load(Ordering::Relaxed) {
                match stream.read(&mut bytes) {
                    Ok(count) if count > 0 => kept.extend_from_slice(&bytes[..count]),
                    // The server has ended: the counts stand still, and whoever compares them sees it.
                    _ => return,
                }
                note(&mut kept, &shared);
                if rate.is_some() {
                    crate::gauge::pause(Duration::from_secs(1) / SIPS);
                }
            }
        });
        Ok(Self {
            seen,
            over,
            thread: Some(thread),
        })
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn connect(port: u16, window: Option<usize>) -> anyhow::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(window) = window {
        // Before connecting: the window is agreed then.
        socket.set_recv_buffer_size(window)?;
    }
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    socket
        .connect(&address.into())
        .with_context(|| format!("connect to port {port}"))?;
    // So that a stream that stands still does not hold us for ever.
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(socket.into())
}

/// Looks for heads in what has come. Each place is looked at once, when what follows it is there too.
fn note(kept: &mut Vec<u8>, seen: &Mutex<Seen>) {
    let end = kept.len().saturating_sub(TAIL);
    let mut at = 0;
    while let Some(next) = kept[at..end].iter().position(|byte| *byte == b'X') {
        at += next;
        let here = &kept[at..];
        if let Some(rest) = here.strip_prefix(FRAME) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).frame = number(rest);
        } else if here.starts_with(PART) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).pictures += 1;
        }
        at += 1;
    }
    kept.drain(..end);
}

fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_once_wherever_the_stream_is_cut() {
        let part =
            b"Content-Type: x\r\nX-Frame-Id: 81\r\nX-Timestamp: 1.000001\r\n\r\nXXX-Time bytes";
        let stream = [part.repeat(3), vec![0; TAIL]].concat();
        for step in [1, 7, 41, stream.len()] {
            let (mut kept, seen) = (Vec::new(), Mutex::default());
            for piece in stream.chunks(step) {
                kept.extend_from_slice(piece);
                note(&mut kept, &seen);
            }
            let Seen { pictures, frame } = *seen.lock().unwrap();
            assert_eq!((pictures, frame), (3, 81), "in steps of {step}");
        }
    }
}
