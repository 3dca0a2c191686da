//! A device as a test plays it.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request as HttpRequest;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestSpec,
};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls_pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::grant::{Cluster, Grant};
use vigla_fleet::identity::{Key, Signer as _, node_name};
use vigla_fleet::invitation::Invitation;
use vigla_fleet::proof::ProofKey;
use vigla_fleet::tls::{Pinned, Seen, certified};
use vigla_fleet::wire::{Answer, Ask, ENROL, Facts, Refusal, Report, Request, SELF, Standing};

use crate::rig::{Rig, until};

#[derive(Clone)]
pub(crate) struct SimDevice {
    key: Arc<Key>,
    pub(crate) invitation: Invitation,
    pub(crate) generation: u64,
    pub(crate) facts: Facts,
    /// Without it, it only has its key.
    pub(crate) with_claim: bool,
    /// Wants a certificate for the broker.
    pub(crate) with_broker: bool,
}

impl SimDevice {
    pub(crate) fn new(invitation: &Invitation) -> Self {
        let pkcs8 = Key::generate().unwrap();
        let key = Arc::new(Key::from_pkcs8(&pkcs8).unwrap());
        let hardware = key.public().fingerprint().to_string();
        Self {
            key,
            invitation: invitation.clone(),
            generation: 0,
            facts: Facts {
                boot_id: "boot-1".to_owned(),
                hardware,
                model: "rpi4".to_owned(),
                version: "0.1.0".to_owned(),
            },
            with_claim: true,
            with_broker: false,
        }
    }

    pub(crate) fn name(&self) -> String {
        node_name(&self.key.public().fingerprint())
    }

    async fn connect(&self) -> anyhow::Result<(http1::SendRequest<Full<Bytes>>, Fingerprint)> {
        let device = certified(self.key.clone())?;
        let pins = &self.invitation.pins;
        let config = Pinned::new(pins.clone(), 1_700_000_000).client(Some(device))?;
        let endpoint = &self.invitation.endpoint;
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
        let name = ServerName::try_from(endpoint.host.clone())?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let seen = Seen::of(chain, pins).unwrap();
        let (send, connection) = http1::handshake(TokioIo::new(stream)).await?;
        #[allow(
            clippy::disallowed_methods,
            reason = "the connection of one request, which ends with it"
        )]
        tokio::spawn(connection);
        Ok((send, seen.server))
    }

    /// The request, made for a server.
    pub(crate) fn request(&self, server: Fingerprint) -> Request {
        let claim = self.invitation.claim.as_ref().filter(|_| self.with_claim);
        let proof = claim.map(|claim| (claim.id(), ProofKey::of(claim)));
        Request::make(
            &*self.key,
            Ask {
                claim: proof.as_ref().map(|(id, key)| (id, key)),
                server,
                nonce: std::array::from_fn(|at| u8::try_from(at).unwrap()),
                generation: self.generation,
                mqtt_csr: self.with_broker.then(|| {
                    let own = Key::from_pkcs8(&Key::generate().unwrap()).unwrap();
                    vigla_fleet::csr::make(&own).unwrap()
                }),
                facts: self.facts.clone(),
            },
        )
        .unwrap()
    }

    pub(crate) async fn ask(&self) -> anyhow::Result<Answer> {
        self.ask_with(|_| {}).await
    }

    /// With a request that something was done to.
    pub(crate) async fn ask_with(
        &self,
        spoil: impl FnOnce(&mut Request),
    ) -> anyhow::Result<Answer> {
        let (mut send, server) = self.connect().await?;
        let mut request = self.request(server);
        spoil(&mut request);
        let body = serde_json::to_vec(&request)?;
        let request = HttpRequest::post(ENROL)
            .header("host", "localhost")
            .body(Full::new(Bytes::from(body)))?;
        let response = send.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        let answer = Answer::read(&body)?;
        assert_eq!(answer.status(), status);
        Ok(answer)
    }

    /// Asks until there is a grant, and takes it.
    pub(crate) async fn enrol(&mut self) -> Grant {
        let grant = until("a grant", async || match self.ask().await {
            Ok(Answer::Grant { grant }) => Some(grant.open(&self.invitation.pins).unwrap()),
            Ok(
                Answer::Refused {
                    word: Refusal::Busy | Refusal::TooMany,
                    ..
                }
                | Answer::Wait { .. },
            )
            | Err(_) => None,
            Ok(other) => panic!("{other:?}"),
        })
        .await;
        self.generation = grant.generation;
        grant
    }

    /// The word of a refusal. "Come again" is none: two hands were at the same object, and whoever hears it asks again.
    pub(crate) async fn refused(&self) -> Refusal {
        let ask = async || match self.ask().await.unwrap() {
            Answer::Refused {
                word: Refusal::Busy | Refusal::TooMany,
                ..
            } => None,
            Answer::Refused { word, .. } => Some(word),
            other => panic!("{other:?}"),
        };
        until("a refusal that stays", ask).await
    }

    /// How it stands, once the registrar knows.
    pub(crate) async fn standing(&self) -> Standing {
        until("how it stands", async || self.stands().await.ok()).await
    }

    async fn stands(&self) -> Result<Standing, Answer> {
        self.ask_standing(SELF).await
    }

    /// Says of itself what a device says, and hears how it stands.
    pub(crate) async fn report(&self, version: &str, slot: &str) -> Result<Standing, Answer> {
        let report = Report {
            generation: self.generation,
            boot_id: "5b1e6bd60f5e4d6f8f432f6f3a4d9f11".to_owned(),
            hardware: self.facts.hardware.clone(),
            version: version.to_owned(),
            slot: slot.to_owned(),
        };
        self.ask_standing(&report.path()).await
    }

    async fn ask_standing(&self, path: &str) -> Result<Standing, Answer> {
        let (mut send, _) = self.connect().await.unwrap();
        let request = HttpRequest::get(path)
            .header("host", "localhost")
            .body(Full::new(Bytes::new()))
            .unwrap();
        let response = send.send_request(request).await.unwrap();
        let busy = response.status().as_u16() == 503;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        if busy {
            return Err(Answer::read(&body).unwrap());
        }
        Standing::read(&body).map_err(|_| Answer::read(&body).unwrap())
    }
}

