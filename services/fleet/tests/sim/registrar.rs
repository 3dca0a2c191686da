//! What a registrar does with one request: its own decisions ([`vigla_fleet::admission`]), and a change of the API
//! server for each step, so that others come between and a kill is possible anywhere. Nothing is remembered but there.

use vigla_fleet::admission::{
    Asked, Claim, Course, Have, Known, Machine, Step, Verdict, copied, enrol_again, judge, next,
    numbers, waiting,
};
use vigla_fleet::wire::{Phase, Refusal, Waiting};

use crate::api::{Api, Conflict, Device};

/// Seconds that a token lives, and how long after that it counts as gone.
pub(crate) const TOKEN: u64 = 900;
const GRACE: u64 = 30;
/// So often a registrar looks anew for one request.
const TURNS: u8 = 6;

/// A request of a device, as numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) key: u64,
    pub(crate) board: String,
    pub(crate) boot: String,
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
        token: u64,
    },
    Wait(Waiting),
    Refused(Refusal),
    Standing {
        phase: Phase,
        generation: u64,
        enrol_again: bool,
    },
}

/// How the world is at a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// Devices that the claim is for.
    pub(crate) uses: u32,
    /// A person has looked at them.
    pub(crate) approves: bool,
    /// In seconds.
    pub(crate) now: u64,
    /// A number that nobody had before.
    pub(crate) fresh: u64,
}

#[derive(Debug, Clone)]
enum At {
    Look,
    Walk(Box<Way>),
}

#[derive(Debug, Clone)]
struct Way {
    course: Course,
    have: Have,
    device: Option<Device>,
    /// There was a device before: perhaps with a use that nobody recorded.
    known: bool,
    /// Of the use that is tried next.
    place: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) request: Request,
    at: At,
    turns: u8,
    taken: Option<u32>,
}

pub(crate) enum Done {
    /// One more step.
    Goes(Work),
    Ended(Reply),
}

impl Work {
    pub(crate) const fn new(request: Request) -> Self {
        Self {
            request,
            at: At::Look,
            turns: 0,
            taken: None,
        }
    }

    /// Nobody has worked on it yet.
    pub(crate) const fn is_new(&self) -> bool {
        matches!(self.at, At::Look) && self.turns == 0
    }

    /// One look or one change.
    pub(crate) fn step(mut self, api: &mut Api, around: &Around) -> Done {
        let What::Enrol { claim } = self.request.what else {
            return self.stand(api, around);
        };
        match std::mem::replace(&mut self.at, At::Look) {
            At::Look => self.look(api, claim, around),
            At::Walk(way) => self.walk(*way, api, around),
        }
    }

    fn look(mut self, api: &mut Api, claim: bool, around: &Around) -> Done {
        self.turns += 1;
        if self.turns > TURNS {
            return Done::Ended(Reply::Refused(Refusal::TooMany));
        }
        let device = api.device(self.request.key).cloned();
        let key = self.request.key.to_string();
        let asked = Asked {
            key: &key,
            generation: self.request.generation,
            from: self.machine(),
            model: "rpi4",
            claim: claim.then_some(Claim {
                name: "claim",
                revoked: false,
                not_after: i64::MAX,
                models: &[],
            }),
            now: 0,
        };
        match judge(&asked, device.as_ref().map(|d| known(&key, d)).as_ref()) {
            Verdict::Refuse(word) => Done::Ended(Reply::Refused(word)),
            Verdict::Suspect => self.suspect(api, device),
            Verdict::Go(course) => {
                self.settle(api, device.as_ref(), &course);
                let have = Have {
                    device: device.is_some(),
                    used: !course.with_claim,
                    approved: around.approves,
                    password: true,
                    ..Have::default()
                };
                let known = device.is_some();
                self.at = At::Walk(Box::new(Way {
                    course,
                    have,
                    device,
                    known,
                    place: 0,
                }));
                Done::Goes(self)
            }
        }
    }

    /// A use that we took while somebody else took and recorded another one is given back.
    fn settle(&mut self, api: &mut Api, device: Option<&Device>, course: &Course) {
        if course.with_claim {
            return;
        }
        let recorded = device.and_then(|device| device.taken);
        if let (Some(recorded), Some(ours)) = (recorded, self.taken.take())
            && ours != recorded
        {
            api.give_back(ours, self.request.key);
        }
    }

