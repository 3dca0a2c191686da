//! One connection that stands: what is said first, what is under way, and how it ends.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, Outgoing, Packet, Publish, QoS};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Broker, Fault, UNDER_WAY};
use crate::backoff::Backoff;
use crate::discovery::{self, Documents};
use crate::flight::{Cargo, Flight};

/// The farewell must be acknowledged within this, or it is not waited for.
const FAREWELL: Duration = Duration::from_millis(1500);

/// A connection that the broker has accepted.
pub(super) struct Session<'a> {
    client: AsyncClient,
    broker: &'a mut Broker,
    backoff: &'a mut Backoff,
    flight: Flight,
    /// Retained states that wait for room, ahead of the outbox.
    standing: VecDeque<(String, String)>,
    /// Until when the farewell is waited for.
    leaving: Option<Instant>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        client: AsyncClient,
        broker: &'a mut Broker,
        backoff: &'a mut Backoff,
    ) -> Self {
        let flight = Flight::default();
        Self {
            client,
            broker,
            backoff,
            flight,
            standing: VecDeque::new(),
            leaving: None,
        }
    }

    /// Works until the connection is lost (`Err`) or we have left (`Ok`).
    pub(super) async fn drive(
        mut self,
        events: &mut EventLoop,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        self.greet()?;
        loop {
            self.fill()?;
            // Only one poll at a time, and never dropped half-way: what it has read would be lost.
            let mut poll = pin!(events.poll());
            let event = loop {
                let staying = self.leaving.is_none();
                tokio::select! {
                    event = &mut poll => break event?,
                    () = self.broker.outbox.arrived(), if staying => self.fill()?,
                    Ok(()) = self.broker.documents.changed(), if staying => {
                        self.announce_changes();
                        self.fill()?;
                    }
                    () = stop.cancelled(), if staying => self.leave()?,
                    () = deadline(self.leaving) => return Ok(()),
                }
            };
            if self.handle(event)? {
                return Ok(());
            }
        }
    }

    /// True when we have left.
    fn handle(&mut self, event: Event) -> Result<bool, Fault> {
        match event {
            Event::Outgoing(Outgoing::Publish(id)) => self.flight.take_off(id),
            Event::Incoming(Packet::PubAck(ack)) => match self.flight.land(ack.pkid) {
                Some(Cargo::Held(ticket)) => {
                    self.broker.outbox.settle(ticket);
                    self.backoff.reset();
                }
                Some(Cargo::Standing) => self.backoff.reset(),
                Some(Cargo::Farewell) => self.client.try_disconnect().map_err(gone)?,
                None => {}
            },
            Event::Incoming(Packet::Publish(publish)) => self.hear(&publish),
            Event::Outgoing(Outgoing::Disconnect) => return Ok(true),
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
        Ok(false)
    }

    fn greet(&mut self) -> Result<(), Fault> {
        self.client
            .try_subscribe(self.broker.topics.birth(), QoS::AtLeastOnce)
            .map_err(gone)?;
        self.standing
            .push_back((self.broker.topics.availability(), String::from("online")));
        self.announce_all();
        Ok(())
    }

    /// Home Assistant forgets nothing that is retained, but a broker without persistence does.
    fn hear(&mut self, publish: &Publish) {
        if publish.topic == self.broker.topics.birth() && publish.payload.as_ref() == b"online" {
            tracing::debug!("home assistant has started, sending the documents again");
            self.announce_all();
        }
    }

    fn announce_all(&mut self) {
        let now = self.broker.documents.borrow_and_update().clone();
        let gone = discovery::changes(&self.broker.announced, &now)
            .into_iter()
            .filter(|(_, text)| text.is_empty());
        self.standing.extend(gone.chain(now.clone()));
        self.broker.announced = now;
    }

    fn announce_changes(&mut self) {
        let now: Documents = self.broker.documents.borrow_and_update().clone();
        self.standing
            .extend(discovery::changes(&self.broker.announced, &now));
        self.broker.announced = now;
    }

    /// Hands over as much as may be under way.
    fn fill(&mut self) -> Result<(), Fault> {
        while self.leaving.is_none() && self.flight.len() < UNDER_WAY {
            if let Some((topic, text)) = self.standing.pop_front() {
                self.client
                    .try_publish(topic, QoS::AtLeastOnce, true, text)
                    .map_err(gone)?;
                self.flight.hand(Cargo::Standing);
            } else if let Some((ticket, message)) = self.broker.outbox.lend() {
                let published = self.client.try_publish(
                    message.topic,
                    QoS::AtLeastOnce,
                    false,
                    message.payload,
                );
                published.map_err(gone)?;
                self.flight.hand(Cargo::Held(ticket));
            } else {
                break;
            }
        }
        Ok(())
    }

    /// Says `stopped`, behind everything that is under way.
    fn leave(&mut self) -> Result<(), Fault> {
        self.fill()?;
        self.leaving = Some(Instant::now() + FAREWELL);
        let topic = self.broker.topics.availability();
        self.client
            .try_publish(topic, QoS::AtLeastOnce, true, "stopped")
            .map_err(gone)?;
        self.flight.hand(Cargo::Farewell);
        Ok(())
    }
}

/// The channel to the client library holds twice what may be under way.
#[allow(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn gone(error: rumqttc::ClientError) -> Fault {
    Fault::Away(format!("hand a packet to the client library: {error}"))
}

async fn deadline(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
