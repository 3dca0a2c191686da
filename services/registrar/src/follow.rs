//! What the cluster looks like, kept up to date by watches: devices, their nodes, and who asks for a
//! certificate. Each change is handed to [`crate::join`], which does what is to be done for it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Node, Taint};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, watch};
use tokio::time;
use vigla_fleet::crd::{Device, LABEL_DEVICE, TAINT};

use crate::cluster::Fault;
use crate::join;
use crate::registrar::Registrar;

/// Objects that are worked on at once.
const AT_ONCE: usize = 16;
/// A watch is begun anew with a list so often: what failed again and again gets another chance.
const RESYNC: Duration = Duration::from_mins(10);
const RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);
/// Then the next resync has to do it.
const TRIES: u32 = 8;

/// What we need of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) network: Option<String>,
    /// A kubelet has written to it.
    pub(crate) joined: bool,
    pub(crate) ready: bool,
    /// When its kubelet last said so, in seconds since 1970.
    pub(crate) said: i64,
    pub(crate) taints: Vec<Taint>,
    /// What it was when this was seen.
    pub(crate) version: Option<String>,
}

impl Seen {
    fn of(node: &Node) -> Self {
        let status = node.status.as_ref();
        let kubelet = status.and_then(|status| status.node_info.as_ref());
        let conditions = status.and_then(|status| status.conditions.as_ref());
        let ready = |c: &k8s_openapi::api::core::v1::NodeCondition| {
            c.type_ == "Ready" && c.status == "True"
        };
        let said = conditions.and_then(|all| {
            let beat = all
                .iter()
                .find(|c| c.type_ == "Ready")?
                .last_heartbeat_time
                .as_ref()?;
            Some(beat.0.as_second())
        });
        let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
        Self {
            network: node.spec.as_ref().and_then(|spec| spec.pod_cidr.clone()),
            joined: kubelet.is_some_and(|info| !info.kubelet_version.is_empty()),
            ready: conditions.is_some_and(|all| all.iter().any(ready)),
            said: said.unwrap_or(0),
            taints: taints.cloned().unwrap_or_default(),
            version: node.resource_version(),
        }
    }

    pub(crate) fn is_tainted(&self) -> bool {
        self.taints.iter().any(|taint| taint.key == TAINT)
    }
}

/// Turns of names that are remembered before those that nobody waits for are forgotten.
const TURNS: usize = 1024;

/// Who works on what has a name.
type Turns = HashMap<String, Arc<AsyncMutex<()>>>;

