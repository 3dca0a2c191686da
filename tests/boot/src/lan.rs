//! The guest's neighbour in its local network, without a right on this machine: Ethernet frames come
//! and go as datagrams of loopback, and a TCP stack of our own (smoltcp) looks at the guest's ports.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// The guest's card, and the address that networkd makes of it (RFC 4291, appendix A).
const GUEST: &str = "52:54:00:12:34:99";
const GUEST_ADDRESS: IpAddress = IpAddress::v6(0xfe80, 0, 0, 0, 0x5054, 0x00ff, 0xfe12, 0x3499);
const OUR_ADDRESS: IpAddress = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const US: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
/// Tried at once; each has buffers of its own.
const AT_ONCE: usize = 128;
const BUFFER: usize = 256;
const FRAME: usize = 1514;
/// What a guest gets to answer a call.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a port does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Somebody listens.
    Open,
    /// The guest says that nobody does.
    Closed,
    /// The guest says nothing: the firewall.
    Silent,
}

/// The wire.
#[derive(Debug)]
pub struct Lan {
    wire: UdpSocket,
    guest: u16,
}

impl Lan {
    /// A wire that no guest is on yet.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub fn new() -> anyhow::Result<Self> {
        let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let wire = bind()?;
        wire.set_nonblocking(true)?;
        let guest = bind()?.local_addr()?.port();
        Ok(Self { wire, guest })
    }

    /// What QEMU needs to know of it.
    ///
    /// # Errors
    /// Never, as long as the wire is open.
    pub(crate) fn arguments(&self) -> anyhow::Result<[String; 4]> {
        let ours = self.wire.local_addr()?.port();
        let end = |which: &str, port: u16| {
            format!("{which}.type=inet,{which}.host=127.0.0.1,{which}.port={port}")
        };
        let wire = format!(
            "dgram,id=lan,{},{}",
            end("local", self.guest),
            end("remote", ours)
        );
        let card = format!("virtio-net-pci,netdev=lan,mac={GUEST},romfile=");
        Ok(["-netdev".into(), wire, "-device".into(), card])
    }

    /// Calls each of `ports` over TCP.
    ///
    /// # Errors
    /// When the stack takes no call.
    pub fn look(
        &mut self,
        ports: impl IntoIterator<Item = u16>,
    ) -> anyhow::Result<Vec<(u16, Door)>> {
        let ports: Vec<_> = ports.into_iter().collect();
        let mut doors = Vec::with_capacity(ports.len());
        for some in ports.chunks(AT_ONCE) {
            doors.extend(self.look_at(some)?);
        }
        Ok(doors)
    }

    fn look_at(&mut self, ports: &[u16]) -> anyhow::Result<Vec<(u16, Door)>> {
        let now = smoltcp::time::Instant::now;
        let mut wire = Wire {
            wire: &self.wire,
            guest: SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.guest),
        };
        let mut stack = Interface::new(Config::new(US.into()), &mut wire, now());
        stack.update_ip_addrs(|addresses| {
            // The stack is new: there is room.
            let _ = addresses.push(IpCidr::new(OUR_ADDRESS, 64));
        });
        let mut sockets = SocketSet::new(Vec::new());
        let mut calls = Vec::new();
        for (port, own) in ports.iter().zip(49152..) {
            let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
            let mut socket = tcp::Socket::new(buffer(), buffer());
            socket.connect(stack.context(), (GUEST_ADDRESS, *port), own)?;
            calls.push((*port, sockets.add(socket)));
        }
        let deadline = Instant::now() + PATIENCE;
        let waiting = |sockets: &SocketSet<'_>| {
            let silent = |(_, handle): &(u16, SocketHandle)| door(sockets, *handle) == Door::Silent;
            calls.iter().any(silent)
        };
        while Instant::now() < deadline && waiting(&sockets) {
            stack.poll(now(), &mut wire, &mut sockets);
            pause();
        }
        Ok(calls
            .iter()
            .map(|(port, handle)| (*port, door(&sockets, *handle)))
            .collect())
    }
}

fn door(sockets: &SocketSet<'_>, handle: SocketHandle) -> Door {
    match sockets.get::<tcp::Socket<'_>>(handle).state() {
        tcp::State::SynSent => Door::Silent,
        tcp::State::Closed => Door::Closed,
        _ => Door::Open,
    }
}

#[allow(clippy::disallowed_methods, reason = "smoltcp is polled")]
fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Frames as datagrams.
struct Wire<'a> {
    wire: &'a UdpSocket,
    guest: SocketAddrV4,
}

struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

struct Sending<'a>(&'a UdpSocket, SocketAddrV4);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let mut frame = vec![0; length];
        let result = fill(&mut frame);
        // A frame that is lost is what networks do.
        let _ = self.0.send_to(&frame, self.1);
        result
    }
}

impl phy::Device for Wire<'_> {
    type RxToken<'a>
        = Received
    where
        Self: 'a;
    type TxToken<'a>
        = Sending<'a>
    where
        Self: 'a;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, Sending<'_>)> {
        let mut frame = vec![0; FRAME];
        let length = self.wire.recv(&mut frame).ok()?;
        frame.truncate(length);
        Some((Received(frame), Sending(self.wire, self.guest)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sending<'_>> {
        Some(Sending(self.wire, self.guest))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}
