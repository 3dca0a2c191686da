//! What waits in memory: on its way to the disk, or instead of it.
//!
//! Normally a message is here for less than a millisecond. When the disk cannot be written to the
//! hold is all there is: bounded, and what does not fit is dropped, samples before events (the next
//! sample comes in a second anyway).

use std::collections::{BTreeMap, VecDeque};

use vigla_kit::config::form;

use crate::outbox::{Account, Message, Reason, Ticket, Worth};

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most messages.
    pub messages: usize,
    /// Most bytes of topics and payloads together.
    pub bytes: usize,
    /// Largest single message in bytes; larger ones are dropped at once.
    pub largest: usize,
}

/// Who stays when not all can.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The newest messages; the oldest go.
    #[default]
    Newest,
    /// The oldest messages; new ones are refused.
    Oldest,
}

impl<'de> serde::Deserialize<'de> for Keep {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        const FORM: &str = "\"newest\" or \"oldest\"";
        form::text(from, FORM, |text| match text {
            "newest" => Ok(Self::Newest),
            "oldest" => Ok(Self::Oldest),
            _ => Err(format!("`{text}` is not {FORM}")),
        })
    }
}

type Line = VecDeque<(Ticket, Message)>;

/// A bounded queue in memory.
#[derive(Debug)]
pub struct Hold {
    limits: Limits,
    keep: Keep,
    next: u64,
    /// Each by its ticket. Nearly all come in at the end and go out at the front.
    samples: Line,
    events: Line,
    lent: BTreeMap<Ticket, Message>,
    bytes: usize,
    account: Account,
}

impl Hold {
    /// An empty hold.
    #[must_use]
    pub fn new(limits: Limits, keep: Keep) -> Self {
        Self {
            limits,
            keep,
            next: 0,
            samples: Line::new(),
            events: Line::new(),
            lent: BTreeMap::new(),
            bytes: 0,
            account: Account::default(),
        }
    }

    /// Takes a message; may drop others for it, or it.
    pub fn accept(&mut self, message: Message) {
        self.account.accepted += 1;
        let ticket = Ticket(self.next);
        self.next += 1;
        if message.cost() > self.limits.largest {
            self.account.dropped.add(Reason::TooBig, 1);
            return;
        }
        self.wait(ticket, message);
        self.make_room();
    }

    /// The oldest waiting message, which stays stored until it is settled.
    pub fn lend(&mut self) -> Option<(Ticket, Message)> {
        let (ticket, message) = self.pop()?;
        self.keep_lent(ticket, message.clone());
        Some((ticket, message))
    }

    /// The peer has acknowledged it.
    pub fn settle(&mut self, ticket: Ticket) {
        if let Some(message) = self.lent.remove(&ticket) {
            self.forget(&message);
            self.account.sent += 1;
        }
    }

    /// The peer has it, and does not want it.
    pub fn refuse(&mut self, ticket: Ticket) {
        if let Some(message) = self.lent.remove(&ticket) {
            self.forget(&message);
            self.account.dropped.add(Reason::Refused, 1);
        }
    }

    /// Everything lent waits again.
    pub fn reclaim(&mut self) {
        for (ticket, message) in std::mem::take(&mut self.lent) {
            self.forget(&message);
            self.wait(ticket, message);
        }
        self.make_room();
    }