/// The token of an upstream grant.
pub(crate) fn token(grant: &Grant) -> &str {
    match &grant.cluster {
        Cluster::Upstream { token, .. } | Cluster::K3s { token, .. } => token.reveal(),
    }
}

/// What a kubelet asks for with a token: a certificate for the node of this name.
pub(crate) async fn request_certificate(
    bearer: &Client,
    node: &str,
) -> kube::Result<(String, KeyPair)> {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "system:nodes");
    params
        .distinguished_name
        .push(DnType::CommonName, format!("system:node:{node}"));
    let csr = params.serialize_request(&key).unwrap();
    let pem = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", csr.der().to_vec()));
    let request = CertificateSigningRequest {
        metadata: kube::api::ObjectMeta {
            generate_name: Some("node-csr-".to_owned()),
            ..Default::default()
        },
        spec: CertificateSigningRequestSpec {
            request: k8s_openapi::ByteString(pem.into_bytes()),
            signer_name: "kubernetes.io/kube-apiserver-client-kubelet".to_owned(),
            usages: Some(vec![
                "digital signature".to_owned(),
                "client auth".to_owned(),
            ]),
            ..Default::default()
        },
        status: None,
    };
    let api: Api<CertificateSigningRequest> = Api::all(bearer.clone());
    let made = api.create(&PostParams::default(), &request).await?;
    Ok((made.name_any(), key))
}

/// Until somebody has decided about a request; the certificate, or why not.
pub(crate) async fn decision(rig: &Rig, name: &str) -> Result<Vec<u8>, String> {
    let api: Api<CertificateSigningRequest> = Api::all(rig.client.clone());
    until("a decision", async || {
        let status = api.get(name).await.unwrap().status?;
        let denied = status
            .conditions
            .iter()
            .flatten()
            .find(|c| c.type_ == "Denied");
        if let Some(denied) = denied {
            return Some(Err(denied.message.clone().unwrap_or_default()));
        }
        status.certificate.map(|certificate| Ok(certificate.0))
    })
    .await
}

/// The kubelet of a device, as far as the API server sees it.
pub(crate) async fn kubelet(rig: &Rig, grant: &Grant) -> Client {
    let client = with_certificate(rig, grant).await;
    report(&client, &grant.node, true).await;
    client
}

/// The same before it has said anything.
pub(crate) async fn with_certificate(rig: &Rig, grant: &Grant) -> Client {
    let bearer = rig.client_bearing(token(grant));
    // The API server knows a token a moment after it was made; a kubelet tries again.
    let name = until("the token is taken", async || {
        let asked = request_certificate(&bearer, &grant.node).await;
        asked.ok().map(|(name, _)| name)
    })
    .await;
    let certificate = decision(rig, &name).await;
    assert!(certificate.is_ok(), "{certificate:?}");
    let user = format!("system:node:{}", grant.node);
    rig.client_as(&user, Some("system:nodes"))
}

/// What a kubelet writes about its node.
pub(crate) async fn report(client: &Client, node: &str, ready: bool) {
    // K3s' flavour goes by it, to the second: as if the kubelet had needed some to start.
    let now = k8s_openapi::jiff::Timestamp::now() + std::time::Duration::from_secs(2);
    let nodes: Api<Node> = Api::all(client.clone());
    let ready = if ready { "True" } else { "False" };
    let status = json!({ "status": {
        "nodeInfo": {
            "kubeletVersion": "v1.35.2", "architecture": "arm64", "bootID": "b",
            "containerRuntimeVersion": "containerd://2", "kernelVersion": "6", "kubeProxyVersion": "",
            "machineID": "m", "operatingSystem": "linux", "osImage": "vigla", "systemUUID": "s",
        },
        "conditions": [{
            "type": "Ready", "status": ready, "reason": "KubeletReady", "message": "",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
    }});
    nodes
        .patch_status(node, &PatchParams::default(), &Patch::Strategic(status))
        .await
        .unwrap();
}
