//! An installed cluster, replicas of the registrar in it, and the operator.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio_util::sync::CancellationToken;
use vigla_cloud::claim::{self, Order};
use vigla_cloud::install::install;
use vigla_fleet::crd::{Approve, Device, DevicePhase};
use vigla_fleet::grant::Grant;
use vigla_fleet::invitation::Invitation;
use vigla_kit::Clock;
use vigla_registrar::{Hook, Parts, Serving, Settings, start};
use vigla_testkit_kube::{ControlPlane, Identity};

use crate::device::{SimDevice, kubelet};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
pub(crate) const ACCOUNT: &str = "system:serviceaccount:vigla-system:vigla-registrar";

/// Runs a test where there is a control plane.
pub(crate) fn with_cluster<F: Future<Output = ()>>(test: impl FnOnce(Rig) -> F) {
    if let Some(plane) = ControlPlane::shared() {
        within(plane, test);
    }
}

/// The same in a cluster that nobody else works in.
pub(crate) fn alone<F: Future<Output = ()>>(test: impl FnOnce(Rig) -> F) {
    if let Some(plane) = ControlPlane::own() {
        within(plane, test);
    }
}

/// The same in this cluster.
pub(crate) fn within<F: Future<Output = ()>>(
    plane: Arc<ControlPlane>,
    test: impl FnOnce(Rig) -> F,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let rig = Rig::new(plane).await;
        test(rig).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

pub(crate) struct Rig {
    pub(crate) plane: Arc<ControlPlane>,
    /// Of the operator.
    pub(crate) client: Client,
}

impl Rig {
    async fn new(plane: Arc<ControlPlane>) -> Self {
        let client = client_of(&plane.kubeconfig()).await;
        install(&client, &BTreeMap::new()).await.unwrap();
        until("the cluster publishes its authority", async || {
            let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
                kube::Api::namespaced(client.clone(), "vigla-system");
            maps.get_opt("kube-root-ca.crt").await.unwrap()
        })
        .await;
        let rig = Self { plane, client };
        rig.guarded().await;
        rig
    }

    /// Policies are in force a moment after they are written.
    async fn guarded(&self) {
        let account = self.client_as(ACCOUNT, Some("system:serviceaccounts"));
        let secrets: kube::Api<Secret> = kube::Api::namespaced(account, "kube-system");
        let post = kube::api::PostParams {
            dry_run: true,
            ..Default::default()
        };
        let mut secret = Secret::default();
        secret.metadata.name = Some("test-guarded".to_owned());
        until("the policies are in force", async || {
            let made = secrets.create(&post, &secret).await;
            made.is_err_and(|error| error.to_string().contains("tokens and node passwords only"))
                .then_some(())
        })
        .await;
    }

    /// A replica, with the rights of its account and no more.
    pub(crate) async fn registrar(&self) -> Replica {
        self.registrar_with(Settings::default(), None).await
    }

    pub(crate) async fn registrar_with(&self, settings: Settings, hook: Option<Hook>) -> Replica {
        let server = self.plane.url();
        self.replica(settings, hook, Clock::system(), &server).await
    }

    /// A replica where another one was before.
    pub(crate) async fn registrar_on(&self, port: u16) -> Replica {
        let settings = Settings {
            listen: ([127, 0, 0, 1], port).into(),
            ..Settings::default()
        };
        self.serve(settings, None, Clock::system(), &self.plane.url())
            .await
    }

    /// One at another time, or with an API server that devices reach elsewhere.
    pub(crate) async fn replica(
        &self,
        mut settings: Settings,
        hook: Option<Hook>,
        clock: Clock,
        server: &str,
    ) -> Replica {
        settings.listen = ([127, 0, 0, 1], 0).into();
        self.serve(settings, hook, clock, server).await
    }

    async fn serve(
        &self,
        mut settings: Settings,
        hook: Option<Hook>,
        clock: Clock,
        server: &str,
    ) -> Replica {
        settings.observe = ([127, 0, 0, 1], 0).into();
        settings.limits.per_address = 100_000;
        let stop = CancellationToken::new();
        let parts = Parts {
            settings,
            clock,
            stop: stop.clone(),
            hook,
        };
        let client = self.client_as(ACCOUNT, Some("system:serviceaccounts"));
        let serving = start(parts, client, server).await.unwrap();
        Replica { serving, stop }
    }

    /// A client with a certificate of the cluster.
    pub(crate) fn client_as(&self, user: &str, group: Option<&str>) -> Client {
        self.client_of(&self.plane.client(user, group).unwrap())
    }

    /// A client that is this one.
    pub(crate) fn client_of(&self, identity: &Identity) -> Client {
        self.client_with(|auth| {
            auth.client_certificate_data = Some(base64(&identity.certificate));
            auth.client_key_data = Some(base64(&identity.key).into());
        })
    }

    /// A client with a token.
    pub(crate) fn client_bearing(&self, token: &str) -> Client {
        self.client_with(|auth| auth.token = Some(token.to_owned().into()))
    }

    fn client_with(&self, fill: impl FnOnce(&mut AuthInfo)) -> Client {
        let mut config = Config::new(self.plane.url().parse().unwrap());
        let ca = pem::parse(self.plane.ca()).unwrap().into_contents();
        config.root_cert = Some(vec![ca]);
        fill(&mut config.auth_info);
        Client::try_from(config).unwrap()
    }

    pub(crate) async fn claim(&self, replica: &Replica, order: Order) -> Invitation {
        self.claim_at(&replica.endpoint(), order).await
    }

    pub(crate) async fn claim_at(&self, endpoint: &str, order: Order) -> Invitation {
        let now = i64::try_from(Clock::system().now_usec() / 1_000_000).unwrap();
        let claim = claim::create(&self.client, &order, now).await.unwrap();
        claim::invitation(&self.client, claim, endpoint.parse().unwrap())
            .await
            .unwrap()
    }

    pub(crate) async fn device(&self, name: &str) -> Option<Device> {
        let devices: kube::Api<Device> = kube::Api::all(self.client.clone());
        devices.get_opt(name).await.unwrap()
    }

    /// A device that is let in, and its node is ready.
    pub(crate) async fn joins(&self, device: &mut SimDevice) -> Grant {
        let grant = device.enrol().await;
        kubelet(self, &grant).await;
        self.phase(&grant.node, DevicePhase::Active).await;
        grant
    }

    /// Until the device is in this phase.
    pub(crate) async fn phase(&self, name: &str, phase: DevicePhase) -> Device {
        until(&format!("`{name}` is {phase:?}"), async || {
            let device = self.device(name).await?;
            (device.status.as_ref()?.phase == phase).then_some(device)
        })
        .await
    }
}

/// An order for one device that joins by itself.
pub(crate) fn order(uses: i32) -> Order {
    Order {
        group: "street".to_owned(),
        uses,
        expires: Duration::from_hours(1),
        approve: Approve::Auto,
        models: Vec::new(),
        ring: "canary".to_owned(),
        labels: BTreeMap::new(),
    }
}

pub(crate) struct Replica {
    pub(crate) serving: Serving,
    stop: CancellationToken,
}

impl Replica {
    pub(crate) fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.serving.devices.port())
    }

    /// Ends it in order.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.serving.end().await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn client_of(kubeconfig: &Path) -> Client {
    let file = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

pub(crate) fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Asks until there is something.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, asked).await;
    found.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}