/// The picture. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Follow {
    picture: Arc<Mutex<Picture>>,
    turns: Arc<Mutex<Turns>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Picture {
    devices: HashMap<String, Device>,
    nodes: HashMap<String, Seen>,
    /// Public halves of tokens with which a certificate was had.
    spent: HashSet<String>,
    /// Which of the watches have seen everything once.
    whole: HashSet<&'static str>,
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            picture: Arc::default(),
            turns: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Follow {
    /// The network of the pods on a node, once the cluster has given it one.
    pub(crate) async fn network(&self, node: &str, patience: Duration) -> Option<String> {
        let mut changed = self.changed.subscribe();
        let found = async {
            loop {
                if let Some(network) = self.node(node).and_then(|node| node.network) {
                    return Some(network);
                }
                changed.changed().await.ok()?;
            }
        };
        time::timeout(patience, found).await.ok().flatten()
    }

    pub(crate) fn node(&self, name: &str) -> Option<Seen> {
        self.picture().nodes.get(name).cloned()
    }

    pub(crate) fn device(&self, name: &str) -> Option<Device> {
        self.picture().devices.get(name).cloned()
    }

    /// One after the other works on what has this name: what was seen twice is done once.
    pub(crate) async fn turn(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            if turns.len() >= TURNS {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            turns.entry(name.to_owned()).or_default().clone()
        };
        turn.lock_owned().await
    }

    /// What was written or seen a moment ago. Something older than what is known is no news.
    pub(crate) fn learn(&self, device: &Device) {
        self.change(|picture| {
            let name = device.name_any();
            let known = picture.devices.get(&name);
            let known = known.and_then(kube::ResourceExt::resource_version);
            if is_news(known.as_deref(), device.resource_version().as_deref()) {
                picture.devices.insert(name, device.clone());
            }
        });
    }

    /// The same of a node.
    pub(crate) fn learn_node(&self, node: &Node) {
        self.change(|picture| {
            let name = node.name_any();
            let known = picture.nodes.get(&name);
            let known = known.and_then(|seen| seen.version.as_deref());
            if is_news(known, node.resource_version().as_deref()) {
                picture.nodes.insert(name, Seen::of(node));
            }
        });
    }

    /// Whether a certificate was had with this token.
    pub(crate) fn is_spent(&self, token: &str) -> bool {
        self.picture().spent.contains(token)
    }

    /// The device with this token.
    pub(crate) fn bearer(&self, token: &str) -> Option<Device> {
        let picture = self.picture();
        let has = |d: &&Device| d.status.as_ref().is_some_and(|s| s.token == token);
        picture.devices.values().find(has).cloned()
    }

    /// Whether devices and nodes are all known.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = &self.picture().whole;
        whole.contains("devices") && whole.contains("nodes")
    }

    fn change(&self, change: impl FnOnce(&mut Picture)) {
        change(&mut self.picture());
        self.changed.send_replace(());
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Versions of one kind are numbers that grow; where they are not, everything is news.
fn is_news(known: Option<&str>, version: Option<&str>) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    match (number(known), number(version)) {
        (Some(known), Some(version)) => version >= known,
        _ => true,
    }
}

/// Starts the three watches.
pub(crate) fn start(registrar: &Arc<Registrar>) {
    let tasks = registrar.tasks.clone();
    let devices = run(registrar.clone(), Devices);
    let nodes = run(registrar.clone(), Nodes);
    let requests = run(registrar.clone(), Requests);
    tasks.spawn(devices);
    tasks.spawn(nodes);
    tasks.spawn(requests);
}

/// One kind of object that is watched.
trait Kind: Copy + Send + Sync + 'static {
    type Object: Resource<DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + Sync
        + 'static;
    const NAME: &'static str;

    fn api(registrar: &Registrar) -> Api<Self::Object>;
    fn labels() -> Option<&'static str> {
        None
    }
    fn note(_: &Follow, _: &Self::Object) {}
    fn forget(_: &Follow, _: &str) {}
    fn whole(follow: &Follow, there: &HashSet<String>);
    fn work(
        registrar: &Registrar,
        object: &Self::Object,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

#[derive(Clone, Copy)]
struct Devices;
#[derive(Clone, Copy)]
struct Nodes;
#[derive(Clone, Copy)]
struct Requests;

impl Kind for Devices {
    type Object = Device;
    const NAME: &'static str = "devices";

    fn api(registrar: &Registrar) -> Api<Device> {
        registrar.cluster.devices()
    }
    fn note(follow: &Follow, device: &Device) {
        follow.learn(device);
    }
    fn forget(follow: &Follow, name: &str) {
        follow.change(|p| {
            p.devices.remove(name);
        });
    }
    fn whole(follow: &Follow, there: &HashSet<String>) {
        follow.change(|p| {
            p.devices.retain(|name, _| there.contains(name));
            p.whole.insert(Self::NAME);
        });
    }
    async fn work(registrar: &Registrar, device: &Device) -> Result<(), Fault> {
        let name = device.name_any();
        let _turn = registrar.follow.turn(&name).await;
        match registrar.follow.device(&name) {
            Some(device) => join::device(registrar, &device).await,
            None => Ok(()),
        }
    }
}

impl Kind for Nodes {
    type Object = Node;
    const NAME: &'static str = "nodes";

    fn api(registrar: &Registrar) -> Api<Node> {
        registrar.cluster.nodes()
    }
    fn labels() -> Option<&'static str> {
        Some(LABEL_DEVICE)
    }
    fn note(follow: &Follow, node: &Node) {
        follow.learn_node(node);
    }
    fn forget(follow: &Follow, name: &str) {
        follow.change(|p| {
            p.nodes.remove(name);
        });
    }
    fn whole(follow: &Follow, there: &HashSet<String>) {
        follow.change(|p| {
            p.nodes.retain(|name, _| there.contains(name));
            p.whole.insert(Self::NAME);
        });
    }
    async fn work(registrar: &Registrar, node: &Node) -> Result<(), Fault> {
        let name = node.name_any();
        let _turn = registrar.follow.turn(&name).await;
        match registrar.follow.node(&name) {
            Some(seen) => join::node(registrar, &name, &seen).await,
            None => Ok(()),
        }
    }
}

