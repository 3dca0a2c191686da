//! What the registrar asks of the API server, each a request or two, counted.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use prometheus::IntCounter;
use serde_json::{Value, json};
use vigla_fleet::crd::{
    Device, EnrolmentClaim, LABEL_CLAIM, LABEL_DEVICE, LABEL_NETWORK, NAMESPACE, PROOF_KEY,
    PROOF_PREFIX,
};
use vigla_fleet::proof::ProofKey;

use crate::objects::{self, MANAGER, SYSTEM};

/// Proof keys that are remembered: they never change, and a request less is a request less.
const REMEMBERED: usize = 1024;

/// Why the API server did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Something of this name is there already.
    #[error("it is there already")]
    Exists,
    /// Somebody else changed it in between.
    #[error("somebody else changed it")]
    Conflict,
    /// Not there.
    #[error("it is not there")]
    Absent,
    /// It has too much to do: to be asked again after so many seconds.
    #[error("the API server has too much to do")]
    Throttled(u64),
    /// No answer, or one that says to come again.
    #[error("the API server cannot answer now: {0}")]
    Away(Box<kube::Error>),
    /// No, and asking again will not help.
    #[error("the API server refuses: {0}")]
    Refused(Box<kube::Error>),
}

impl From<kube::Error> for Fault {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(status) = &error else {
            return Self::Away(Box::new(error));
        };
        match (status.code, status.reason.as_str()) {
            (409, "AlreadyExists") => Self::Exists,
            (409, _) => Self::Conflict,
            (404, _) => Self::Absent,
            (429, _) => {
                let after = status.details.as_ref().map_or(0, |d| d.retry_after_seconds);
                Self::Throttled(u64::from(after))
            }
            (408 | 500..=599, _) => Self::Away(Box::new(error)),
            _ => Self::Refused(Box::new(error)),
        }
    }
}

pub(crate) type Done<T> = Result<T, Fault>;

