//! The wake-up socket: 8 bytes per frame one way, nothing the other way, hang-up at the end.
//!
//! `SOCK_SEQPACKET`, because it keeps messages whole and, unlike a datagram socket, tells either
//! side when the other is gone. The kernel closes it when the last thread of a killed process has
//! given up its memory, so a hang-up also means: nobody reads through this lease page any more.

use std::{
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, getsockopt, recv, send, setsockopt,
        shutdown, socketpair, sockopt,
    },
};

use crate::error::{Error, Part};

/// A pair: ours (never blocks, never listens) and the reader's.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Error> {
    let failed = |source| Error::Admit {
        part: Part::Wakeup,
        source,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).map_err(failed)?;
    // The kernel's least: a handful of wake-ups. More would tell a slow reader nothing, and each
    // costs kernel memory while it sleeps.
    setsockopt(&ours, sockopt::SndBuf, &0).map_err(failed)?;
    // What a reader sends is refused by the kernel instead of stored by it.
    shutdown(ours.as_raw_fd(), Shutdown::Read).map_err(failed)?;
    Ok((ours, theirs))
}

/// Wakes one reader; `false` if that was not possible now (full, or gone: the next sweep says).
pub(crate) fn wake(socket: &OwnedFd, frame_id: u64) -> bool {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    send(socket.as_raw_fd(), &frame_id.to_ne_bytes(), flags).is_ok()
}

/// For each socket, in order: has the other side hung up?
pub(crate) fn hung_up<'s>(sockets: impl Iterator<Item = BorrowedFd<'s>>) -> Vec<bool> {
    // No events asked for: hang-up and error are always told.
    let mut polled: Vec<_> = sockets
        .map(|socket| PollFd::new(socket, PollFlags::empty()))
        .collect();
    match poll(&mut polled, PollTimeout::ZERO) {
        // Interrupted, or no memory: nobody leaves now, the next frame looks again.
        Ok(0) | Err(_) => vec![false; polled.len()],
        Ok(_) => polled.iter().map(gone).collect(),
    }
}

fn gone(polled: &PollFd<'_>) -> bool {
    let end = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    polled
        .revents()
        .is_some_and(|events| events.intersects(end))
}

/// Refuses a descriptor from outside that is not such a socket.
pub(crate) fn examine(socket: BorrowedFd<'_>) -> Result<(), Error> {
    match getsockopt(&socket, sockopt::SockType) {
        Ok(SockType::SeqPacket) => Ok(()),
        Ok(_) | Err(Errno::ENOTSOCK | Errno::EBADF | Errno::EINVAL) => Err(Error::NotSocket),
        Err(source) => Err(Error::Examine {
            part: Part::Wakeup,
            source,
        }),
    }
}

/// Takes all wake-ups that are there; `true` if the writer is gone.
pub(crate) fn drain(socket: &OwnedFd) -> Result<bool, Error> {
    let mut frame_id = [0; 8];
    // A bound against a writer that sends for ever: far more than a socket of ours holds.
    for _ in 0..4096 {
        match recv(socket.as_raw_fd(), &mut frame_id, MsgFlags::MSG_DONTWAIT) {
            Ok(0) | Err(Errno::ECONNRESET | Errno::ENOTCONN) => return Ok(true),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => return Ok(false),
            Err(source) => return Err(Error::Wait { source }),
        }
    }
    Ok(false)
}

/// Sleeps until the socket has something to say or the deadline (`None`: never) has passed.
pub(crate) fn sleep(socket: BorrowedFd<'_>, deadline: Option<Instant>) -> Result<(), Error> {
    let timeout = match deadline {
        None => PollTimeout::NONE,
        Some(deadline) => rounded_up(deadline.saturating_duration_since(Instant::now())),
    };
    match poll(&mut [PollFd::new(socket, PollFlags::POLLIN)], timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(source) => Err(Error::Wait { source }),
    }
}

/// To whole milliseconds, upwards: rounding down would spin through the last one.
fn rounded_up(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}
