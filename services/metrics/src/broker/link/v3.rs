//! MQTT 3.1.1.

use futures_util::FutureExt;
use rumqttc::{
    AsyncClient, Event as Theirs, EventLoop, LastWill, MqttOptions, Outgoing, Packet, Publish, QoS,
    Request,
};

use super::{Client, Event, Events, LARGEST_IN, LARGEST_OUT, LINE, Opening, Terms, Written};
use crate::broker::fault::Fault;

pub(super) fn open(opening: &Opening<'_>) -> (Client, Events) {
    let (client, mut events): (AsyncClient, EventLoop) = AsyncClient::new(options(opening), LINE);
    events.set_network_options(super::at_once());
    (Client::V3(client), Events::V3(Box::new(events)))
}

fn options(opening: &Opening<'_>) -> MqttOptions {
    let mut options = MqttOptions::new(opening.node_id, opening.host(), opening.address.port);
    options.set_keep_alive(opening.keep_alive);
    options.set_clean_session(!opening.persistent);
    options.set_max_packet_size(LARGEST_IN, LARGEST_OUT);
    options.set_transport(opening.transport());
    let will = LastWill::new(&opening.will, "offline", QoS::AtLeastOnce, true);
    options.set_last_will(will);
    if let Some((user, password)) = &opening.login {
        options.set_credentials(user, password);
    }
    options
}

pub(super) fn event(event: Theirs) -> Event {
    match event {
        Theirs::Incoming(Packet::ConnAck(_)) => Event::Accepted(Terms::default()),
        Theirs::Outgoing(Outgoing::Publish(id)) => Event::Written(id),
        Theirs::Incoming(Packet::PubAck(ack)) => Event::Acknowledged(ack.pkid),
        Theirs::Incoming(Packet::Publish(publish)) => Event::Heard {
            topic: publish.topic,
            text: publish.payload.to_vec(),
        },
        Theirs::Outgoing(Outgoing::Disconnect) => Event::Left,
        Theirs::Incoming(_) | Theirs::Outgoing(_) => Event::Other,
    }
}

/// See [`Events::write`].
pub(super) fn write(
    events: &mut EventLoop,
    topic: String,
    text: Vec<u8>,
) -> Result<Written, Fault> {
    let publish = Request::Publish(Publish::new(topic, QoS::AtLeastOnce, text));
    let packet = events.state.handle_outgoing_packet(publish);
    let packet = packet.map_err(|error| Fault::away(format_args!("write a packet: {error}")))?;
    let Some(packet) = packet else {
        return Ok(Written::Later);
    };
    let (Packet::Publish(Publish { pkid, .. }), Some(network)) = (&packet, &mut events.network)
    else {
        return Err(Fault::away("write a packet: there is no connection"));
    };
    let id = *pkid;
    // It waits only for a buffer that is full, and the caller has looked.
    match network.write(packet).now_or_never() {
        Some(Ok(())) => Ok(Written::As(id)),
        Some(Err(error)) => Err(Fault::away(format_args!("write a packet: {error}"))),
        None => Err(Fault::away("write a packet: the buffer is full")),
    }
}
