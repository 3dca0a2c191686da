//! What a broker answers, damaged, through the client library and our reading of it.

use rumqttc::{MqttState, Publish, QoS, Request, v5};
use tokio_util::bytes::BytesMut;

use super::{Event, LARGEST_IN, v3 as ours3, v5 as ours5};
use crate::flight::{Cargo, Flight};
use crate::outbox::Ticket;

/// Lands whatever a broker acknowledges; three were sent, so no more than three may land.
fn land(flight: &mut Flight, event: &Event) {
    match *event {
        Event::Written(id) => flight.take_off(id),
        Event::Acknowledged(id) | Event::Refused(id, _) => drop(flight.land(id)),
        _ => {}
    }
}

fn handed() -> Flight {
    let mut flight = Flight::default();
    (0..3).for_each(|ticket| flight.hand(Cargo::Held(Ticket(ticket))));
    flight
}

#[test]
fn any_damage_to_what_a_broker_says_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "answers", |bytes| {
        let (mut state, mut flight) = (MqttState::new(100, false), handed());
        for _ in 0..3 {
            let publish = Publish::new("t", QoS::AtLeastOnce, "x");
            let _ = state.handle_outgoing_packet(Request::Publish(publish));
        }
        let mut rest = BytesMut::from(bytes);
        while let Ok(packet) = rumqttc::Packet::read(&mut rest, LARGEST_IN) {
            if state.handle_incoming_packet(packet).is_err() {
                break;
            }
        }
        while let Some(event) = state.events.pop_front() {
            land(&mut flight, &ours3::event(event));
        }
        assert!(flight.len() <= 3);
    });
}

#[test]
fn any_damage_to_what_a_broker_of_version_5_says_is_survived() {
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "answers", |bytes| {
        let (mut state, mut flight) = (v5::MqttState::new(100, false), handed());
        for _ in 0..3 {
            let publish = v5::mqttbytes::v5::Publish::new("t", ours5::AT_LEAST_ONCE, "x", None);
            let _ = state.handle_outgoing_packet(v5::Request::Publish(publish));
        }
        let mut rest = BytesMut::from(bytes);
        let largest = u32::try_from(LARGEST_IN).ok();
        while let Ok(packet) = v5::mqttbytes::v5::Packet::read(&mut rest, largest) {
            if state.handle_incoming_packet(packet).is_err() {
                break;
            }
        }
        while let Some(event) = state.events.pop_front() {
            land(&mut flight, &ours5::event(event));
        }
        assert!(flight.len() <= 3);
    });
}
