//! The loop: look at the facts, let [`vigla_fleet::device`] decide, carry out, come back with what happened.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{Notify, watch};
use vigla_fleet::device::{
    Answered, Effect, Event, Facts, Fault, Held, Invited, Progress, State, Unwritable, decide,
};
use vigla_fleet::identity::{device_id, node_name};
use vigla_fleet::wire::{Report, Standing};
use vigla_kit::Clock;
use vigla_kit::proxy::Way;

use crate::board;
use crate::busy::Busy;
use crate::card::Card;
use crate::registrar::{Registrar, Sound};
use crate::store::{Holdings, Service, Store};

/// What others are shown of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Step, reason, failures.
    pub state: State,
    /// 20 hex digits; empty before there is a key.
    pub device_id: String,
    /// Empty before there is a key.
    pub node_name: String,
    /// Where it registers.
    pub url: String,
    /// Of the grant; 0: none.
    pub generation: u64,
    /// By the clock of the node; 0: at once.
    pub next_usec: u64,
    /// Whom it asks.
    pub service: Option<Service>,
    /// Seconds since 1970 before which it certainly is not.
    pub floor: u64,
}

/// Everything that the loop works with.
#[derive(Debug)]
pub struct Driver {
    /// The state folder.
    pub store: Store,
    /// What the card said.
    pub card: Card,
    /// Digest of the board's number.
    pub board: String,
    /// No time before it is believed: when this program was built, in seconds since 1970.
    pub built: u64,
    /// The lock that keeps the updater out.
    pub busy: PathBuf,
    /// The owner's proxy.
    pub way: Way,
    /// The time for people.
    pub clock: Clock,
    /// For who watches.
    pub shown: watch::Sender<Shown>,
    /// Somebody wants it to try now.
    pub retry: Arc<Notify>,
    /// What is remembered between two decisions.
    pub state: State,
    /// A grant that was verified and is not installed.
    pub hand: Option<(Sound, Service)>,
    /// Keeps the updater out between question and installation.
    pub lock: Option<Busy>,
}

impl Driver {
    /// For ever.
    pub async fn run(mut self) -> anyhow::Result<()> {
        let mut event = Event::Begun;
        loop {
            event = self.step(event).await;
        }
    }

    /// One decision and what it asks for.
    pub async fn step(&mut self, event: Event) -> Event {
        let (holdings, event) = match self.store.look() {
            Ok(holdings) => (holdings, event),
            Err(error) => {
                tracing::warn!(%error, "cannot read the state");
                (Holdings::default(), Event::Unwritable(Unwritable::Broken))
            }
        };
        let facts = self.facts(&holdings);
        let (state, effect) = decide(&facts, self.state, event, random());
        self.become_state(state);
        self.show(&holdings, effect);
        if !matches!(effect, Effect::Install) {
            self.hand = None;
            self.lock = None;
        }
        self.perform(effect, &holdings, &facts).await
    }

    fn become_state(&mut self, state: State) {
        if (state.step, state.reason) != (self.state.step, self.state.reason) {
            let sentence = vigla_bus::enrolment::sentence(state.step.word(), state.reason.word());
            tracing::info!(
                state = state.step.word(),
                reason = state.reason.word(),
                "{sentence}"
            );
        }
        self.state = state;
    }

    fn facts(&self, holdings: &Holdings) -> Facts {
        let invited = match (&self.card.invitation, self.card.there) {
            (Some(invitation), _) if invitation.claim.is_some() && !self.state.erased => {
                Invited::Claim
            }
            (Some(_), _) => Invited::Spent,
            (None, true) => Invited::Unusable,
            (None, false) => Invited::Not,
        };
        let other_board = holdings.keys.as_ref().is_some_and(|keys| {
            !keys.board.is_empty() && !self.board.is_empty() && keys.board != self.board
        });
        let held = holdings.grant.as_ref().map(|held| Held {
            generation: held.grant.generation,
            confirmed: held.confirmed,
            elsewhere: invited == Invited::Claim && self.is_elsewhere(&held.service),
        });
        Facts {
            key: holdings.keys.is_some(),
            other_board,
            invited,
            held,
        }
    }

    /// The card has a claim of another authority than the one that we belong to.
    fn is_elsewhere(&self, ours: &Service) -> bool {
        let invitation = self.card.invitation.as_ref();
        invitation.is_some_and(|card| !card.pins.iter().any(|pin| ours.pins.contains(pin)))
    }

    /// Whom to ask: the card's registrar while there is a claim to use there, else the one that let us in.
    fn service(&self, holdings: &Holdings, facts: &Facts) -> Option<Service> {
        let card = self.card.invitation.as_ref().map(Service::of);
        let held = holdings.grant.as_ref().map(|held| held.service.clone());
        let elsewhere = facts.held.is_some_and(|held| held.elsewhere);
        if elsewhere { card } else { held.or(card) }
    }

    async fn perform(&mut self, effect: Effect, holdings: &Holdings, facts: &Facts) -> Event {
        match effect {
            Effect::Nothing => Event::Due,
            Effect::MakeKey => written(self.store.make_keys(&self.board)),
            Effect::Ask { claim } => self.ask(holdings, facts, claim).await,
            Effect::Install => self.install(),
            Effect::Inquire => self.inquire(holdings).await,
            Effect::Confirm => written(self.store.confirm()),
            Effect::Erase => {
                let keys = holdings.keys.as_ref();
                let node = keys.map(|keys| node_name(&keys.identity()));
                if let Err(error) = self.card.erase(&node.unwrap_or_default()) {
                    tracing::warn!(%error, "the claim stays on the card, trying again at the next start");
                }
                Event::Written
            }
            Effect::Wait(wait) => self.wait(wait).await,
        }
    }

