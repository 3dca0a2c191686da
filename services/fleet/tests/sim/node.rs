//! A device: what is on its disk, and what it remembers while it has power.

use vigla_fleet::device::{Effect, Event, Facts, Held, Invited, Progress, State, decide};

use crate::chance::Chance;

/// What a power cut leaves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Disk {
    pub(crate) key: Option<u64>,
    /// On which the key was made.
    pub(crate) board: u64,
    pub(crate) held: Option<(u64, bool)>,
    /// Of the grant that it holds.
    pub(crate) token: u64,
    pub(crate) generation: u64,
    pub(crate) claim: bool,
    /// No time before it is believed.
    pub(crate) floor: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    pub(crate) state: State,
    /// Generation and token.
    pub(crate) hand: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) disk: Disk,
    pub(crate) board: u64,
    /// The card of another device was copied into it.
    pub(crate) copy: bool,
    /// Without power: `None`.
    pub(crate) memory: Option<Memory>,
    /// Counts the starts of the machine: a connection does not outlive one.
    pub(crate) starts: u64,
    /// Counts what is waited for: what was meant for one before is not for this.
    pub(crate) boot: u64,
    /// Counts the questions: an answer to one before is nobody's.
    pub(crate) asked: u64,
}

impl Node {
    pub(crate) const fn new(board: u64) -> Self {
        let disk = Disk {
            key: None,
            board: 0,
            held: None,
            token: 0,
            generation: 0,
            claim: true,
            floor: 0,
        };
        Self {
            disk,
            board,
            copy: false,
            memory: None,
            starts: 0,
            boot: 0,
            asked: 0,
        }
    }

    fn facts(&self, memory: &Memory) -> Facts {
        Facts {
            key: self.disk.key.is_some(),
            other_board: self.disk.key.is_some() && self.disk.board != self.board,
            invited: if self.disk.claim && !memory.state.erased {
                Invited::Claim
            } else {
                Invited::Spent
            },
            held: self.disk.held.map(|(generation, confirmed)| Held {
                generation,
                confirmed,
                elsewhere: false,
            }),
        }
    }

    /// Decides; a question passes through what a question passes through.
    pub(crate) fn decide(&mut self, event: Event, chance: &mut Chance) -> Option<Effect> {
        let mut memory = self.memory.take()?;
        let facts = self.facts(&memory);
        let (mut state, effect) = decide(&facts, memory.state, event, chance.number());
        if matches!(effect, Effect::Ask { .. }) {
            for progress in [Progress::Connected, Progress::Secured, Progress::Sent] {
                (state, _) = decide(&facts, state, Event::Progress(progress), 0);
            }
        }
        memory.state = state;
        self.memory = Some(memory);
        Some(effect)
    }

    /// Does what an effect writes.
    pub(crate) fn write(&mut self, effect: Effect, new_key: u64) {
        match effect {
            Effect::MakeKey => {
                self.disk.board = self.board;
                self.disk.key = Some(new_key);
            }
            Effect::Install => {
                let hand = self.memory.as_mut().and_then(|memory| memory.hand.take());
                let (generation, token) = hand.expect("what is installed was granted");
                self.disk.token = token;
                self.disk.generation = generation;
                self.disk.held = Some((generation, false));
            }
            Effect::Confirm => {
                if let Some((_, confirmed)) = &mut self.disk.held {
                    *confirmed = true;
                }
            }
            Effect::Erase => self.disk.claim = false,
            Effect::Nothing | Effect::Ask { .. } | Effect::Inquire | Effect::Wait(_) => {}
        }
    }
}
