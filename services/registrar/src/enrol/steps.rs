//! The steps of one enrolment, in the order that [`crate::decide::next`] says.

use std::time::Duration;

use kube::ResourceExt as _;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use vigla_fleet::crd::{Device, EnrolmentClaim};
use vigla_fleet::grant::{Cluster as Join, Grant};
use vigla_fleet::identity::PublicKey;
use vigla_fleet::secret::Secret;
use vigla_fleet::wire::{Answer, Refusal, Request, VERSION};

use super::{Stop, now};
use crate::cluster::Fault;
use crate::decide::{Course, Have, Step, next, waiting};
use crate::objects::{self, GROUP, GROUP_K3S, Token};
use crate::registrar::Registrar;
use crate::settings::{Flavour, PodNetwork};
use crate::{k3s, objects::condition};

/// A device that waits for its operator asks again after so many seconds.
const APPROVAL: u64 = 30;
/// One that waits for its network.
const NETWORK: u64 = 2;
/// So long is its network waited for before it is told to ask again.
const PATIENCE: Duration = Duration::from_secs(15);

/// What came of one look at the device.
pub(super) enum Turn {
    Answer(Box<Answer>),
    /// Somebody else changed something: look again.
    Again,
}

/// What does not change during one request.
pub(super) struct Walk<'w> {
    pub(super) registrar: &'w Registrar,
    pub(super) request: &'w Request,
    pub(super) key: &'w PublicKey,
    /// With which the device talks to the broker.
    pub(super) broker_key: Option<&'w PublicKey>,
    pub(super) name: &'w str,
    pub(super) claim: Option<&'w EnrolmentClaim>,
}

/// What is made on the way.
struct Bag {
    device: Option<Device>,
    cidr: Option<String>,
    token: Option<Token>,
    password: Option<Secret>,
}

