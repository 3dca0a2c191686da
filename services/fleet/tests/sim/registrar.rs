//! What a registrar does with one request: a step each, so that others come between and a kill is possible
//! anywhere. Nothing is remembered but in the API server.

use vigla_fleet::wire::{Phase, Refusal, Waiting};

use crate::api::{Api, Conflict, Device};

/// A request of a device, as numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Request {
    pub(crate) key: u64,
    pub(crate) board: u64,
    pub(crate) generation: u64,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum What {
    Enrol { claim: bool },
    Stand,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reply {
    Grant {
        key: u64,
        generation: u64,
    },
    Wait(Waiting),
    Refused(Refusal),
    Standing {
        phase: Phase,
        generation: u64,
        enrol_again: bool,
    },
}

/// A use of the claim that is looked at next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) request: Request,
    place: u64,
}

pub(crate) enum Done {
    /// One more step.
    Goes(Work),
    Ended(Reply),
}

impl Work {
    pub(crate) const fn new(request: Request) -> Self {
        Self { request, place: 0 }
    }

    /// One look and one change.
    pub(crate) fn step(mut self, api: &mut Api, uses: u64, approves: bool) -> Done {
        let Request {
            key,
            board,
            generation,
            what,
        } = self.request;
        let known = api.device(key);
        let What::Enrol { claim } = what else {
            return self.stand(api, known);
        };
        let Some(device) = known else {
            if !claim {
                return Done::Ended(Reply::Refused(Refusal::ClaimNeeded));
            }
            // A claim that is used up makes no device.
            if api.uses().len() as u64 == uses && !api.uses().values().any(|owner| *owner == key) {
                return Done::Ended(Reply::Refused(Refusal::ClaimUsedUp));
            }
            let _ = api.create(key, board);
            return Done::Goes(self);
        };
        if let Some(word) = is_copy(&device, board, generation) {
            return self.suspect(api, device, word);
        }
        let change = match &device {
            Device { taken: None, .. } => match self.use_of(api, uses) {
                Err(refused) => return Done::Ended(Reply::Refused(refused)),
                Ok(None) => return Done::Goes(self),
                Ok(taken) => Device { taken, ..device },
            },
            Device { node: false, .. } if !approves => {
                return Done::Ended(Reply::Wait(Waiting::Approval));
            }
            Device { node: false, .. } => Device {
                node: true,
                ..device
            },
            // The answer to an earlier request was lost: the same grant again.
            _ if generation < device.granted && !device.lost => {
                let generation = device.granted;
                return Done::Ended(Reply::Grant { key, generation });
            }
            _ => Device {
                granted: device.granted.max(generation) + 1,
                held: device.held.max(generation),
                phase: Phase::Granted,
                lost: false,
                ..device
            },
        };
        let _ = api.replace(key, change);
        Done::Goes(self)
    }

    /// The next use that is ours or free. `Ok(None)`: look again.
    fn use_of(&mut self, api: &mut Api, uses: u64) -> Result<Option<u64>, Refusal> {
        let key = self.request.key;
        let ours = api.uses().iter().find(|(_, owner)| **owner == key);
        if let Some((number, _)) = ours {
            return Ok(Some(*number));
        }
        if self.place >= uses {
            return Err(Refusal::ClaimUsedUp);
        }
        if let Err(Conflict) = api.take(self.place, key) {
            self.place += 1;
            return Ok(None);
        }
        Ok(Some(self.place))
    }

    fn suspect(self, api: &mut Api, device: Device, word: Refusal) -> Done {
        if device.phase == Phase::CloneSuspected {
            return Done::Ended(Reply::Refused(word));
        }
        let phase = Phase::CloneSuspected;
        let _ = api.replace(self.request.key, Device { phase, ..device });
        Done::Goes(self)
    }

    fn stand(self, api: &mut Api, known: Option<Device>) -> Done {
        let Request {
            key,
            board,
            generation,
            ..
        } = self.request;
        let Some(device) = known else {
            return Done::Ended(Reply::Refused(Refusal::ClaimNeeded));
        };
        if let Some(word) = is_copy(&device, board, generation) {
            return self.suspect(api, device, word);
        }
        if device.held < generation {
            let held = generation;
            let _ = api.replace(key, Device { held, ..device });
            return Done::Goes(self);
        }
        Done::Ended(Reply::Standing {
            phase: device.phase,
            generation: device.granted,
            enrol_again: device.lost,
        })
    }
}

fn is_copy(device: &Device, board: u64, generation: u64) -> Option<Refusal> {
    let copy =
        device.phase == Phase::CloneSuspected || device.board != board || generation < device.held;
    copy.then_some(Refusal::CloneSuspected)
}
