//! Who gets the certificate of a node: whoever asks with the token of the very device whose node it is.
//!
//! Nothing else approves a first certificate: the cluster's own rule, which lets any bootstrap token have
//! any node's name, is not installed. Renewals are asked for by the node itself, and stay automatic.

use k8s_openapi::api::certificates::v1::{
    CertificateSigningRequest, CertificateSigningRequestCondition,
};
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use rcgen::{CertificateSigningRequestParams, DnType, DnValue};
use serde_json::json;
use vigla_fleet::crd::Device;

use crate::cluster::Done;
use crate::objects::{GROUP, MANAGER, time};
use crate::registrar::Registrar;

const SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const BEARER: &str = "system:bootstrap:";
const NODE: &str = "system:node:";

/// Decides about a request for a certificate.
pub(crate) async fn request(
    registrar: &Registrar,
    request: &CertificateSigningRequest,
) -> Done<()> {
    if let Some(token) = approved(request) {
        // Its node may have been ready before we saw this.
        return match registrar.follow.bearer(token) {
            Some(device) => {
                let name = device.name_any();
                let _turn = registrar.follow.turn(&name).await;
                let device = registrar.follow.device(&name).unwrap_or(device);
                super::device(registrar, &device).await
            }
            None => Ok(()),
        };
    }
    let Some(token) = bearer(request) else {
        return Ok(());
    };
    let node = node_of(request);
    // What the watch knows is enough to let it in: what a device may not any more is known here before it is
    // taken back. To send it away it is asked again.
    let watched = node.as_ref().and_then(|node| registrar.follow.device(node));
    let watched = watched.filter(|device| judge(token, Some(device)).is_ok());
    let device = match (watched, &node) {
        (Some(device), _) => Some(device),
        (None, Some(node)) => registrar.cluster.device(node).await?,
        (None, None) => None,
    };
    let (kind, reason, message) = match judge(token, device.as_ref()) {
        Ok(()) => (
            "Approved",
            "TokenOfTheDevice",
            "asked with the token of this device",
        ),
        Err(why) => ("Denied", "NotTheDevice", why),
    };
    let condition = CertificateSigningRequestCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(format!("{MANAGER}: {message}")),
        last_update_time: Some(time(registrar.seconds())),
        last_transition_time: None,
    };
    let patch = json!({
        "metadata": { "resourceVersion": request.resource_version() },
        "status": { "conditions": [condition] },
    });
    registrar
        .cluster
        .requests()
        .patch_approval(
            &request.name_any(),
            &PatchParams::default(),
            &Patch::Merge(patch),
        )
        .await?;
    registrar.did("decided");
    if let (Some(device), "Denied") = (&device, kind) {
        registrar.tell(device, "CertificateDenied", message, true);
    }
    let node = node.unwrap_or_default();
    tracing::info!(target: "audit", device = node, token, decision = kind, "{message}");
    registrar.metrics.decided(kind);
    Ok(())
}

/// The public half of the token with which a certificate was had.
pub(crate) fn approved(request: &CertificateSigningRequest) -> Option<&str> {
    let conditions = request.status.as_ref()?.conditions.as_ref()?;
    let approved = conditions.iter().any(|c| c.type_ == "Approved");
    let token = request.spec.username.as_deref()?.strip_prefix(BEARER)?;
    approved.then_some(token)
}

/// The public half of the token that asks, when it is one of ours and nobody has decided.
fn bearer(request: &CertificateSigningRequest) -> Option<&str> {
    let spec = &request.spec;
    let decided = request.status.as_ref().and_then(|s| s.conditions.as_ref());
    let ours = spec
        .groups
        .as_ref()
        .is_some_and(|groups| groups.iter().any(|group| group == GROUP));
    if spec.signer_name != SIGNER || !ours || decided.is_some_and(|all| !all.is_empty()) {
        return None;
    }
    spec.username.as_deref()?.strip_prefix(BEARER)
}

/// The name of the node in the request: the subject has to be a node's and nothing else.
fn node_of(request: &CertificateSigningRequest) -> Option<String> {
    subject(pem::parse(&request.spec.request.0).ok()?.contents())
}

fn subject(der: &[u8]) -> Option<String> {
    let asked = CertificateSigningRequestParams::from_der(&der.into()).ok()?;
    let text = |kind: DnType| match asked.params.distinguished_name.get(&kind)? {
        DnValue::Utf8String(text) => Some(text.clone()),
        DnValue::PrintableString(text) => Some(text.as_str().to_owned()),
        _ => None,
    };
    let group = text(DnType::OrganizationName)?;
    let name = text(DnType::CommonName)?;
    let node = name.strip_prefix(NODE)?;
    (group == "system:nodes" && asked.params.subject_alt_names.is_empty()).then(|| node.to_owned())
}

/// Whether the bearer of this token may have the certificate of this device's node; if not, why.
fn judge(token: &str, device: Option<&Device>) -> Result<(), &'static str> {
    let device = device.ok_or("no device has this node")?;
    let status = device.status.as_ref();
    let spec = &device.spec;
    if status.is_none_or(|status| status.token != token) {
        Err("the token is not of the device with this node")
    } else if spec.suspended || spec.forgotten || !spec.approved {
        Err("the device may not join")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever holds a token writes these.
    #[test]
    fn any_damage_to_a_request_for_a_certificate_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "csr", |bytes| {
            let node = subject(bytes);
            assert!(node.is_none_or(|node| !node.starts_with(NODE)));
            let _ = vigla_fleet::csr::read(bytes);
        });
    }

    #[test]
    fn only_the_subject_of_a_node_and_nothing_else_is_one() {
        let node = include_bytes!("../../tests/corpus/csr/node.der");
        let wanted = "vigla-0123456789abcdef0123".to_owned();
        assert_eq!(subject(node), Some(wanted));
        let names = include_bytes!("../../tests/corpus/csr/names.der");
        assert_eq!(subject(names), None);
    }
}