    async fn wait(&self, wait: Duration) -> Event {
        tokio::select! {
            () = tokio::time::sleep(wait) => Event::Due,
            () = self.retry.notified() => Event::Asked,
        }
    }

    async fn ask(&mut self, holdings: &Holdings, facts: &Facts, claim: bool) -> Event {
        let (Some(keys), Some(service)) = (&holdings.keys, self.service(holdings, facts)) else {
            return Event::Failed(Fault::Odd);
        };
        let Ok(lock) = Busy::take(&self.busy) else {
            // The updater writes a slot: it would not do to become another node meanwhile.
            return Event::Failed(Fault::Busy { after: None });
        };
        let registrar = Registrar {
            service: &service,
            keys,
            floor: self.floor(holdings),
            way: &self.way,
        };
        // Another registrar counts for itself.
        let elsewhere = facts.held.is_some_and(|held| held.elsewhere);
        let generation = if elsewhere { 0 } else { holdings.generation };
        let invitation = self.card.invitation.clone().filter(|_| claim);
        let (shown, mut state) = (self.shown.clone(), self.state);
        let progress = |progress: Progress| {
            (state, _) = decide(facts, state, Event::Progress(progress), 0);
            shown.send_modify(|shown| shown.state = state);
        };
        let said = board::facts(&self.board);
        let asked = registrar.ask(invitation.as_ref(), generation, said, progress);
        match asked.await {
            Ok(sound) => {
                self.hand = Some((sound, service));
                self.lock = Some(lock);
                Event::Answered(Answered::Grant)
            }
            Err(event) => event,
        }
    }

    fn install(&mut self) -> Event {
        let Some((sound, service)) = self.hand.take() else {
            return Event::Failed(Fault::BadGrant);
        };
        let installed = self.store.install(&sound.text, &sound.grant, &service);
        self.lock = None;
        written(installed)
    }

    async fn inquire(&mut self, holdings: &Holdings) -> Event {
        let (Some(keys), Some(held)) = (&holdings.keys, &holdings.grant) else {
            return Event::Failed(Fault::Odd);
        };
        let registrar = Registrar {
            service: &held.service,
            keys,
            floor: self.floor(holdings),
            way: &self.way,
        };
        let report = Report {
            generation: holdings.generation,
            boot_id: vigla_kit::identity::boot_id(),
            hardware: self.board.clone(),
            version: board::facts(&self.board).version,
            slot: board::slot(),
        };
        match registrar.inquire(&report).await {
            Ok(standing) => self.learn(&held.service, &standing),
            Err(event) => event,
        }
    }

    /// What is learnt by the way is worth keeping, and no reason to stop.
    fn learn(&self, service: &Service, standing: &Standing) -> Event {
        let kept = self.store.raise_floor(standing.server_time).and_then(|()| {
            if standing.ca_sha256.is_empty() || standing.ca_sha256 == service.pins {
                return Ok(());
            }
            tracing::info!("the registrar names the authorities to trust from now on");
            self.store.learn(&Service {
                pins: standing.ca_sha256.clone(),
                ..service.clone()
            })
        });
        if let Err(error) = kept {
            tracing::warn!(%error, "cannot keep what the registrar told");
        }
        Event::Stood {
            phase: standing.phase,
            generation: standing.generation,
            enrol_again: standing.enrol_again,
        }
    }

    fn floor(&self, holdings: &Holdings) -> u64 {
        self.built.max(holdings.floor)
    }

    fn show(&self, holdings: &Holdings, effect: Effect) {
        let identity = holdings.keys.as_ref().map(crate::store::Keys::identity);
        let held = holdings.grant.as_ref();
        let card = self.card.invitation.as_ref();
        let endpoint = held.map(|held| &held.service.endpoint);
        let endpoint = endpoint.or(card.map(|card| &card.endpoint));
        let next_usec = match effect {
            Effect::Wait(wait) => {
                let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
                self.clock.now_usec().saturating_add(wait)
            }
            _ => 0,
        };
        let now = Shown {
            state: self.state,
            device_id: identity.as_ref().map(device_id).unwrap_or_default(),
            node_name: identity.as_ref().map(node_name).unwrap_or_default(),
            url: endpoint.map(ToString::to_string).unwrap_or_default(),
            generation: held.map_or(0, |held| held.grant.generation),
            next_usec,
            service: held
                .map(|held| held.service.clone())
                .or(card.map(Service::of)),
            floor: self.floor(holdings),
        };
        self.shown.send_if_modified(|shown| {
            let changed = *shown != now;
            *shown = now;
            changed
        });
    }
}

fn written(result: io::Result<()>) -> Event {
    let Err(error) = result else {
        return Event::Written;
    };
    tracing::warn!(%error, "cannot write the state");
    Event::Unwritable(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Unwritable::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Unwritable::ReadOnly,
        _ => Unwritable::Broken,
    })
}

/// Jitter: without randomness all devices would wait for the same time, which is no harm to one.
fn random() -> u64 {
    let mut bytes = [0; 8];
    let _ = SystemRandom::new().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
