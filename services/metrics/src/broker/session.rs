//! One connection that stands: what is said first, what is under way, and how it ends.
//!
//! Between two polls messages are written past the client library's line, many for one call of the kernel; the
//! last one goes through the line, which sends them all. While a poll waits only the line is open: one message
//! goes through it, ends the poll, and lets the others follow.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vigla_bus::Problem;

use super::Broker;
use super::fault::Fault;
use super::link::{BUFFER, Client, Event, Events, Terms, Written};
use crate::backoff::Backoff;
use crate::discovery::{self, Documents};
use crate::flight::{Cargo, Flight};
use crate::outbox::{Attendance, Message, Ticket};

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
    /// Lent, and not handed over yet.
    next: VecDeque<(Ticket, Message)>,
    /// Acknowledged, and not settled yet: together with what else is there to be read.
    landed: Vec<Ticket>,
    /// The outbox had nothing more, and has not said since that something arrived.
    dry: bool,
    /// Until when the farewell is waited for.
    leaving: Option<Instant>,
    /// Acknowledgements since the last refusal; nothing while nothing was refused.
    since_refusal: Option<u32>,
    /// Until we leave, messages need no other thread.
    attendance: Option<Attendance>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        client: Client,
        terms: Terms,
        broker: &'a mut Broker,
        backoff: &'a mut Backoff,
    ) -> Self {
        let attendance = Some(broker.outbox.attend());
        Self {
            client,
            terms,
            broker,
            backoff,
            flight: Flight::default(),
            standing: VecDeque::new(),
            next: VecDeque::new(),
            landed: Vec::new(),
            dry: false,
            leaving: None,
            since_refusal: None,
            attendance,
        }
    }

    /// Works until the connection is lost (`Err`) or we have left (`Ok`).
    pub(super) async fn drive(
        mut self,
        events: &mut Events,
        stop: &CancellationToken,
    ) -> Result<(), Fault> {
        self.greet()?;
        let outcome = self.work(events, stop).await;
        self.settle();
        outcome
    }

    async fn work(&mut self, events: &mut Events, stop: &CancellationToken) -> Result<(), Fault> {
        loop {
            if self.leaving.is_none() && stop.is_cancelled() {
                self.leave()?;
            }
            if self.landed.len() >= self.terms.under_way / 2 {
                self.settle();
            }
            self.fill(Some(events))?;
            // Only one poll at a time, and never dropped half-way: what it has read would be lost.
            let event = {
                let mut poll = pin!(events.poll());
                loop {
                    let staying = self.leaving.is_none();
                    // First what is there already: most acknowledgements come in a heap, and are settled as one.
                    tokio::select! {
                        biased;
                        event = &mut poll => break event?,
                        () = std::future::ready(()), if !self.landed.is_empty() => self.settle(),
                        () = self.broker.outbox.arrived(), if staying => {
                            self.dry = false;
                            self.fill(None)?;
                        }
                        Ok(()) = self.broker.documents.changed(), if staying => {
                            self.announce_changes();
                            self.fill(None)?;
                        }
                        () = stop.cancelled(), if staying => self.leave()?,
                        () = deadline(self.leaving) => return Ok(()),
                    }
                }
            };
            let mut read = Some(event);
            while let Some(event) = read {
                if self.handle(event)? {
                    return Ok(());
                }
                read = events.next_read();
            }
        }
    }

    fn settle(&mut self) {
        if !self.landed.is_empty() {
            self.broker.outbox.settle_all(&self.landed);
            self.landed.clear();
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
                self.landed.push(ticket);
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

    /// Hands over as much as may be under way; with `events`, between two polls.
    fn fill(&mut self, events: Option<&mut Events>) -> Result<(), Fault> {
        if self.leaving.is_some() {
            return Ok(());
        }
        self.announce()?;
        if self.flight.in_line() {
            return Ok(());
        }
        self.lend();
        self.hand_over(events)
    }

    /// The retained states, as far as there is room.
    fn announce(&mut self) -> Result<(), Fault> {
        while self.flight.len() + self.next.len() < self.terms.under_way {
            let Some((topic, text)) = self.standing.pop_front() else {
                break;
            };
            self.client.publish(topic, true, text.into_bytes())?;
            self.flight.hand(Cargo::Standing);
        }
        Ok(())
    }

    /// Takes from the outbox as much as may be under way.
    fn lend(&mut self) {
        let under_way = self.flight.len() + self.next.len();
        let room = self.terms.under_way.saturating_sub(under_way);
        if self.dry || room == 0 {
            return;
        }
        let lent = self.broker.outbox.lend_up_to(room);
        self.dry = lent.len() < room;
        for (ticket, message) in lent {
            if self.fits(&message) {
                self.next.push_back((ticket, message));
            } else {
                self.broker.outbox.refuse(ticket);
                self.complain("larger than it takes");
            }
        }
    }

    /// Nothing is in the line. Past it goes what `events` takes; the last one goes through it.
    fn hand_over(&mut self, mut events: Option<&mut Events>) -> Result<(), Fault> {
        let mut buffered = 0;
        while let Some((ticket, message)) = self.next.pop_front() {
            let cargo = Cargo::Held(ticket);
            let more = !self.next.is_empty() && buffered < BUFFER;
            let past = events.as_mut().filter(|events| more && events.writes());
            let Some(events) = past else {
                self.client.publish(message.topic, false, message.payload)?;
                self.flight.hand(cargo);
                return Ok(());
            };
            buffered += message.cost() + HEAD;
            match events.write(message.topic, message.payload)? {
                Written::As(id) => self.flight.fly(id, cargo),
                Written::Later => self.flight.hand(cargo),
            }
        }
        Ok(())
    }

    fn fits(&self, message: &Message) -> bool {
        message.cost() + HEAD <= self.terms.largest
    }

    /// Says `stopped`, behind everything that is under way.
    fn leave(&mut self) -> Result<(), Fault> {
        self.attendance = None;
        self.announce()?;
        self.lend();
        while let Some((ticket, message)) = self.next.pop_front() {
            self.client.publish(message.topic, false, message.payload)?;
            self.flight.hand(Cargo::Held(ticket));
        }
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
