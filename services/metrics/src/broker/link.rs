//! One connection in either version of MQTT, as the session sees it: the same verbs and the same
//! events.

mod v3;
mod v5;

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;

use super::fault::Fault;
use crate::config::{Address, Holding, Protocol};

/// Publishes under way at one time. A loopback broker acknowledges 64 in about a millisecond.
pub(super) const UNDER_WAY: usize = 64;
/// What the line to the client library holds: it never fills.
const LINE: usize = UNDER_WAY * 2;
/// Bytes that the client library collects before it has to wait for the network.
pub(super) const BUFFER: usize = 8 << 10;
/// Largest packet we take, in bytes: we subscribe to one topic with one word in it.
const LARGEST_IN: usize = 4 << 10;
/// Largest packet we send, in bytes.
const LARGEST_OUT: usize = Holding::LARGEST * 2;

/// What a connection begins with.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    pub(super) protocol: Protocol,
    pub(super) address: &'a Address,
    pub(super) node_id: &'a str,
    /// Topic of the last will.
    pub(super) will: String,
    pub(super) keep_alive: Duration,
    /// User and password.
    pub(super) login: Option<(String, String)>,
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Whether the broker keeps our subscription while we are away.
    pub(super) persistent: bool,
}

impl Opening<'_> {
    /// The host as the client library wants it: TLS takes the bare address as the name to look for.
    fn host(&self) -> String {
        if self.tls.is_some() {
            self.address.host.clone()
        } else {
            self.address.bracketed()
        }
    }

    fn transport(&self) -> Transport {
        self.tls.as_ref().map_or(Transport::Tcp, |config| {
            Transport::Tls(TlsConfiguration::Rustls(Arc::clone(config)))
        })
    }

    /// Nothing happens before the first poll.
    pub(super) fn open(&self) -> (Client, Events) {
        match self.protocol {
            Protocol::V3 => v3::open(self),
            Protocol::V5 => v5::open(self),
        }
    }
}

/// A small packet does not wait until the broker has confirmed the one before.
fn at_once() -> NetworkOptions {
    let mut options = NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

/// What happens on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The broker has taken us.
    Accepted(Terms),
    /// A publish was written, with this packet id.
    Written(u16),
    /// The broker has it.
    Acknowledged(u16),
    /// The broker has it and does not want it, for this reason.
    Refused(u16, String),
    /// Somebody said something.
    Heard { topic: String, text: Vec<u8> },
    /// We have said goodbye.
    Left,
    /// Nothing that matters.
    Other,
}

/// What the broker allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Publishes under way at one time.
    pub(super) under_way: usize,
    /// Largest packet in bytes.
    pub(super) largest: usize,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            under_way: UNDER_WAY,
            largest: LARGEST_OUT,
        }
    }
}

/// The side that speaks.
#[derive(Debug)]
pub(super) enum Client {
    V3(rumqttc::AsyncClient),
    V5(rumqttc::v5::AsyncClient),
}

impl Client {
    /// At least once (`QoS` 1).
    pub(super) fn publish(&self, topic: String, retain: bool, text: Vec<u8>) -> Result<(), Fault> {
        match self {
            Self::V3(client) => client
                .try_publish(topic, rumqttc::QoS::AtLeastOnce, retain, text)
                .map_err(gone),
            Self::V5(client) => client
                .try_publish(topic, v5::AT_LEAST_ONCE, retain, text)
                .map_err(gone),
        }
    }

    pub(super) fn subscribe(&self, topic: &str) -> Result<(), Fault> {
        match self {
            Self::V3(client) => client
                .try_subscribe(topic, rumqttc::QoS::AtLeastOnce)
                .map_err(gone),
            Self::V5(client) => client.try_subscribe(topic, v5::AT_LEAST_ONCE).map_err(gone),
        }
    }

    pub(super) fn disconnect(&self) -> Result<(), Fault> {
        match self {
            Self::V3(client) => client.try_disconnect().map_err(gone),
            Self::V5(client) => client.try_disconnect().map_err(gone),
        }
    }
}

/// The line to the client library holds twice what may be under way.
#[allow(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn gone(error: impl std::error::Error) -> Fault {
    Fault::away(format_args!("hand a packet to the client library: {error}"))
}

/// The side that hears.
pub(super) enum Events {
    V3(Box<rumqttc::EventLoop>),
    V5(Box<rumqttc::v5::EventLoop>),
}

/// Where a publish is that was to be written past the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In the buffer, as this packet: it leaves with the next thing that goes through the line.
    As(u16),
    /// In the line after all: its packet id is still in use, and it is written when that is free.
    Later,
}

impl Events {
    /// The next event. Not to be dropped half-way: what it has read would be lost.
    pub(super) async fn poll(&mut self) -> Result<Event, Fault> {
        match self {
            Self::V3(events) => Ok(v3::event(events.poll().await?)),
            Self::V5(events) => Ok(v5::event(events.poll().await?)),
        }
    }

    /// An event that was read with the last one.
    pub(super) fn next_read(&mut self) -> Option<Event> {
        match self {
            Self::V3(events) => events.state.events.pop_front().map(v3::event),
            Self::V5(events) => events.state.events.pop_front().map(v5::event),
        }
    }

    /// Whether [`write`](Self::write) is possible: the client library shows its buffer with 3.1.1 only.
    pub(super) fn writes(&self) -> bool {
        matches!(self, Self::V3(events) if events.network.is_some() && events.state.collision.is_none())
    }

    /// Writes a publish into the client library's buffer, so that many leave with one call of the kernel.
    /// Only while [`writes`](Self::writes) says so, less than [`BUFFER`] wait there, and nothing is in
    /// the line, which it would overtake.
    pub(super) fn write(&mut self, topic: String, text: Vec<u8>) -> Result<Written, Fault> {
        match self {
            Self::V3(events) => v3::write(events, topic, text),
            Self::V5(_) => Err(Fault::away("the client library has no open buffer")),
        }
    }
}

#[cfg(test)]
mod tests;