impl Kind for Requests {
    type Object = CertificateSigningRequest;
    const NAME: &'static str = "requests";

    fn api(registrar: &Registrar) -> Api<CertificateSigningRequest> {
        registrar.cluster.requests()
    }
    fn note(follow: &Follow, request: &CertificateSigningRequest) {
        if let Some(token) = join::approved(request) {
            follow.change(|p| {
                p.spent.insert(token.to_owned());
            });
        }
    }
    fn whole(follow: &Follow, _: &HashSet<String>) {
        follow.change(|p| {
            p.whole.insert(Self::NAME);
        });
    }
    async fn work(registrar: &Registrar, request: &CertificateSigningRequest) -> Result<(), Fault> {
        join::request(registrar, request).await
    }
}

/// Watches one kind until the registrar stops; whatever goes wrong, it begins again.
async fn run<K: Kind>(registrar: Arc<Registrar>, _: K) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut pause = RETRY;
    loop {
        let once = time::timeout(RESYNC, watch_once::<K>(&registrar, &places));
        let ended = tokio::select! {
            ended = once => ended,
            () = registrar.stop.cancelled() => return,
        };
        match ended {
            Err(_) | Ok(Ok(())) => pause = RETRY,
            Ok(Err(error)) => {
                tracing::warn!(kind = K::NAME, %error, "the watch ended, beginning again");
                let wait = time::sleep(pause);
                pause = (pause * 2).min(LONGEST_RETRY);
                tokio::select! { () = wait => {}, () = registrar.stop.cancelled() => return }
            }
        }
    }
}

async fn watch_once<K: Kind>(
    registrar: &Arc<Registrar>,
    places: &Arc<Semaphore>,
) -> Result<(), kube::Error> {
    let mut list = ListParams::default();
    let mut watch = WatchParams::default();
    if let Some(labels) = K::labels() {
        list = list.labels(labels);
        watch = watch.labels(labels);
    }
    let all = K::api(registrar).list(&list).await?;
    let mut version = all.metadata.resource_version.clone().unwrap_or_default();
    let mut there = HashSet::new();
    for object in all {
        there.insert(object.name_any());
        K::note(&registrar.follow, &object);
        hand::<K>(registrar, places, object).await;
    }
    K::whole(&registrar.follow, &there);
    loop {
        let events = K::api(registrar).watch(&watch, &version).await?;
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.try_next().await? {
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    version = object.resource_version().unwrap_or(version);
                    K::note(&registrar.follow, &object);
                    hand::<K>(registrar, places, object).await;
                }
                WatchEvent::Deleted(object) => {
                    version = object.resource_version().unwrap_or(version);
                    K::forget(&registrar.follow, &object.name_any());
                }
                WatchEvent::Bookmark(mark) => version = mark.metadata.resource_version,
                // What we know is too old: from the beginning.
                WatchEvent::Error(status) if status.code == 410 => return Ok(()),
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            }
        }
    }
}

/// Works on an object beside others, again and again while the API server cannot.
async fn hand<K: Kind>(registrar: &Arc<Registrar>, places: &Arc<Semaphore>, object: K::Object) {
    let Ok(place) = places.clone().acquire_owned().await else {
        return;
    };
    let registrar = registrar.clone();
    registrar.tasks.clone().spawn(async move {
        let mut pause = RETRY;
        for _ in 0..TRIES {
            let error = match K::work(&registrar, &object).await {
                // Whoever changed it makes another event.
                Ok(()) | Err(Fault::Conflict | Fault::Absent) => break,
                Err(error) => error,
            };
            let name = object.name_any();
            tracing::debug!(kind = K::NAME, name, %error, "not done, trying again");
            let wait = time::sleep(pause);
            pause = (pause * 2).min(LONGEST_RETRY);
            tokio::select! { () = wait => {}, () = registrar.stop.cancelled() => break }
        }
        drop(place);
    });
}
