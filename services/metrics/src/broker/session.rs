//! One connection that stands: what is said first, what is under way, and how it ends.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigla_bus::Problem;

use super::Broker;
use super::fault::Fault;
use super::link::{Client, Event, Events, Terms};
use crate::backoff::Backoff;
use crate::discovery::{self, Documents};
use crate::flight::{Cargo, Flight};
use crate::outbox::Message;

/// The farewell must be acknowledged within this, or it is not waited for.
const FAREWELL: Duration = Duration::from_millis(1500);
/// What a publish takes besides topic and payload, in bytes.
const HEAD: usize = 16;
/// After so many acknowledgements in a row nothing is refused any more.
const AT_PEACE: u32 = 100;

/// A connection that the broker has accepted.
pub(super) struct Session<'a> {
    client: Client,
    terms: Terms,
    broker: &'a mut Broker,
    backoff: &'a mut Backoff,
    flight: Flight,
    /// Retained states that wait for room, ahead of the outbox.
    standing: VecDeque<(String, String)>,
    /// Until when the farewell is waited for.
    leaving: Option<Instant>,
    /// Acknowledgements since the last refusal; nothing while nothing was refused.
    since_refusal: Option<u32>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        client: Client,
        terms: Terms,
        broker: &'a mut Broker,
        backoff: &'a mut Backoff,
    ) -> Self {
        Self {
            client,
            terms,
            broker,
            backoff,
            flight: Flight::default(),
            standing: VecDeque::new(),
            leaving: None,
            since_refusal: None,
        }
    }

    /// Works until the connection is lost (`Err`) or we have left (`Ok`).
    pub(super) async fn drive(
        mut self,
        events: &mut Events,
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
            Event::Written(id) => self.flight.take_off(id),
            Event::Acknowledged(id) => self.acknowledged(id)?,
            Event::Refused(id, why) => self.refused(id, &why)?,
            Event::Heard { topic, text } => self.hear(&topic, &text),
            Event::Left => return Ok(true),
            Event::Accepted(_) | Event::Other => {}
        }
        Ok(false)
    }

    fn acknowledged(&mut self, id: u16) -> Result<(), Fault> {
        match self.flight.land(id) {
            Some(Cargo::Held(ticket)) => {
                self.broker.outbox.settle(ticket);
                self.backoff.reset();
                self.calm_down();
            }
            Some(Cargo::Standing) => self.backoff.reset(),
            Some(Cargo::Farewell) => self.client.disconnect()?,
            None => {}
        }
        Ok(())
    }

    /// Sent again it would be refused again.
    fn refused(&mut self, id: u16, why: &str) -> Result<(), Fault> {
        match self.flight.land(id) {
            Some(Cargo::Held(ticket)) => self.broker.outbox.refuse(ticket),
            Some(Cargo::Farewell) => self.client.disconnect()?,
            Some(Cargo::Standing) | None => {}
        }
        self.complain(why);
        self.backoff.reset();
        Ok(())
    }

    fn complain(&mut self, why: &str) {
        self.since_refusal = Some(0);
        let problem = Problem::new("message-refused", why);
        self.broker
            .problems
            .replace(&["message-refused"], vec![problem]);
    }

    /// Somebody gave us the right, and nobody told us.
    fn calm_down(&mut self) {
        let Some(since) = &mut self.since_refusal else {
            return;
        };
        *since += 1;
        if *since > AT_PEACE {
            self.since_refusal = None;
            self.broker
                .problems
                .replace(&["message-refused"], Vec::new());
        }
    }

    fn greet(&mut self) -> Result<(), Fault> {
        self.client.subscribe(&self.broker.topics.birth())?;
        self.standing
            .push_back((self.broker.topics.availability(), String::from("online")));
        self.announce_all();
        Ok(())
    }

    /// Home Assistant forgets nothing that is retained, but a broker without persistence does.
    fn hear(&mut self, topic: &str, text: &[u8]) {
        if topic == self.broker.topics.birth() && text == b"online" {
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
        while self.leaving.is_none() && self.flight.len() < self.terms.under_way {
            if let Some((topic, text)) = self.standing.pop_front() {
                self.client.publish(topic, true, text.into_bytes())?;
                self.flight.hand(Cargo::Standing);
            } else if let Some((ticket, message)) = self.broker.outbox.lend() {
                if self.fits(&message) {
                    self.client.publish(message.topic, false, message.payload)?;
                    self.flight.hand(Cargo::Held(ticket));
                } else {
                    self.broker.outbox.refuse(ticket);
                    self.complain("larger than it takes");
                }
            } else {
                break;
            }
        }
        Ok(())
    }

    fn fits(&self, message: &Message) -> bool {
        message.cost() + HEAD <= self.terms.largest
    }

    /// Says `stopped`, behind everything that is under way.
    fn leave(&mut self) -> Result<(), Fault> {
        self.fill()?;
        self.leaving = Some(Instant::now() + FAREWELL);
        let topic = self.broker.topics.availability();
        self.client.publish(topic, true, b"stopped".to_vec())?;
        self.flight.hand(Cargo::Farewell);
        Ok(())
    }
}

async fn deadline(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
