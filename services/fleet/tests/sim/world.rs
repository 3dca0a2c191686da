//! Time, network and trouble.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use vigla_fleet::device::{Answered, Effect, Event, Fault, Step};
use vigla_fleet::wire::Phase;

use crate::api::{Api, Device};
use crate::chance::Chance;
use crate::node::{Memory, Node};
use crate::registrar::{Around, Done, Reply, Request, TOKEN, What, Work};

/// Milliseconds.
type Time = u64;

const SECOND: Time = 1000;
const HOUR: Time = 3600 * SECOND;
/// As long as things go wrong.
const TROUBLE: Time = 12 * HOUR;
/// By then everybody has to belong to the fleet.
const END: Time = TROUBLE + 24 * HOUR;
/// The registrars' certificate is valid until then, by their clock, which jumps.
const CERTIFICATE: u64 = 1_000_000;
/// More happenings than this are a storm.
const STORM: u64 = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    PowerOn(usize),
    PowerOff(usize),
    /// `(device, boot, number)`: the event is in a table, as it has no order.
    Device(usize, u64, u64),
    /// A step of a piece of work.
    Registrar(u64),
    Copy(usize),
    /// The kubelet of a device asks for its certificate and becomes ready.
    Ready(usize),
    /// Its node is deleted.
    Lost(usize),
    /// What nobody went on with is cleared away.
    Collect,
}

/// What came to pass, so that a simulation that shows nothing is found out.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    lost: u64,
    doubled: u64,
    cuts: u64,
    kills: u64,
    copies: u64,
    found: u64,
    jumps: u64,
    renewed: u64,
    confirmed: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.cuts += other.cuts;
        self.kills += other.kills;
        self.copies += other.copies;
        self.found += other.found;
        self.jumps += other.jumps;
        self.renewed += other.renewed;
        self.confirmed += other.confirmed;
    }

    pub(crate) fn is_of_everything(&self) {
        let all = [
            self.lost,
            self.doubled,
            self.cuts,
            self.kills,
            self.copies,
            self.found,
            self.jumps,
            self.renewed,
            self.confirmed,
        ];
        assert!(all.iter().all(|count| *count > 0), "{self:?}");
    }
}

/// A request that is being worked on, and for whom.
struct Job {
    work: Work,
    node: usize,
    boot: u64,
    asked: u64,
    starts: u64,
}