    /// How the account stands; what was taken out has left it.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.account
    }

    /// Takes the oldest messages out, about `bytes` of them; none while some are lent, so that the
    /// order is kept.
    pub fn take(&mut self, bytes: usize) -> Vec<(Ticket, Message)> {
        let mut batch = Vec::new();
        let mut cost = 0;
        while self.lent.is_empty() && cost < bytes {
            let Some((ticket, message)) = self.pop() else {
                break;
            };
            self.forget(&message);
            self.account.accepted -= 1;
            cost += message.cost();
            batch.push((ticket, message));
        }
        batch
    }

    /// Takes back what [`take`](Self::take) gave.
    pub fn put_back(&mut self, batch: Vec<(Ticket, Message)>) {
        for (ticket, message) in batch {
            self.account.accepted += 1;
            self.wait(ticket, message);
        }
        self.make_room();
    }

    /// The account of everything that ended here leaves it, for a book that lasts.
    pub fn take_ended(&mut self) -> Account {
        let stored = self.account.stored;
        let fresh = Account {
            accepted: stored,
            stored,
            ..Account::default()
        };
        let ended = std::mem::replace(&mut self.account, fresh);
        Account {
            accepted: ended.accepted - stored,
            stored: 0,
            ..ended
        }
    }

    /// Tickets begin at `next` from now on, also those of what waits. Not while something is lent.
    pub fn begin_at(&mut self, next: u64) {
        self.next = next;
        let mut waiting: Vec<_> = std::mem::take(&mut self.samples)
            .into_iter()
            .chain(std::mem::take(&mut self.events))
            .collect();
        waiting.sort_by_key(|(ticket, _)| *ticket);
        for (_, message) in waiting {
            self.forget(&message);
            self.wait(Ticket(self.next), message);
            self.next += 1;
        }
    }

    /// True when something is lent.
    #[must_use]
    pub fn lends(&self) -> bool {
        !self.lent.is_empty()
    }

    /// True when something waits that is not lent.
    #[must_use]
    pub fn waits(&self) -> bool {
        !(self.samples.is_empty() && self.events.is_empty())
    }

    fn wait(&mut self, ticket: Ticket, message: Message) {
        self.account.stored += 1;
        self.bytes += message.cost();
        let line = match message.worth {
            Worth::Sample => &mut self.samples,
            Worth::Event => &mut self.events,
        };
        let at = line.partition_point(|(other, _)| *other < ticket);
        line.insert(at, (ticket, message));
    }

    fn keep_lent(&mut self, ticket: Ticket, message: Message) {
        self.lent.insert(ticket, message);
    }

    fn pop(&mut self) -> Option<(Ticket, Message)> {
        let ticket = |line: &Line| line.front().map(|(ticket, _)| *ticket);
        match (ticket(&self.samples), ticket(&self.events)) {
            (Some(sample), Some(event)) if sample < event => self.samples.pop_front(),
            (Some(_), None) => self.samples.pop_front(),
            _ => self.events.pop_front(),
        }
    }

    fn forget(&mut self, message: &Message) {
        self.bytes -= message.cost();
        self.account.stored -= 1;
    }

    /// Lent messages are never dropped: the peer may have them already.
    fn make_room(&mut self) {
        while self.stored() > self.limits.messages || self.bytes > self.limits.bytes {
            let dropped = match self.keep {
                Keep::Newest => self.samples.pop_front().or_else(|| self.events.pop_front()),
                Keep::Oldest => self.samples.pop_back().or_else(|| self.events.pop_back()),
            };
            let Some((_, message)) = dropped else { return };
            self.forget(&message);
            self.account.dropped.add(Reason::Full, 1);
        }
    }

    fn stored(&self) -> usize {
        self.samples.len() + self.events.len() + self.lent.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        messages: 3,
        bytes: 1000,
        largest: 100,
    };

    fn message(text: &str, worth: Worth) -> Message {
        Message {
            topic: String::from("t"),
            payload: text.as_bytes().to_vec(),
            worth,
        }
    }

    fn lend_all(hold: &mut Hold) -> Vec<String> {
        std::iter::from_fn(|| hold.lend())
            .map(|(_, message)| String::from_utf8(message.payload).unwrap())
            .collect()
    }

    #[test]
    fn the_newest_wins_and_samples_go_before_events() {
        let mut hold = Hold::new(LIMITS, Keep::Newest);
        hold.accept(message("event", Worth::Event));
        for text in ["1", "2", "3"] {
            hold.accept(message(text, Worth::Sample));
        }
        assert_eq!(hold.account().dropped.by(Reason::Full), 1);
        assert_eq!(lend_all(&mut hold), ["event", "2", "3"]);
    }

    #[test]
    fn old_events_go_when_there_are_only_events() {
        let mut hold = Hold::new(LIMITS, Keep::Newest);
        for text in ["1", "2", "3", "4"] {
            hold.accept(message(text, Worth::Event));
        }
        assert_eq!(lend_all(&mut hold), ["2", "3", "4"]);
    }

    #[test]
    fn what_was_lent_comes_back_in_its_old_place() {
        let mut hold = Hold::new(LIMITS, Keep::Newest);
        hold.accept(message("1", Worth::Sample));
        hold.accept(message("2", Worth::Event));
        let (first, _) = hold.lend().unwrap();
        hold.lend().unwrap();
        hold.settle(first);
        hold.accept(message("3", Worth::Sample));
        hold.reclaim();
        assert_eq!(lend_all(&mut hold), ["2", "3"]);
        assert_eq!(hold.account().sent, 1);
    }

    #[test]
    fn drops_what_no_broker_would_take() {
        let mut hold = Hold::new(LIMITS, Keep::Newest);
        hold.accept(message(&"x".repeat(200), Worth::Event));
        assert_eq!(
            (
                hold.account().stored,
                hold.account().dropped.by(Reason::TooBig)
            ),
            (0, 1)
        );
    }

    #[test]
    fn the_oldest_may_win_instead() {
        let mut hold = Hold::new(LIMITS, Keep::Oldest);
        for text in ["1", "2", "3", "4"] {
            hold.accept(message(text, Worth::Sample));
        }
        hold.accept(message("event", Worth::Event));
        assert_eq!(lend_all(&mut hold), ["1", "2", "event"]);
    }

    #[test]
    fn what_was_taken_out_comes_back_in_its_old_place() {
        let mut hold = Hold::new(LIMITS, Keep::Newest);
        for text in ["1", "2", "3"] {
            hold.accept(message(text, Worth::Sample));
        }
        let batch = hold.take(3);
        assert_eq!(
            (batch.len(), hold.account().accepted, hold.account().stored),
            (2, 1, 1)
        );
        hold.put_back(batch);
        hold.begin_at(40);
        assert_eq!(hold.lend().unwrap().0, Ticket(40));
        assert!(hold.take(100).is_empty(), "one is lent");
    }

    #[test]
    fn what_ended_leaves_the_account() {
        let mut hold = Hold::new(LIMITS, Keep::Newest);
        for text in ["1", "2", "3", "4"] {
            hold.accept(message(text, Worth::Sample));
        }
        let (ticket, _) = hold.lend().unwrap();
        hold.settle(ticket);
        let ended = hold.take_ended();
        assert_eq!(
            (
                ended.accepted,
                ended.sent,
                ended.stored,
                ended.dropped.total()
            ),
            (2, 1, 0, 1)
        );
        assert_eq!(
            hold.account(),
            Account {
                accepted: 2,
                stored: 2,
                ..Account::default()
            }
        );
    }

    proptest! {
        #[test]
        fn the_account_always_adds_up(steps in proptest::collection::vec((0_u8..7, 0_usize..150), 0..200)) {
            let mut hold = Hold::new(LIMITS, Keep::Newest);
            let mut lent = Vec::new();
            for (step, size) in steps {
                match step {
                    6 => { if let Some(ticket) = lent.pop() { hold.refuse(ticket) } }
                    0 | 1 => hold.accept(message(&"x".repeat(size), Worth::Sample)),
                    2 => hold.accept(message(&"x".repeat(size), Worth::Event)),
                    3 => lent.extend(hold.lend().map(|(ticket, _)| ticket)),
                    4 => { if let Some(ticket) = lent.pop() { hold.settle(ticket) } }
                    _ => { hold.reclaim(); lent.clear() }
                }
                let account = hold.account();
                prop_assert_eq!(account.accepted, account.sent + account.stored + account.dropped.total());
                prop_assert_eq!(account.stored, hold.stored() as u64);
                let waiting = hold.samples.iter().chain(&hold.events).map(|(_, message)| message);
                prop_assert_eq!(hold.bytes, waiting.chain(hold.lent.values()).map(Message::cost).sum::<usize>());
            }
        }
    }
}
