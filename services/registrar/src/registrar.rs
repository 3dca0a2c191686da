//! Everything that one replica works with.

use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{ObjectMeta, PostParams};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigla_fleet::crd::NAMESPACE;
use vigla_kit::Clock;

use crate::authority::{self, Authority, Broker, Data};
use crate::cluster::{Cluster, Done, Fault};
use crate::decide::Step;
use crate::follow::Follow;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::settings::Settings;

/// Where every namespace finds the cluster's authority.
const ROOT_CA: (&str, &str) = ("kube-root-ca.crt", "ca.crt");
/// The list of what the broker is to refuse.
const REVOKED: (&str, &str) = ("vigla-mqtt-revoked", "crl.pem");

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
            Ok(list) => self.cluster.publish(REVOKED.0, REVOKED.1, &list).await,
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
        if let Some(Hook(hook)) = &self.hook {
            hook(match step {
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
        let own = keys(cluster, authority::SECRET, "vigla registrar").await?;
        let endpoint = &settings.mqtt.endpoint;
        let broker = if endpoint.is_empty() {
            None
        } else {
            let data = keys(cluster, Broker::SECRET, Broker::NAME).await?;
            Some(Broker::open(&data, endpoint)?)
        };
        Ok(Self {
            authority: Authority::open(&own, &settings.names, now)?,
            broker,
            server: server.to_owned(),
            ca,
        })
    }
}

async fn authority_of_cluster(cluster: &Cluster) -> anyhow::Result<String> {
    let (map, key) = ROOT_CA;
    let map = cluster.texts(NAMESPACE).get(map).await?;
    let text = map.data.and_then(|mut data| data.remove(key));
    text.ok_or_else(|| anyhow::anyhow!("the cluster publishes no authority in `{}`", ROOT_CA.0))
}

/// The Secret of an authority; whoever comes first makes it.
async fn keys(cluster: &Cluster, name: &str, title: &str) -> anyhow::Result<Data> {
    loop {
        let api = cluster.secrets(NAMESPACE);
        if let Some(secret) = api.get_opt(name).await? {
            let data = secret.data.unwrap_or_default();
            return Ok(data
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect());
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
