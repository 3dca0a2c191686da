//! MQTT 5: the same, and the broker says how much it takes and why it does not want a message.

use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, LastWill, Packet, PubAck, PubAckReason};
use rumqttc::v5::{AsyncClient, Event as Theirs, MqttOptions};

use super::{Client, Event, Events, LARGEST_IN, LINE, Opening, Terms};

pub(super) const AT_LEAST_ONCE: QoS = QoS::AtLeastOnce;
/// The client library refuses a shorter one.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// For so long, in seconds, the broker keeps a persistent session of a node that is away.
const EXPIRY: u32 = 24 * 3600;
/// Packet ids that are used in turn; more than are ever under way.
const IDS: u16 = 100;

pub(super) fn open(opening: &Opening<'_>) -> (Client, Events) {
    let mut options = options(opening);
    options.set_network_options(super::at_once());
    let (client, events) = AsyncClient::new(options, LINE);
    (Client::V5(client), Events::V5(Box::new(events)))
}

fn options(opening: &Opening<'_>) -> MqttOptions {
    let mut options = MqttOptions::new(opening.node_id, opening.host(), opening.address.port);
    options.set_keep_alive(opening.keep_alive.max(KEEP_ALIVE));
    options.set_clean_start(!opening.persistent);
    options.set_session_expiry_interval(opening.persistent.then_some(EXPIRY));
    options.set_max_packet_size(u32::try_from(LARGEST_IN).ok());
    options.set_outgoing_inflight_upper_limit(IDS);
    options.set_transport(opening.transport());
    let will = LastWill::new(&*opening.will, "offline", AT_LEAST_ONCE, true, None);
    options.set_last_will(will);
    if let Some((user, password)) = &opening.login {
        options.set_credentials(user, password);
    }
    options
}

pub(super) fn event(event: Theirs) -> Event {
    match event {
        Theirs::Incoming(Packet::ConnAck(ack)) => Event::Accepted(terms(&ack)),
        Theirs::Outgoing(Outgoing::Publish(id)) => Event::Written(id),
        Theirs::Incoming(Packet::PubAck(ack)) => answer(&ack),
        Theirs::Incoming(Packet::Publish(publish)) => Event::Heard {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            text: publish.payload.to_vec(),
        },
        Theirs::Outgoing(Outgoing::Disconnect) => Event::Left,
        Theirs::Incoming(_) | Theirs::Outgoing(_) => Event::Other,
    }
}

fn terms(ack: &ConnAck) -> Terms {
    let usual = Terms::default();
    let Some(properties) = &ack.properties else {
        return usual;
    };
    let under_way = properties.receive_max.map_or(usual.under_way, usize::from);
    let largest = properties
        .max_packet_size
        .and_then(|size| usize::try_from(size).ok());
    Terms {
        under_way: under_way.clamp(1, usual.under_way),
        largest: largest.unwrap_or(usual.largest),
    }
}

fn answer(ack: &PubAck) -> Event {
    let why = match ack.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
            return Event::Acknowledged(ack.pkid);
        }
        PubAckReason::NotAuthorized => "not authorised",
        PubAckReason::TopicNameInvalid => "no such topic",
        PubAckReason::QuotaExceeded => "quota exceeded",
        PubAckReason::PayloadFormatInvalid => "not the payload it wants",
        PubAckReason::PacketIdentifierInUse => "packet id in use",
        PubAckReason::UnspecifiedError | PubAckReason::ImplementationSpecificError => {
            "no reason given"
        }
    };
    Event::Refused(ack.pkid, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_from_0x80_is_a_refusal() {
        let ack = |reason| {
            answer(&PubAck {
                pkid: 7,
                reason,
                properties: None,
            })
        };
        assert_eq!(ack(PubAckReason::Success), Event::Acknowledged(7));
        assert_eq!(
            ack(PubAckReason::NoMatchingSubscribers),
            Event::Acknowledged(7)
        );
        let refused = Event::Refused(7, "not authorised".to_owned());
        assert_eq!(ack(PubAckReason::NotAuthorized), refused);
    }
}