    fn walk(mut self, mut way: Way, api: &mut Api, around: &Around) -> Done {
        let key = self.request.key;
        let step = next(&way.have);
        match step {
            Step::Device => match api.create(key) {
                Err(Conflict) => return Done::Goes(self),
                Ok(device) => {
                    way.device = Some(device);
                    way.have.device = true;
                }
            },
            Step::Use => match self.use_of(&mut way, api, around.uses) {
                Err(word) => return Done::Ended(Reply::Refused(word)),
                Ok(taken) => way.have.used = taken,
            },
            Step::Approval => return self.pending(way, api),
            Step::Node => {
                api.nodes().insert(key);
                way.have.node = true;
            }
            Step::Network => way.have.network = true,
            Step::Record => {
                let Some(device) = way.device.take() else {
                    return Done::Ended(Reply::Refused(Refusal::Busy));
                };
                let before = device.token;
                let Ok(device) = api.replace(key, self.recorded(&device, &way.course, around))
                else {
                    return Done::Goes(self);
                };
                api.tokens().remove(&before);
                way.device = Some(device);
                way.have.recorded = true;
            }
            Step::Token => {
                let token = way.device.as_ref().map_or(0, |device| device.token);
                api.tokens().insert(token, around.now);
                way.have.token = true;
            }
            Step::Password => way.have.password = true,
            Step::Seal => {
                let token = way.device.as_ref().map_or(0, |device| device.token);
                let generation = u64::try_from(way.course.generation).unwrap_or(0);
                return Done::Ended(Reply::Grant {
                    key,
                    generation,
                    token,
                });
            }
        }
        self.at = At::Walk(Box::new(way));
        Done::Goes(self)
    }

    fn pending(self, way: Way, api: &mut Api) -> Done {
        if let (Some(device), Some(taken)) = (way.device, self.taken)
            && device.taken.is_none()
        {
            let change = Device {
                taken: Some(taken),
                board: self.request.board.clone(),
                boot: self.request.boot.clone(),
                phase: Phase::Pending,
                ..device
            };
            if api.replace(self.request.key, change).is_err() {
                return Done::Goes(self);
            }
        }
        let reason = waiting(Step::Approval).unwrap_or(Waiting::Other);
        Done::Ended(Reply::Wait(reason))
    }

    fn recorded(&self, device: &Device, course: &Course, around: &Around) -> Device {
        let asked = i64::try_from(self.request.generation).unwrap_or(i64::MAX);
        Device {
            phase: Phase::Granted,
            taken: self.taken.or(device.taken),
            granted: course.generation,
            granted_at: around.now,
            held: asked.max(device.held),
            board: self.request.board.clone(),
            boot: self.request.boot.clone(),
            token: around.fresh,
            ..device.clone()
        }
    }

    /// Tries one use: whether it is ours now.
    fn use_of(&mut self, way: &mut Way, api: &mut Api, uses: u32) -> Result<bool, Refusal> {
        let key = self.request.key;
        if self.taken.is_some() {
            return Ok(true);
        }
        let ours = api.uses().iter().find(|(_, owner)| **owner == key);
        if let Some((number, _)) = ours.filter(|_| way.known && way.place == 0) {
            self.taken = Some(*number);
            return Ok(true);
        }
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&key.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let Some(number) = numbers(&digest, uses).nth(way.place) else {
            return Err(Refusal::ClaimUsedUp);
        };
        way.place += 1;
        if api.take(number, key).is_ok() {
            self.taken = Some(number);
        }
        Ok(self.taken.is_some())
    }

    fn suspect(self, api: &mut Api, device: Option<Device>) -> Done {
        if let Some(device) = device {
            let phase = Phase::CloneSuspected;
            // Whoever was faster saw the same, or it is judged anew with the next request.
            let _ = api.replace(self.request.key, Device { phase, ..device });
        }
        Done::Ended(Reply::Refused(Refusal::CloneSuspected))
    }

    fn stand(self, api: &mut Api, around: &Around) -> Done {
        let key = self.request.key;
        let Some(device) = api.device(key).cloned() else {
            return Done::Ended(Reply::Refused(Refusal::ClaimNeeded));
        };
        let name = key.to_string();
        let generation = self.request.generation;
        if copied(&known(&name, &device), self.machine(), generation) == Some(Verdict::Suspect) {
            return self.suspect(api, Some(device));
        }
        let held = i64::try_from(generation).unwrap_or(i64::MAX);
        let held = held.min(device.granted).max(device.held);
        if held != device.held {
            let change = Device {
                held,
                ..device.clone()
            };
            let _ = api.replace(key, change);
        }
        let over = around.now > device.granted_at + TOKEN + GRACE;
        let has_token = device.token != 0 && (device.phase != Phase::Granted || !over);
        Done::Ended(Reply::Standing {
            phase: device.phase,
            generation: u64::try_from(device.granted).unwrap_or(0),
            enrol_again: enrol_again(device.phase, around.approves, api.has_node(key), has_token),
        })
    }

    fn machine(&self) -> Machine<'_> {
        Machine {
            board: &self.request.board,
            boot: &self.request.boot,
        }
    }
}

fn known<'d>(key: &'d str, device: &'d Device) -> Known<'d> {
    Known {
        key,
        claim: "claim",
        phase: device.phase,
        suspended: false,
        forgotten: false,
        chosen: "",
        board: &device.board,
        boot: &device.boot,
        generation: device.granted,
        held: device.held,
        used: device.taken.is_some(),
    }
}