pub(crate) struct World {
    chance: Chance,
    now: Time,
    queue: BinaryHeap<Reverse<(Time, u64, Happening)>>,
    sequence: u64,
    nodes: Vec<Node>,
    events: BTreeMap<u64, Event>,
    works: BTreeMap<u64, Job>,
    api: Api,
    uses: u32,
    approved_from: Time,
    /// Which key was granted which generation by whom it was asked.
    granted: BTreeMap<(u64, u64), String>,
    /// A card was copied.
    copied: bool,
    seen: Seen,
    trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, tells: bool) -> Self {
        let mut chance = Chance::new(seed);
        let count = 1 + chance.below(4);
        let nodes = (0..count).map(|board| Node::new(board + 1)).collect();
        let approved_from = if chance.once_in(4) {
            chance.below(TROUBLE)
        } else {
            0
        };
        let mut world = Self {
            chance,
            now: 0,
            queue: BinaryHeap::new(),
            sequence: 0,
            nodes,
            events: BTreeMap::new(),
            works: BTreeMap::new(),
            api: Api::default(),
            uses: u32::try_from(count).unwrap_or(1),
            approved_from,
            granted: BTreeMap::new(),
            copied: false,
            seen: Seen::default(),
            trace: tells.then(Vec::new),
        };
        for hour in 1..=END / HOUR {
            world.at(hour * HOUR, Happening::Collect);
        }
        for node in 0..world.nodes.len() {
            let at = world.chance.below(HOUR);
            world.at(at, Happening::PowerOn(node));
            for _ in 0..world.chance.below(4) {
                let at = world.chance.below(TROUBLE);
                world.at(at, Happening::PowerOff(node));
            }
            if world.chance.once_in(6) {
                let at = world.chance.below(TROUBLE);
                world.at(at, Happening::Copy(node));
            }
            if world.chance.once_in(4) {
                let at = world.chance.below(TROUBLE);
                world.at(at, Happening::Lost(node));
            }
        }
        world
    }

    pub(crate) fn trace(&self) -> &[String] {
        self.trace.as_deref().unwrap_or_default()
    }

    pub(crate) const fn seen(&self) -> &Seen {
        &self.seen
    }

    fn tell(&mut self, text: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>6}.{:03} {}", now / 1000, now % 1000, text()));
        }
    }

    fn at(&mut self, time: Time, happening: Happening) {
        self.sequence += 1;
        self.queue.push(Reverse((time, self.sequence, happening)));
    }

    const fn is_trouble(&self) -> bool {
        self.now < TROUBLE
    }

    /// Whether something goes wrong now, once in so many.
    const fn trouble(&mut self, once_in: u64) -> bool {
        self.is_trouble() && self.chance.once_in(once_in)
    }

    pub(crate) fn run(&mut self) -> Result<(), String> {
        for count in 0.. {
            let Some(Reverse((time, _, happening))) = self.queue.pop() else {
                break;
            };
            if time > END {
                break;
            }
            if count > STORM {
                return Err("a storm of requests".to_owned());
            }
            self.now = time;
            self.happen(happening)?;
        }
        self.judge()
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::PowerOn(node) => self.start(node),
            Happening::PowerOff(node) => self.cut(node),
            Happening::Device(node, boot, number) => {
                let event = self.events.remove(&number);
                if let Some(event) = event
                    && self.nodes[node].boot == boot
                {
                    self.go_on(node, event);
                }
            }
            Happening::Registrar(number) => return self.work(number),
            Happening::Copy(node) => self.copy(node),
            Happening::Ready(node) => self.ready(node),
            Happening::Lost(node) => {
                let key = self.nodes[node].disk.key.unwrap_or(0);
                let active = |device: &Device| device.phase == Phase::Active;
                if self.api.device(key).is_some_and(active) {
                    self.tell(|| format!("the node of device {node} is deleted"));
                    self.api.nodes().remove(&key);
                }
            }
            Happening::Collect => self.collect(),
        }
        Ok(())
    }

    /// Its kubelet, with the token that it was granted: the certificate is for who has the token of the record.
    fn ready(&mut self, node: usize) {
        let (now, it) = (self.now / SECOND, &self.nodes[node]);
        let (Some(key), Some(_), token) = (it.disk.key, &it.memory, it.disk.token) else {
            return;
        };
        let Some(device) = self.api.device(key).cloned() else {
            return;
        };
        let made = self.api.tokens().get(&token).copied();
        let lives = made.is_some_and(|made| now <= made + TOKEN);
        let under_way = matches!(device.phase, Phase::Granted | Phase::Joining);
        if !lives || !under_way || device.token != token || !self.api.has_node(key) {
            return;
        }
        self.tell(|| format!("the node of device {node} is ready"));
        self.api.tokens().remove(&token);
        let change = Device {
            phase: Phase::Active,
            held: device.granted,
            token: 0,
            ..device
        };
        let _ = self.api.replace(key, change);
    }

    /// A grant that came to nothing, after an hour; a device that never got a use, and a use that nobody recorded.
    fn collect(&mut self) {
        let now = self.now / SECOND;
        let old = |since: u64| now > since + HOUR / SECOND;
        let all: Vec<_> = self
            .api
            .devices()
            .iter()
            .map(|(k, d)| (*k, d.clone()))
            .collect();
        for (key, device) in all {
            let waits = matches!(device.phase, Phase::Granted | Phase::Joining);
            if waits && old(device.granted_at) && self.api.has_node(key) {
                self.tell(|| format!("the node of key {key} is cleared away"));
                let token = device.token;
                if self.api.replace(key, Device { token: 0, ..device }).is_ok() {
                    self.api.tokens().remove(&token);
                    self.api.nodes().remove(&key);
                }
            }
        }
        let uses: Vec<_> = self.api.uses().iter().map(|(n, key)| (*n, *key)).collect();
        for (number, key) in uses {
            let recorded = self.api.device(key).and_then(|device| device.taken);
            if recorded.is_some_and(|recorded| recorded != number) {
                self.api.give_back(number, key);
            }
        }
    }

    fn start(&mut self, node: usize) {
        if self.nodes[node].memory.is_some() {
            return;
        }
        self.nodes[node].memory = Some(Memory::default());
        self.nodes[node].boot += 1;
        self.nodes[node].starts += 1;
        self.joins(node);
        self.tell(|| format!("device {node} starts"));
        self.go_on(node, Event::Begun);
    }

    /// Its kubelet will be ready in a while, if it may.
    fn joins(&mut self, node: usize) {
        if self.nodes[node].disk.held.is_some() {
            let ready = self.now + self.chance.below(600 * SECOND);
            self.at(ready, Happening::Ready(node));
        }
    }

    /// The power goes, and comes back.
    fn cut(&mut self, node: usize) {
        if self.nodes[node].memory.take().is_some() {
            self.seen.cuts += 1;
            self.nodes[node].boot += 1;
            self.tell(|| format!("device {node} has no power"));
        }
        let back = self.now + self.chance.below(HOUR);
        self.at(back, Happening::PowerOn(node));
    }

    /// Its card is copied into another board, which starts.
    fn copy(&mut self, node: usize) {
        if self.nodes[node].disk.key.is_none() {
            return;
        }
        self.seen.copies += 1;
        self.copied = true;
        let board = 100 + self.nodes.len() as u64;
        let disk = self.nodes[node].disk.clone();
        let mut twin = Node::new(board);
        twin.disk = disk;
        twin.copy = true;
        self.nodes.push(twin);
        let twin = self.nodes.len() - 1;
        self.tell(|| format!("device {node} is copied into device {twin}"));
        self.at(self.now, Happening::PowerOn(twin));
    }

    fn later(&mut self, node: usize, after: Time, event: Event) {
        self.sequence += 1;
        let number = self.sequence;
        self.events.insert(number, event);
        let boot = self.nodes[node].boot;
        self.at(self.now + after, Happening::Device(node, boot, number));
    }

    fn go_on(&mut self, node: usize, event: Event) {
        let Some(effect) = self.nodes[node].decide(event, &mut self.chance) else {
            return;
        };
        let step = self.nodes[node].memory.as_ref().map(|m| m.state.step);
        self.tell(|| format!("device {node}: {event:?} -> {step:?}, {effect:?}"));
        match effect {
            Effect::Nothing => {}
            Effect::Wait(wait) => {
                let wait = Time::try_from(wait.as_millis()).unwrap_or(END);
                self.later(node, wait, Event::Due);
            }
            Effect::Ask { claim } => self.ask(node, What::Enrol { claim }),
            Effect::Inquire => self.ask(node, What::Stand),
            Effect::MakeKey | Effect::Install | Effect::Confirm | Effect::Erase => {
                self.write(node, effect);
            }
        }
    }

    /// A write, before or after which the power may go.
    fn write(&mut self, node: usize, effect: Effect) {
        if self.trouble(12) {
            return self.cut(node);
        }
        self.sequence += 1;
        let key = 1000 + self.sequence;
        self.nodes[node].write(effect, key);
        if matches!(effect, Effect::Install) {
            self.joins(node);
        }
        if self.trouble(12) {
            return self.cut(node);
        }
        self.later(node, 50, Event::Written);
    }

    fn ask(&mut self, node: usize, what: What) {
        let it = &mut self.nodes[node];
        it.asked += 1;
        let asked = it.asked;
        let request = Request {
            key: it.disk.key.expect("who asks has a key"),
            board: it.board.to_string(),
            boot: format!("{}-{}", it.board, it.starts),
            generation: it.disk.generation,
            what,
        };
        let (boot, starts) = (it.boot, it.starts);
        self.later(node, 60 * SECOND, Event::Failed(Fault::NoRoute));
        // The wait above counts for this question alone: see `answer`.
        let doubled = self.trouble(10);
        self.seen.doubled += u64::from(doubled);
        for _ in 0..=u64::from(doubled) {
            if self.trouble(5) {
                self.seen.lost += 1;
                continue;
            }
            self.sequence += 1;
            let number = self.sequence;
            let job = Job {
                work: Work::new(request.clone()),
                node,
                boot,
                asked,
                starts,
            };
            self.works.insert(number, job);
            let at = self.now + self.delay();
            self.at(at, Happening::Registrar(number));
        }
    }

    const fn delay(&mut self) -> Time {
        if self.trouble(20) {
            self.chance.below(300 * SECOND)
        } else {
            1 + self.chance.below(200)
        }
    }

    fn work(&mut self, number: u64) -> Result<(), String> {
        let Some(mut job) = self.works.remove(&number) else {
            return Ok(());
        };
        let node = job.node;
        // A connection ends with the machine that made it; what was begun for it goes on.
        if job.work.is_new() && self.nodes[node].starts != job.starts {
            return Ok(());
        }
        if self.trouble(30) {
            self.seen.kills += 1;
            self.tell(|| format!("a registrar is killed at a request of device {node}"));
            return Ok(());
        }
        self.sequence += 1;
        let around = Around {
            uses: self.uses,
            approves: self.now >= self.approved_from,
            now: self.now / SECOND,
            fresh: self.sequence,
        };
        let request = job.work.request.clone();
        match job.work.step(&mut self.api, &around) {
            Done::Goes(work) => {
                job.work = work;
                self.works.insert(number, job);
                let at = self.now + 1 + self.chance.below(20);
                self.at(at, Happening::Registrar(number));
                Ok(())
            }
            Done::Ended(reply) => self.reply(&request, reply, (node, job.boot, job.asked)),
        }
    }

    fn reply(
        &mut self,
        request: &Request,
        reply: Reply,
        (node, boot, asked): (usize, u64, u64),
    ) -> Result<(), String> {
        self.tell(|| format!("to device {node}: {reply:?}"));
        if let Reply::Grant {
            key, generation, ..
        } = reply
        {
            if key != request.key {
                return Err("a grant for another key".to_owned());
            }
            let board = || request.board.clone();
            let owner = self.granted.entry((key, generation)).or_insert_with(board);
            if *owner != request.board {
                return Err(format!(
                    "generation {generation} of {key} is granted to two boards"
                ));
            }
        }
        if self.trouble(5) {
            self.seen.lost += 1;
            return Ok(());
        }
        let told = self.server_time();
        let there = &self.nodes[node];
        if there.boot != boot || there.asked != asked || there.memory.is_none() {
            return Ok(());
        }
        // Once it has an answer it waits for no other.
        self.nodes[node].asked += 1;
        self.nodes[node].boot += 1;
        let event = self.hear(node, reply, told);
        self.later(node, 1, event);
        Ok(())
    }

    /// What the registrar says what time it is, in seconds.
    const fn server_time(&mut self) -> u64 {
        if self.trouble(15) {
            self.seen.jumps += 1;
            return self.chance.below(3 * CERTIFICATE);
        }
        CERTIFICATE / 2 + self.now / 1000
    }

    /// What the device makes of it: the certificate has to fit the time that it is told, and the floor.
    fn hear(&mut self, node: usize, reply: Reply, told: u64) -> Event {
        let it = &mut self.nodes[node];
        if told > CERTIFICATE || it.disk.floor > CERTIFICATE {
            return Event::Failed(Fault::Expired);
        }
        match reply {
            Reply::Grant {
                generation, token, ..
            } => {
                if generation <= it.disk.generation {
                    return Event::Failed(Fault::BadGrant);
                }
                it.disk.floor = it.disk.floor.max(told);
                if let Some(memory) = &mut it.memory {
                    memory.hand = Some((generation, token));
                }
                Event::Answered(Answered::Grant)
            }
            Reply::Wait(reason) => Event::Answered(Answered::Wait {
                after: Duration::from_mins(1),
                reason,
            }),
            Reply::Refused(word) => Event::Answered(Answered::Refused { word, after: None }),
            Reply::Standing {
                phase,
                generation,
                enrol_again,
            } => {
                it.disk.floor = it.disk.floor.max(told);
                self.seen.renewed += u64::from(enrol_again);
                Event::Stood {
                    phase,
                    generation,
                    enrol_again,
                }
            }
        }
    }

    /// What has to be so at the end.
    fn judge(&mut self) -> Result<(), String> {
        let (api, uses) = (&self.api, self.api.uses());
        let most = usize::try_from(self.uses).unwrap_or(usize::MAX);
        if uses.len() > most || uses.keys().any(|number| *number >= self.uses) {
            return Err("the claim was used too often".to_owned());
        }
        for (key, device) in api.devices() {
            let of_it = uses.values().filter(|owner| *owner == key).count();
            if of_it > 1 {
                return Err(format!("device {key} used the claim {of_it} times"));
            }
            if device.granted > 0 && of_it == 0 {
                return Err(format!(
                    "device {key} was let in without a use of the claim"
                ));
            }
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let step = node.memory.as_ref().map(|memory| memory.state.step);
            let device = node.disk.key.and_then(|key| api.device(key));
            let suspected = device
                .as_ref()
                .is_some_and(|d| d.phase == Phase::CloneSuspected);
            if suspected && !self.copied {
                return Err(format!(
                    "device {number} is suspected, and nobody was copied"
                ));
            }
            if node.copy {
                if step != Some(Step::CloneSuspected) {
                    return Err(format!("the copy {number} is {step:?}"));
                }
                self.seen.found += 1;
                continue;
            }
            if step == Some(Step::Confirmed) {
                self.seen.confirmed += 1;
            } else if !suspected {
                return Err(format!("device {number} is {step:?}"));
            }
            let generations = node.disk.held.map(|(generation, _)| generation);
            let granted = device.map(|device| u64::try_from(device.granted).unwrap_or(0));
            if !suspected && generations != granted {
                return Err(format!("device {number} holds {generations:?}"));
            }
            if !suspected && node.disk.claim {
                return Err(format!("device {number} still has its claim"));
            }
        }
        Ok(())
    }
}
