//! MQTT 3.1.1.

use rumqttc::{
    AsyncClient, Event as Theirs, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS,
};

use super::{Client, Event, Events, LARGEST_IN, LARGEST_OUT, LINE, Opening, Terms};

pub(super) fn open(opening: &Opening<'_>) -> (Client, Events) {
    let (client, events): (AsyncClient, EventLoop) = AsyncClient::new(options(opening), LINE);
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
