//! The kernel's word that a device came or went.
//!
//! Messages come from a netlink socket of the kernel (or, in tests, from a Unix datagram socket) and
//! say only *that* something about cameras changed; what there is now, sysfs says. So a lost or a
//! forged message costs at most one look.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The multicast group of messages from the kernel itself.
const KERNEL: u32 = 1;
/// The kernel's own limit for one message is 2 KiB.
const MOST_BYTES: usize = 8 << 10;

/// What one message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uevent<'a> {
    /// `add`, `remove`, `change`, `bind`, ...
    pub action: &'a str,
    /// `video4linux` for cameras.
    pub subsystem: &'a str,
}

/// Parses a message of the kernel: `add@/devices/...`, then `KEY=value`, each ended by a zero.
pub fn parse(message: &[u8]) -> Option<Uevent<'_>> {
    let text = std::str::from_utf8(message).ok()?;
    let mut lines = text.split('\0');
    // udev's own messages begin with a word without `@`; they are not for us.
    let (action, _) = lines.next()?.split_once('@')?;
    let subsystem = lines.find_map(|line| line.strip_prefix("SUBSYSTEM="))?;
    Some(Uevent { action, subsystem })
}

/// Listens for messages about cameras.
#[derive(Debug)]
pub struct Listener(AsyncFd<OwnedFd>);

impl Listener {
    /// Listens to the kernel.
    pub fn kernel() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let fd = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, KERNEL))?;
        Self::new(fd)
    }

    /// Listens to a Unix datagram socket that is made at `path`.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let _ = std::fs::remove_file(path);
        let socket = std::os::unix::net::UnixDatagram::bind(path)?;
        socket.set_nonblocking(true)?;
        Self::new(socket.into())
    }

    fn new(fd: OwnedFd) -> io::Result<Self> {
        // SAFETY: the descriptor is owned by the `AsyncFd` from here on and closed with it.
        #[allow(unsafe_code, reason = "registering a descriptor of our own")]
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
        Ok(Self(fd))
    }

    /// Waits until something about cameras changed, and takes in all that was said by then.
    pub async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut changed = false;
            loop {
                let mut message = [0; MOST_BYTES];
                let fd = self.0.get_ref().as_fd().as_raw_fd();
                match recv(fd, &mut message, MsgFlags::empty()) {
                    Ok(length) => {
                        let event = message.get(..length).and_then(parse);
                        if let Some(event) = event.filter(|e| e.subsystem == "video4linux") {
                            tracing::debug!(action = event.action, "uevent");
                            changed = true;
                        }
                    }
                    Err(Errno::EAGAIN) => break,
                    Err(Errno::EINTR) => {}
                    // Messages were lost: any of them may have been about a camera.
                    Err(Errno::ENOBUFS) => changed = true,
                    Err(errno) => return Err(errno.into()),
                }
            }
            ready.clear_ready();
            if changed {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_says() {
        let message =
            b"add@/devices/usb1/1-1/video0\0ACTION=add\0SUBSYSTEM=video4linux\0MAJOR=81\0";
        let event = parse(message).unwrap();
        assert_eq!((event.action, event.subsystem), ("add", "video4linux"));
        assert_eq!(parse(b"libudev\0\xfe\xed\xca\xfe"), None);
        assert_eq!(parse(b"libudev\0SUBSYSTEM=video4linux\0"), None);
        assert_eq!(parse(b""), None);
    }

    #[tokio::test]
    async fn waits_for_cameras_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uevents");
        let listener = Listener::unix(&path).unwrap();
        let sender = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let mut waiting = std::pin::pin!(listener.changed());
        sender.send_to(b"add@/x\0SUBSYSTEM=block\0", &path).unwrap();
        let soon = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, &mut waiting).await.is_err());
        sender
            .send_to(b"add@/x\0SUBSYSTEM=video4linux\0", &path)
            .unwrap();
        waiting.await.unwrap();
    }

    proptest::proptest! {
        #[test]
        fn any_message_is_survived(message: Vec<u8>, text: String) {
            parse(&message);
            parse(text.as_bytes());
            parse(format!("add@{text}\0SUBSYSTEM={text}").as_bytes());
        }
    }

    #[test]
    fn any_damage_to_a_message_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "uevent", |message| {
            if let Some(event) = parse(message) {
                assert!(!event.action.contains('@'));
            }
        });
    }
}
