//! What the API server sees of a kubelet that joins with a token: its request for a certificate, and its
//! reports that the node is ready. No pod ever runs on such a node.

use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use vigla_testkit::until;

use crate::pki::{Identity, pem};
use crate::probe::Probe;

const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/// The registrar looks at a request, and a controller signs it.
const PATIENCE: Duration = Duration::from_secs(20);

/// One that has its certificate.
#[derive(Debug)]
pub struct Kubelet {
    node: String,
    probe: Probe,
}

impl Kubelet {
    /// Asks for the certificate of `node` with a bootstrap token, and waits for it. `server`: on loopback;
    /// `ca`: PEM.
    ///
    /// # Errors
    ///
    /// The token is not taken, or nobody approves: what the API server said, in short.
    pub fn join(server: &str, ca: &str, token: &str, node: &str) -> anyhow::Result<Self> {
        let port = server.rsplit(':').next().unwrap_or_default();
        let port = port.parse().context("the port of the API server")?;
        let anybody = Probe::anonymous(port, ca)?;
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let key = KeyPair::generate().context("make a key")?;
        let request = request(node, &key)?.to_string();
        // The API server knows a token a moment after it was made.
        let name = until("the API server takes the token", PATIENCE, || {
            let asked = anybody.ask("POST", REQUESTS, &headers, request.as_bytes());
            let (status, body) = asked.ok()?;
            (status == 201).then(|| name(&body))
        })??;
        let certificate = until("somebody approves the certificate", PATIENCE, || {
            let asked = anybody.ask("GET", &format!("{REQUESTS}/{name}"), &headers[..1], b"");
            signed(&asked.ok()?.1)
        })??;
        let who = Identity {
            certificate,
            key: pem("PRIVATE KEY", key.serialize_der()),
        };
        let probe = Probe::new(port, ca, &who)?;
        let node = node.to_owned();
        Ok(Self { node, probe })
    }

    /// Says that the node is ready. False: the cluster has no such node, or does not want it.
    ///
    /// # Errors
    ///
    /// The API server does not answer.
    pub fn report(&self) -> anyhow::Result<bool> {
        let path = format!("/api/v1/nodes/{}/status", self.node);
        let body = ready().to_string();
        let kind = [("Content-Type", "application/strategic-merge-patch+json")];
        let (status, _) = self.probe.ask("PATCH", &path, &kind, body.as_bytes())?;
        Ok(status == 200)
    }
}

fn request(node: &str, key: &KeyPair) -> anyhow::Result<Value> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let names = [
        (DnType::OrganizationName, "system:nodes".to_owned()),
        (DnType::CommonName, format!("system:node:{node}")),
    ];
    for (kind, name) in names {
        params.distinguished_name.push(kind, name);
    }
    let csr = params.serialize_request(key).context("make a request")?;
    let csr = pem("CERTIFICATE REQUEST", csr.der().to_vec());
    Ok(json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": { "generateName": "node-csr-" },
        "spec": {
            "request": BASE64.encode(csr),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    }))
}

fn name(body: &[u8]) -> anyhow::Result<String> {
    let made: Value = serde_json::from_slice(body)?;
    let name = made["metadata"]["name"].as_str();
    Ok(name.context("a request without a name")?.to_owned())
}

/// The certificate, or why there will be none; nothing as long as nobody has decided.
fn signed(body: &[u8]) -> Option<anyhow::Result<String>> {
    let request: Value = serde_json::from_slice(body).ok()?;
    let status = &request["status"];
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    if let Some(condition) = conditions.find(|condition| condition["type"] == "Denied") {
        return Some(Err(anyhow::anyhow!("denied: {}", condition["message"])));
    }
    let certificate = BASE64.decode(status["certificate"].as_str()?).ok()?;
    Some(String::from_utf8(certificate).context("a certificate in PEM"))
}

fn ready() -> Value {
    let now = jiff::Timestamp::now().to_string();
    json!({ "status": {
        "nodeInfo": {
            "kubeletVersion": format!("v{}", crate::VERSION), "architecture": std::env::consts::ARCH,
            "bootID": "b", "containerRuntimeVersion": "none://0", "kernelVersion": "0",
            "kubeProxyVersion": "", "machineID": "m", "operatingSystem": "linux",
            "osImage": "a node without a machine", "systemUUID": "s",
        },
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Played", "message": "no pods run here",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undecided_request_is_waited_for_and_a_denied_one_is_not() {
        assert!(signed(b"{}").is_none());
        let denied = br#"{"status":{"conditions":[{"type":"Denied","message":"no"}]}}"#;
        let error = signed(denied).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "denied: \"no\"");
        let issued = br#"{"status":{"certificate":"eA=="}}"#;
        assert_eq!(signed(issued).unwrap().unwrap(), "x");
    }
}