impl Walk<'_> {
    pub(super) async fn go(
        &self,
        course: &Course,
        device: Option<Device>,
        key: &str,
        taken: &mut Option<i32>,
    ) -> Result<Turn, Stop> {
        let settings = &self.registrar.settings.cluster;
        let mut have = Have {
            device: device.is_some() && !course.anew,
            used: !course.with_claim,
            approved: device.as_ref().is_some_and(|d| d.spec.approved) && !course.anew,
            network: settings.pod_network == PodNetwork::None,
            password: settings.flavour != Flavour::K3s,
            ..Have::default()
        };
        self.settle(device.as_ref(), course, taken).await?;
        let known = device.is_some();
        let mut bag = Bag {
            device,
            cidr: None,
            token: None,
            password: None,
        };
        loop {
            let step = next(&have);
            match step {
                Step::Device => match self.device(&bag, key).await {
                    Err(Stop::Fault(Fault::Exists)) => return Ok(Turn::Again),
                    made => {
                        let made = made?;
                        have.device = true;
                        have.approved = made.spec.approved;
                        bag.device = Some(made);
                    }
                },
                Step::Use => {
                    if taken.is_none() {
                        *taken = Some(self.take(known).await?);
                    }
                    have.used = true;
                }
                Step::Approval => {
                    self.pending(&bag, *taken).await?;
                    return Ok(Self::wait(step, APPROVAL));
                }
                Step::Node => {
                    let network = self.network(bag.device()?).await?;
                    let node = objects::node(bag.device()?, self.claim, network);
                    let node = self.registrar.cluster.make_node(&node).await?;
                    bag.cidr = node.spec.and_then(|spec| spec.pod_cidr);
                    have.network |= bag.cidr.is_some();
                    have.node = true;
                }
                Step::Network => {
                    let follow = &self.registrar.follow;
                    bag.cidr = follow.network(self.name, PATIENCE).await;
                    if bag.cidr.is_none() {
                        return Ok(Self::wait(step, NETWORK));
                    }
                    have.network = true;
                }
                Step::Record => {
                    self.record(&mut bag, course, *taken).await?;
                    have.recorded = true;
                }
                Step::Token => {
                    self.token(&bag).await?;
                    have.token = true;
                }
                Step::Password => {
                    bag.password = Some(self.password(&bag).await?);
                    have.password = true;
                }
                Step::Seal => return self.seal(&bag, course),
            }
            self.registrar.reached(step);
        }
    }

    fn wait(step: Step, after_secs: u64) -> Turn {
        let answer = waiting(step).map_or_else(
            || super::refused(Refusal::Busy),
            |reason| Answer::Wait { after_secs, reason },
        );
        Turn::Answer(Box::new(answer))
    }

    /// A use that we took while somebody else took and recorded another one is given back.
    async fn settle(
        &self,
        device: Option<&Device>,
        course: &Course,
        taken: &mut Option<i32>,
    ) -> Result<(), Stop> {
        let recorded = device.and_then(|device| {
            let recorded = device.status.as_ref()?.r#use;
            Some((device.spec.claim.clone(), recorded))
        });
        if course.with_claim {
            return Ok(());
        }
        if let (Some((claim, recorded)), Some(ours)) = (recorded, taken.take())
            && ours != recorded
        {
            self.registrar.cluster.give_back(&claim, ours).await?;
        }
        Ok(())
    }

    async fn device(&self, bag: &Bag, key: &str) -> Result<Device, Stop> {
        let claim = self.claim.ok_or(Refusal::ClaimNeeded)?;
        let cluster = &self.registrar.cluster;
        let device = match &bag.device {
            None => {
                let device = objects::device(self.name, key, claim);
                cluster.make_device(&device).await?
            }
            Some(forgotten) => {
                let spec = objects::spec(key, claim);
                let spec = serde_json::to_value(spec).map_err(|e| Stop::Bug(e.into()))?;
                cluster.renew_device(forgotten, spec).await?
            }
        };
        Ok(device)
    }

    /// `known`: there was a device before, and perhaps a use that nobody recorded.
    async fn take(&self, known: bool) -> Result<i32, Stop> {
        let claim = self.claim.ok_or(Refusal::ClaimNeeded)?;
        let cluster = &self.registrar.cluster;
        if known && let Some(number) = cluster.use_of(self.name, &claim.name_any()).await? {
            return Ok(number);
        }
        let key = self.key.fingerprint();
        let number = cluster.take_use(claim, key.bytes(), self.name).await?;
        number.ok_or(Stop::Word(Refusal::ClaimUsedUp))
    }

    /// One of ours for its pods, where we are to give it one.
    async fn network(&self, device: &Device) -> Result<Option<String>, Stop> {
        if !self.registrar.settings.cluster.allocate {
            return Ok(None);
        }
        let key = self.key.fingerprint();
        let taken = self.registrar.cluster.take_network(device, key.bytes());
        let none = || Stop::Bug(anyhow::anyhow!("all networks of 100.64.0.0/10 are taken"));
        Ok(Some(taken.await?.ok_or_else(none)?))
    }

    async fn pending(&self, bag: &Bag, taken: Option<i32>) -> Result<(), Stop> {
        let device = bag.device()?;
        let before = device.status.clone().unwrap_or_default();
        if device.status.is_some() && taken.is_none() {
            return Ok(());
        }
        let facts = &self.request.facts;
        let status = json!({
            "phase": "Pending",
            "reason": "waits for approval: `kubectl vigla device approve`",
            "use": taken.unwrap_or(before.r#use),
            "version": facts.version,
            "model": facts.model,
            "board": { "known": facts.hardware, "boot": facts.boot_id },
            "lastSeen": now(self.registrar),
        });
        let device = self.registrar.set_status(device, status).await?;
        let note = "waits until somebody approves it";
        self.registrar.tell(&device, "WaitsForApproval", note, true);
        Ok(())
    }

    /// The name of the token is written down before there is a token, and the write fails when somebody
    /// else has written: so of two that work for one device only one makes a token.
    async fn record(&self, bag: &mut Bag, course: &Course, taken: Option<i32>) -> Result<(), Stop> {
        let device = bag.device()?;
        let before = device.status.clone().unwrap_or_default();
        let facts = &self.request.facts;
        let drawn = draw().map_err(Stop::Bug)?;
        let held = i64::try_from(self.request.generation).unwrap_or(i64::MAX);
        let seconds = self.registrar.seconds();
        let conditions = condition(&before.conditions, "Granted", true, "Asked", seconds);
        let conditions = condition(&conditions, "Joined", false, "Asked", seconds);
        let status = json!({
            "phase": "Granted",
            "node": self.name,
            "version": facts.version,
            "model": facts.model,
            "board": { "known": facts.hardware, "other": "", "boot": facts.boot_id },
            "lastSeen": now(self.registrar),
            "grantedAt": now(self.registrar),
            "generation": course.generation,
            "held": held.max(before.held),
            "token": drawn.id,
            "use": taken.unwrap_or(before.r#use),
            "conditions": conditions,
        });
        let cluster = &self.registrar.cluster;
        let device = self.registrar.set_status(device, status).await?;
        cluster.remove_token(&before.token).await?;
        bag.device = Some(device);
        bag.token = Some(drawn);
        Ok(())
    }

    async fn token(&self, bag: &Bag) -> Result<(), Stop> {
        let (device, token) = (bag.device()?, bag.token()?);
        let groups = match self.registrar.settings.cluster.flavour {
            Flavour::K3s => GROUP_K3S,
            Flavour::Upstream => GROUP,
        };
        let ends = self.registrar.seconds() + self.registrar.token_seconds();
        let secret = objects::token(token, device, groups, ends);
        self.registrar.cluster.make_secret(&secret).await?;
        Ok(())
    }

    /// K3s lets a node in that knows the password of its name; the one before does not count any more.
    async fn password(&self, bag: &Bag) -> Result<Secret, Stop> {
        let device = bag.device()?;
        let (password, hash) = k3s::password().map_err(Stop::Bug)?;
        let secret = objects::password(hash, device);
        let cluster = &self.registrar.cluster;
        match cluster.make_secret(&secret).await {
            Err(Fault::Exists) => {
                cluster.remove_secret(&secret.name_any()).await?;
                cluster.make_secret(&secret).await?;
            }
            made => made?,
        }
        Ok(password)
    }

    fn seal(&self, bag: &Bag, course: &Course) -> Result<Turn, Stop> {
        let registrar = self.registrar;
        let (device, token) = (bag.device()?, bag.token()?);
        let seconds = u64::try_from(registrar.seconds()).unwrap_or(0);
        let site = registrar.site();
        let server = site.server.clone();
        let cluster = match registrar.settings.cluster.flavour {
            Flavour::K3s => Join::K3s {
                server,
                token: k3s::token(&site.ca, token).map_err(Stop::Bug)?,
                node_password: bag.password.clone().unwrap_or_else(|| Secret::new("")),
            },
            Flavour::Upstream => Join::Upstream {
                server,
                token: token.whole(),
                ca: site.ca.clone(),
            },
        };
        let mqtt = match (site.broker.as_ref(), self.broker_key) {
            (Some(broker), Some(key)) => {
                let granted = broker.grant(self.name, (self.key, key), course.generation, seconds);
                Some(granted.map_err(Stop::Bug)?)
            }
            _ => None,
        };
        let grant = Grant {
            version: VERSION,
            device: self.key.fingerprint(),
            node: self.name.to_owned(),
            generation: u64::try_from(course.generation).unwrap_or(0),
            cluster,
            pod_cidr: bag.cidr.clone(),
            dns: None,
            mqtt,
            ring: device.spec.ring.clone(),
            labels: std::collections::BTreeMap::new(),
            ca_sha256: site.authority.pins.clone(),
            server_time: seconds,
            not_after: seconds + u64::try_from(registrar.token_seconds()).unwrap_or(0),
        };
        let grant = site.authority.seal(&grant);
        let grant = Box::new(grant.map_err(|error| Stop::Bug(error.into()))?);
        Ok(Turn::Answer(Box::new(Answer::Grant { grant })))
    }
}

impl Bag {
    fn device(&self) -> Result<&Device, Stop> {
        let bug = || Stop::Bug(anyhow::anyhow!("a step without its device"));
        self.device.as_ref().ok_or_else(bug)
    }

    fn token(&self) -> Result<&Token, Stop> {
        let bug = || Stop::Bug(anyhow::anyhow!("a step without its token"));
        self.token.as_ref().ok_or_else(bug)
    }
}

/// A new token: 6 and 16 letters and digits.
fn draw() -> anyhow::Result<Token> {
    const SYMBOLS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = zeroize::Zeroizing::new([0; 22]);
    let filled = SystemRandom::new().fill(&mut bytes[..]);
    filled.map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    let text = |part: &[u8]| -> String {
        let symbol = |byte: &u8| char::from(SYMBOLS[usize::from(byte & 31)]);
        part.iter().map(symbol).collect()
    };
    Ok(Token {
        id: text(&bytes[..6]),
        secret: Secret::new(text(&bytes[6..])),
    })
}
