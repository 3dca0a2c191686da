//! Everything that one replica works with.

use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::ResourceExt as _;
use kube::api::{ObjectMeta, PostParams};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigla_fleet::crd::{Device, NAMESPACE};
use vigla_kit::Clock;

use crate::authority::{self, Authority, Broker, Data};
use crate::cluster::{Cluster, Done, Fault};
use crate::decide::Step;
use crate::follow::Follow;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::objects::{News, event};
use crate::settings::Settings;

/// Where every namespace finds the cluster's authority.
const ROOT_CA: (&str, &str) = ("kube-root-ca.crt", "ca.crt");
/// What the broker is told: whom to trust, and what of theirs to refuse.
const BROKER: &str = "vigla-mqtt";
/// The list is made anew at least so often, in seconds: long before it says that it is too old.
const LIST_AGE: u64 = 24 * 3600;

/// One replica.
#[derive(Debug)]
pub(crate) struct Registrar {
    pub(crate) settings: Settings,
    pub(crate) cluster: Cluster,
    pub(crate) follow: Follow,
    pub(crate) limits: Limits,
    pub(crate) places: tokio::sync::Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    clock: Clock,
    /// Which of the replicas this is.
    instance: String,
    site: RwLock<Arc<Site>>,
    #[allow(clippy::type_complexity, reason = "one function, of tests")]
    hook: Option<Hook>,
}

/// Told after every step of an enrolment, by tests that kill a registrar there.
#[derive(Clone)]
pub struct Hook(pub Arc<dyn Fn(&'static str) + Send + Sync>);

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

/// What is read from the cluster once in a while.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) authority: Authority,
    pub(crate) broker: Option<Broker>,
    /// The API server as devices reach it.
    pub(crate) server: String,
    /// The cluster's authority, PEM as it is served.
    pub(crate) ca: String,
    /// Of the Secrets that all this was made of.
    versions: Vec<String>,
}

/// What a replica is made of.
#[derive(Debug)]
pub struct Parts {
    /// Valid ones.
    pub settings: Settings,
    /// What time it is.
    pub clock: Clock,
    /// Told when to end.
    pub stop: CancellationToken,
    /// For tests.
    pub hook: Option<Hook>,
}

impl Registrar {
    pub(crate) async fn new(
        parts: Parts,
        client: Client,
        server: &str,
    ) -> anyhow::Result<Arc<Self>> {
        let metrics = Metrics::new()?;
        let cluster = Cluster::new(client, metrics.requests.clone());
        let Parts {
            settings,
            clock,
            stop,
            hook,
        } = parts;
        let seconds = clock.now_usec() / 1_000_000;
        let site = Site::read(&settings, &cluster, server, seconds).await?;
        Ok(Arc::new(Self {
            limits: Limits::new(&settings.limits),
            places: tokio::sync::Semaphore::new(settings.limits.at_once.into()),
            settings,
            cluster,
            follow: Follow::default(),
            metrics,
            stop,
            tasks: TaskTracker::new(),
            clock,
            instance: format!("{:08x}", rand_id()?),
            site: RwLock::new(Arc::new(site)),
            hook,
        }))
    }

    /// Wall time, in seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        i64::try_from(self.clock.now_usec() / 1_000_000).unwrap_or(0)
    }

    /// Monotonic time, in microseconds.
    pub(crate) fn now(&self) -> u64 {
        self.clock.mono_usec()
    }

    pub(crate) fn token_seconds(&self) -> i64 {
        i64::try_from(self.settings.cluster.token.get().as_secs()).unwrap_or(900)
    }

    pub(crate) fn site(&self) -> Arc<Site> {
        self.site
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes the status of a device; fails when somebody else has changed the device since.
    pub(crate) async fn set_status(
        &self,
        device: &Device,
        status: serde_json::Value,
    ) -> Done<Device> {
        let device = self.cluster.set_status(device, status).await?;
        self.follow.learn(&device);
        Ok(device)
    }

    /// Reads the authorities again when somebody has changed them since.
    pub(crate) async fn look(&self) -> anyhow::Result<()> {
        let (own, broker) = (authority::SECRET, Broker::SECRET);
        let known = self.site().versions.clone();
        let mut now = vec![version(&self.cluster, own).await?];
        if self.site().broker.is_some() {
            now.push(version(&self.cluster, broker).await?);
        }
        if now != known {
            tracing::info!(target: "audit", "the authorities have changed, reading them again");
            self.renew().await?;
            self.publish_revoked().await?;
        }
        Ok(())
    }

    /// Publishes the list of what is revoked anew when it has become old.
    pub(crate) async fn refresh_revoked(&self) -> Done<()> {
        if self.site().broker.is_none() {
            return Ok(());
        }
        let there = self.cluster.published(BROKER).await?;
        let made = there.and_then(|map| map.data?.get("made")?.parse::<u64>().ok());
        let now = u64::try_from(self.seconds()).unwrap_or(0);
        if made.is_none_or(|made| now.saturating_sub(made) >= LIST_AGE) {
            self.publish_revoked().await?;
        }
        Ok(())
    }

    /// Tells people, beside what is being done: nobody waits for it, and nothing depends on it.
    pub(crate) fn tell(&self, device: &Device, reason: &'static str, note: &str, warns: bool) {
        let news = News {
            reason,
            note,
            warns,
        };
        let event = event(device, news, self.clock.now_usec(), &self.instance);
        let (cluster, name) = (self.cluster.clone(), device.name_any());
        self.tasks.spawn(async move {
            if let Err(error) = cluster.tell(&event).await {
                tracing::debug!(name, %error, "an event could not be written");
            }
        });
    }

    /// Reads the authorities again and makes new keys below them.
    pub(crate) async fn renew(&self) -> anyhow::Result<()> {
        let server = self.site().server.clone();
        let seconds = u64::try_from(self.seconds()).unwrap_or(0);
        let site = Site::read(&self.settings, &self.cluster, &server, seconds).await?;
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
        Ok(())
    }

    /// Publishes which certificates the broker is to refuse.
    pub(crate) async fn publish_revoked(&self) -> Done<()> {
        let site = self.site();
        let Some(broker) = &site.broker else {
            return Ok(());
        };
        let devices = self
            .cluster
            .devices()
            .list(&kube::api::ListParams::default())
            .await?;
        let seconds = u64::try_from(self.seconds()).unwrap_or(0);
        match broker.list(&devices.items, seconds) {
            Ok(list) => {
                let made = seconds.to_string();
                let data = json!({ "ca.crt": broker.bundle(), "crl.pem": list, "made": made });
                self.cluster.publish(BROKER, data).await
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "cannot sign the list of what is revoked"
                );
                Ok(())
            }
        }
    }

    pub(crate) fn reached(&self, step: Step) {
        self.did(match step {
            Step::Device => "device",
            Step::Use => "use",
            Step::Approval => "approval",
            Step::Node => "node",
            Step::Network => "network",
            Step::Record => "record",
            Step::Token => "token",
            Step::Password => "password",
            Step::Seal => "seal",
        });
    }

    /// Something was done that stays.
    pub(crate) fn did(&self, what: &'static str) {
        if let Some(Hook(hook)) = &self.hook {
            hook(what);
        }
    }
}

