//! Reader and writer processes: this test binary, started again for one ignored test.
//!
//! A child's standard input is one end of a packet socket. Through it the parent sends descriptors
//! and the child reports; without such a socket the ignored tests do nothing, so `--ignored` is
//! harmless.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    process::{Child, Command, Stdio},
};

use nix::{
    cmsg_space,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType,
        getsockopt, recv, recvmsg, send, sendmsg, socketpair, sockopt,
    },
};
use vigla_frames::Handles;

use crate::SOON;

/// A child and the line to it; killed on drop.
pub(crate) struct Process {
    child: Child,
    line: OwnedFd,
}

impl Process {
    /// Starts the ignored test `role` of this binary.
    pub(crate) fn start(role: &str) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (line, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", role])
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, line }
    }

    pub(crate) fn line(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// Ends it as the kernel would and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its own end: did it succeed?
    pub(crate) fn succeeded(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's end of the line, if this process is such a child.
pub(crate) fn line_to_parent() -> Option<OwnedFd> {
    let line = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let is_line = getsockopt(&line, sockopt::SockType) == Ok(SockType::SeqPacket);
    is_line.then_some(line)
}

/// Sends the three descriptors of a reader.
pub(crate) fn send_handles(line: BorrowedFd<'_>, handles: &Handles) {
    let fds: [RawFd; 3] = [&handles.ring, &handles.leases, &handles.wakeup].map(AsRawFd::as_raw_fd);
    let control = [ControlMessage::ScmRights(&fds)];
    let payload = [IoSlice::new(b"handles")];
    sendmsg::<()>(
        line.as_raw_fd(),
        &payload,
        &control,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .unwrap();
}

/// Receives them.
pub(crate) fn receive_handles(line: BorrowedFd<'_>) -> Handles {
    let mut buffer = [0; 16];
    let mut payload = [IoSliceMut::new(&mut buffer)];
    let mut space = cmsg_space!([RawFd; 3]);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(line.as_raw_fd(), &mut payload, Some(&mut space), flags).unwrap();
    let Some(ControlMessageOwned::ScmRights(fds)) = message.cmsgs().unwrap().next() else {
        panic!("no descriptors came");
    };
    let mut fds = fds.into_iter().map(|fd| {
        // SAFETY: the kernel just made this descriptor for us.
        #[allow(unsafe_code, reason = "received descriptors are numbers")]
        unsafe {
            OwnedFd::from_raw_fd(fd)
        }
    });
    Handles {
        ring: fds.next().unwrap(),
        leases: fds.next().unwrap(),
        wakeup: fds.next().unwrap(),
    }
}

/// Says one word on the line.
pub(crate) fn say(line: BorrowedFd<'_>, word: &str) {
    send(line.as_raw_fd(), word.as_bytes(), MsgFlags::MSG_NOSIGNAL).unwrap();
}

/// The next word on the line; `None` when the other side is gone.
pub(crate) fn hear(line: BorrowedFd<'_>) -> Option<String> {
    let mut polled = [PollFd::new(line, PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(SOON).unwrap();
    assert_eq!(poll(&mut polled, timeout).unwrap(), 1, "no word in time");
    let mut word = [0; 64];
    match recv(line.as_raw_fd(), &mut word, MsgFlags::empty()) {
        Ok(0) | Err(nix::errno::Errno::ECONNRESET) => None,
        Ok(len) => Some(String::from_utf8(word[..len].to_vec()).unwrap()),
        Err(error) => panic!("listen to the other side: {error}"),
    }
}