/// The API server, seen by the registrar.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: Client,
    requests: IntCounter,
    memory: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// By the claim's uid.
    proofs: HashMap<String, ProofKey>,
    /// Numbers of uses that are taken, by claim. A hint: only making the object decides.
    taken: HashMap<String, BTreeSet<i32>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    pub(crate) fn new(client: Client, requests: IntCounter) -> Self {
        Self {
            client,
            requests,
            memory: Arc::default(),
        }
    }

    fn count(&self) -> Client {
        self.requests.inc();
        self.client.clone()
    }

    pub(crate) fn claims(&self) -> Api<EnrolmentClaim> {
        Api::namespaced(self.count(), NAMESPACE)
    }

    pub(crate) fn devices(&self) -> Api<Device> {
        Api::all(self.count())
    }

    pub(crate) fn nodes(&self) -> Api<Node> {
        Api::all(self.count())
    }

    pub(crate) fn uses(&self) -> Api<Lease> {
        Api::namespaced(self.count(), NAMESPACE)
    }

    pub(crate) fn requests(&self) -> Api<CertificateSigningRequest> {
        Api::all(self.count())
    }

    pub(crate) fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.count(), namespace)
    }

    pub(crate) fn texts(&self, namespace: &str) -> Api<ConfigMap> {
        Api::namespaced(self.count(), namespace)
    }

    pub(crate) async fn claim(&self, name: &str) -> Done<Option<EnrolmentClaim>> {
        Ok(self.claims().get_opt(name).await?)
    }

    /// What proves a claim. It never changes.
    pub(crate) async fn proof(&self, claim: &EnrolmentClaim) -> Done<Option<ProofKey>> {
        let uid = claim.uid().unwrap_or_default();
        if let Some(key) = self.memory().proofs.get(&uid) {
            return Ok(Some(key.clone()));
        }
        let name = format!("{PROOF_PREFIX}{}", claim.name_any());
        let secret = self.secrets(NAMESPACE).get_opt(&name).await?;
        let data = secret.and_then(|secret| secret.data);
        let bytes = data.and_then(|data| data.get(PROOF_KEY)?.0.clone().try_into().ok());
        let key = bytes.map(ProofKey::from_bytes);
        if let Some(key) = &key {
            let proofs = &mut self.memory().proofs;
            if proofs.len() >= REMEMBERED {
                proofs.clear();
            }
            proofs.insert(uid, key.clone());
        }
        Ok(key)
    }

    pub(crate) async fn device(&self, name: &str) -> Done<Option<Device>> {
        Ok(self.devices().get_opt(name).await?)
    }

    pub(crate) async fn make_device(&self, device: &Device) -> Done<Device> {
        let made = self
            .devices()
            .create(&PostParams::default(), device)
            .await?;
        Ok(made)
    }

    /// Takes a forgotten device in again, with another claim.
    pub(crate) async fn renew_device(&self, device: &Device, spec: Value) -> Done<Device> {
        let version = device.resource_version();
        let patch = json!({ "metadata": { "resourceVersion": version }, "spec": spec });
        let name = device.name_any();
        Ok(self
            .devices()
            .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await?)
    }

    pub(crate) async fn set_status(&self, device: &Device, status: Value) -> Done<Device> {
        let patch = Patch::Merge(objects::status_patch(device, status));
        let name = device.name_any();
        Ok(self
            .devices()
            .patch_status(&name, &PatchParams::default(), &patch)
            .await?)
    }

    /// The use that a device has already of its claim.
    pub(crate) async fn use_of(&self, device: &str, claim: &str) -> Done<Option<i32>> {
        let labels = format!("{LABEL_DEVICE}={device},{LABEL_CLAIM}={claim}");
        let list = ListParams::default().labels(&labels);
        let uses = self.uses().list(&list).await?;
        let numbers = uses.iter().map(kube::ResourceExt::name_any);
        Ok(numbers.filter_map(|name| objects::number_of(&name)).min())
    }

    /// Takes a use of the claim; `None`: all are taken.
    pub(crate) async fn take_use(
        &self,
        claim: &EnrolmentClaim,
        key: &[u8; 32],
        device: &str,
    ) -> Done<Option<i32>> {
        let name = claim.name_any();
        for fresh in [false, true] {
            // What was taken may have been given back since.
            if fresh || !self.memory().taken.contains_key(&name) {
                self.learn_uses(&name).await?;
            }
            for number in crate::decide::uses(key, claim.spec.max_uses) {
                // Ours from here on, so that no other request of this replica tries the same one.
                if !self.remember(&name, number) {
                    continue;
                }
                let lease = objects::use_of(claim, number, device);
                let made = self.uses().create(&PostParams::default(), &lease).await;
                let made = made.map(|_| ()).map_err(Fault::from);
                let ours = match made {
                    Ok(()) => true,
                    Err(Fault::Exists) => {
                        self.holder(&name, number).await?.as_deref() == Some(device)
                    }
                    Err(fault) => {
                        self.forget(&name, number);
                        return Err(fault);
                    }
                };
                if ours {
                    return Ok(Some(number));
                }
            }
        }
        Ok(None)
    }

    async fn learn_uses(&self, claim: &str) -> Done<()> {
        let list = ListParams::default().labels(&format!("{LABEL_CLAIM}={claim}"));
        let there = self.uses().list_metadata(&list).await?;
        let numbers = there
            .iter()
            .filter_map(|lease| objects::number_of(&lease.name_any()));
        let numbers = numbers.collect();
        self.memory().taken.insert(claim.to_owned(), numbers);
        Ok(())
    }

    async fn holder(&self, claim: &str, number: i32) -> Done<Option<String>> {
        let name = objects::use_name(claim, number);
        let lease = self.uses().get_opt(&name).await?;
        Ok(lease.and_then(|lease| lease.spec?.holder_identity))
    }

    /// Gives a use back.
    pub(crate) async fn give_back(&self, claim: &str, number: i32) -> Done<()> {
        let name = objects::use_name(claim, number);
        gone(self.uses().delete(&name, &DeleteParams::default()).await)?;
        self.forget(claim, number);
        Ok(())
    }

    /// Whether it was not known to be taken.
    fn remember(&self, claim: &str, number: i32) -> bool {
        let taken = &mut self.memory().taken;
        taken.entry(claim.to_owned()).or_default().insert(number)
    }

    fn forget(&self, claim: &str, number: i32) {
        if let Some(taken) = self.memory().taken.get_mut(claim) {
            taken.remove(&number);
        }
    }

    /// The node of a device; [`Fault::Exists`]: it is somebody else's.
    pub(crate) async fn make_node(&self, node: &Node) -> Done<Node> {
        let made = self.nodes().create(&PostParams::default(), node).await;
        match made.map_err(Fault::from) {
            Err(Fault::Exists) => {
                let there = self.nodes().get(&node.name_any()).await?;
                let ours = there.labels().get(LABEL_DEVICE) == Some(&node.name_any());
                ours.then_some(there).ok_or(Fault::Exists)
            }
            other => other,
        }
    }

    pub(crate) async fn make_secret(&self, secret: &Secret) -> Done<()> {
        self.secrets(SYSTEM)
            .create(&PostParams::default(), secret)
            .await?;
        Ok(())
    }

    pub(crate) async fn remove_secret(&self, name: &str) -> Done<()> {
        gone(
            self.secrets(SYSTEM)
                .delete(name, &DeleteParams::default())
                .await,
        )
    }

    pub(crate) async fn remove_token(&self, id: &str) -> Done<()> {
        if id.is_empty() {
            return Ok(());
        }
        self.remove_secret(&objects::token_name(id)).await
    }

    pub(crate) async fn remove_node(&self, name: &str) -> Done<()> {
        gone(self.nodes().delete(name, &DeleteParams::default()).await)
    }

    /// A network for the pods of a device, for as long as there is the device: that its name can be made once is
    /// what makes it unique. `None`: all are taken.
    pub(crate) async fn take_network(
        &self,
        device: &Device,
        key: &[u8; 32],
    ) -> Done<Option<String>> {
        let name = device.name_any();
        let list = ListParams::default().labels(&format!("{LABEL_NETWORK},{LABEL_DEVICE}={name}"));
        let ours = self.uses().list_metadata(&list).await?;
        let numbers = ours.iter().map(kube::ResourceExt::name_any);
        let mut numbers = numbers.filter_map(|name| objects::number_of(&name));
        if let Some(number) = numbers.next() {
            return Ok(Some(objects::network(number.unsigned_abs())));
        }
        for number in vigla_fleet::admission::numbers(key, objects::NETWORKS) {
            let lease = objects::network_of(device, number);
            match self.uses().create(&PostParams::default(), &lease).await {
                Ok(_) => return Ok(Some(objects::network(number))),
                Err(error) => match Fault::from(error) {
                    Fault::Exists => {}
                    fault => return Err(fault),
                },
            }
        }
        Ok(None)
    }

    /// Tells people of a decision, where they look for it.
    pub(crate) async fn tell(&self, event: &Event) -> Done<()> {
        let api: Api<Event> = Api::namespaced(self.count(), objects::EVENTS);
        api.create(&PostParams::default(), event).await?;
        Ok(())
    }

    /// What was written with [`Cluster::publish`].
    pub(crate) async fn published(&self, name: &str) -> Done<Option<ConfigMap>> {
        Ok(self.texts(NAMESPACE).get_opt(name).await?)
    }

    /// Writes a text that others read, whoever wrote it before.
    pub(crate) async fn publish(&self, name: &str, data: Value) -> Done<()> {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "data": data,
        });
        let how = PatchParams::apply(MANAGER).force();
        self.texts(NAMESPACE)
            .patch(name, &how, &Patch::Apply(map))
            .await?;
        Ok(())
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is not there need not be deleted.
pub(crate) fn gone<T>(result: Result<T, kube::Error>) -> Done<()> {
    match result.map_err(Fault::from) {
        Ok(_) | Err(Fault::Absent) => Ok(()),
        Err(fault) => Err(fault),
    }
}