impl Site {
    async fn read(
        settings: &Settings,
        cluster: &Cluster,
        server: &str,
        now: u64,
    ) -> anyhow::Result<Self> {
        let ca = authority_of_cluster(cluster).await?;
        let (own, version) = keys(cluster, authority::SECRET, authority::NAME).await?;
        let mut versions = vec![version];
        let endpoint = &settings.mqtt.endpoint;
        let broker = if endpoint.is_empty() {
            None
        } else {
            let (data, version) = keys(cluster, Broker::SECRET, Broker::NAME).await?;
            versions.push(version);
            Some(Broker::open(&data, endpoint)?)
        };
        Ok(Self {
            authority: Authority::open(&own, &settings.names, now)?,
            broker,
            server: server.to_owned(),
            ca,
            versions,
        })
    }
}

async fn authority_of_cluster(cluster: &Cluster) -> anyhow::Result<String> {
    let (map, key) = ROOT_CA;
    let map = cluster.texts(NAMESPACE).get(map).await?;
    let text = map.data.and_then(|mut data| data.remove(key));
    text.ok_or_else(|| anyhow::anyhow!("the cluster publishes no authority in `{}`", ROOT_CA.0))
}

/// As which the Secret of an authority is there now.
async fn version(cluster: &Cluster, name: &str) -> Done<String> {
    let secret = cluster.secrets(NAMESPACE).get_metadata(name).await?;
    Ok(secret.resource_version().unwrap_or_default())
}

/// A number that other replicas do not have.
fn rand_id() -> anyhow::Result<u32> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 4];
    let filled = ring::rand::SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| anyhow::anyhow!("the system has no randomness"))?;
    Ok(u32::from_be_bytes(bytes))
}

/// The Secret of an authority, and its version; whoever comes first makes it.
async fn keys(cluster: &Cluster, name: &str, title: &str) -> anyhow::Result<(Data, String)> {
    loop {
        let api = cluster.secrets(NAMESPACE);
        if let Some(secret) = api.get_opt(name).await? {
            let version = secret.resource_version().unwrap_or_default();
            let data = secret.data.unwrap_or_default();
            let bytes = data.into_iter().map(|(key, value)| (key, value.0));
            return Ok((bytes.collect(), version));
        }
        let [certificate, key] = authority::new(title)?;
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some("vigla.org/authority".to_owned()),
            data: Some(
                [
                    (authority::NOW[0].to_owned(), bytes(&certificate)),
                    (authority::NOW[1].to_owned(), bytes(&key)),
                ]
                .into(),
            ),
            ..Secret::default()
        };
        match api
            .create(&PostParams::default(), &secret)
            .await
            .map_err(Fault::from)
        {
            Ok(_) => tracing::info!(name, "made a new authority"),
            Err(Fault::Exists) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
}

impl Registrar {
    /// How this replica stands: 200 when it can work.
    pub(crate) fn health(&self) -> serde_json::Value {
        json!({ "ready": self.follow.is_whole(), "stopping": self.stop.is_cancelled() })
    }
}
