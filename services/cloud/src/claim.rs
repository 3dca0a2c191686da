//! Claims: made, listed, revoked. The code itself is shown once, and kept nowhere.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource as _, ResourceExt};
use ring::rand::SystemRandom;
use serde_json::json;
use vigla_fleet::claim::Claim;
use vigla_fleet::crd::{
    Approve, EnrolmentClaim, EnrolmentClaimSpec, NAMESPACE, PROOF_KEY, PROOF_PREFIX, claim_name,
};
use vigla_fleet::endpoint::Endpoint;
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::invitation::Invitation;
use vigla_fleet::proof::ProofKey;

/// The Secret of the registrar's authority, and the certificates in it.
const AUTHORITY: (&str, [&str; 2]) = ("registrar-ca", ["ca.crt", "next.crt"]);

/// What a new claim is for.
#[derive(Debug, Clone)]
pub struct Order {
    /// What the devices have in common.
    pub group: String,
    /// So many devices.
    pub uses: i32,
    /// From now on.
    pub expires: Duration,
    /// Whether a person looks at each.
    pub approve: Approve,
    /// Models that may join; empty: all.
    pub models: Vec<String>,
    /// Of updates.
    pub ring: String,
    /// For the nodes.
    pub labels: BTreeMap<String, String>,
}

/// Makes a claim; `now` in seconds since 1970. Gives its code, which nobody can ask for again.
///
/// # Errors
///
/// The API server refuses it.
pub async fn create(client: &Client, order: &Order, now: i64) -> anyhow::Result<Claim> {
    let claim = Claim::generate(&SystemRandom::new())
        .ok()
        .context("the system has no randomness")?;
    let lasts = i64::try_from(order.expires.as_secs()).unwrap_or(i64::MAX);
    let ends = Timestamp::from_second(now.saturating_add(lasts)).context("it lasts too long")?;
    let spec = EnrolmentClaimSpec {
        group: order.group.clone(),
        max_uses: order.uses,
        not_after: Time(ends),
        approve: order.approve,
        models: order.models.clone(),
        ring: order.ring.clone(),
        labels: order.labels.clone(),
        revoked: false,
    };
    let name = claim_name(&claim.id());
    let claims: Api<EnrolmentClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let made = claims
        .create(&PostParams::default(), &EnrolmentClaim::new(&name, spec))
        .await
        .context("make the claim")?;
    let secret = proof(&name, &made, &claim);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    if let Err(error) = secrets.create(&PostParams::default(), &secret).await {
        // A claim that nobody can prove is of no use.
        let _ = claims.delete(&name, &DeleteParams::default()).await;
        return Err(error).context("keep what proves the claim");
    }
    Ok(claim)
}

/// What the registrar keeps: enough to verify, not enough to name the code.
fn proof(name: &str, made: &EnrolmentClaim, claim: &Claim) -> Secret {
    let key = ProofKey::of(claim).reveal().to_vec();
    Secret {
        metadata: ObjectMeta {
            name: Some(format!("{PROOF_PREFIX}{name}")),
            namespace: Some(NAMESPACE.to_owned()),
            owner_references: made.owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        immutable: Some(true),
        type_: Some("vigla.org/claim-proof".to_owned()),
        data: Some([(PROOF_KEY.to_owned(), ByteString(key))].into()),
        ..Secret::default()
    }
}

/// The file for the card: where to ask, whom to trust, and the code.
///
/// # Errors
///
/// The registrar has made no authority yet.
pub async fn invitation(
    client: &Client,
    claim: Claim,
    endpoint: Endpoint,
) -> anyhow::Result<Invitation> {
    Ok(Invitation {
        endpoint,
        pins: pins(client).await?,
        claim: Some(claim),
        addresses: Vec::new(),
    })
}

/// The pins of the registrar's authority: two while it is changed.
///
/// # Errors
///
/// The registrar has made no authority yet.
pub async fn pins(client: &Client) -> anyhow::Result<Vec<Fingerprint>> {
    let (name, certificates) = AUTHORITY;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let secret = secrets.get_opt(name).await.context("read the authority")?;
    let secret = secret.context(
        "the registrar has made no authority yet: is it running? (`kubectl -n vigla-system get pods`)",
    )?;
    let data = secret.data.unwrap_or_default();
    let there = certificates.iter().filter_map(|name| data.get(*name));
    there
        .map(|pem| {
            let der = der(&pem.0).context("the authority is no PEM")?;
            Fingerprint::of_certificate(&der).context("the authority is no certificate")
        })
        .collect()
}

/// What is inside a certificate in PEM.
fn der(pem: &[u8]) -> Option<Vec<u8>> {
    Some(pem::parse(pem).ok()?.into_contents())
}

/// All claims.
///
/// # Errors
///
/// The API server refuses.
pub async fn list(client: &Client) -> anyhow::Result<Vec<EnrolmentClaim>> {
    let claims: Api<EnrolmentClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let mut all = claims.list(&ListParams::default()).await?.items;
    all.sort_by_key(ResourceExt::name_any);
    Ok(all)
}

/// Takes a claim back, for good. Devices that have joined with it stay.
///
/// # Errors
///
/// There is none of this name.
pub async fn revoke(client: &Client, name: &str) -> anyhow::Result<()> {
    let claims: Api<EnrolmentClaim> = Api::namespaced(client.clone(), NAMESPACE);
    let name = name.to_ascii_lowercase();
    let patch = Patch::Merge(json!({ "spec": { "revoked": true } }));
    claims
        .patch(&name, &PatchParams::default(), &patch)
        .await
        .with_context(|| format!("revoke the claim `{name}`"))?;
    Ok(())
}

/// The file as a QR code for a terminal.
///
/// # Errors
///
/// It is too long for one.
pub fn picture(text: &str) -> anyhow::Result<String> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L)
        .context("make a QR code")?;
    let mut lines = String::new();
    let (width, colors) = (code.width(), code.to_colors());
    let dark = |x: usize, y: usize| {
        // A quiet margin of two all around.
        let inside = (2..width + 2).contains(&x) && (2..width + 2).contains(&y);
        inside && colors[(y - 2) * width + x - 2] == qrcode::Color::Dark
    };
    for y in (0..width + 4).step_by(2) {
        for x in 0..width + 4 {
            // Light on a dark terminal: what is dark in the code is left out.
            lines.push(match (dark(x, y), dark(x, y + 1)) {
                (false, false) => '█',
                (false, true) => '▀',
                (true, false) => '▄',
                (true, true) => ' ',
            });
        }
        lines.push('\n');
    }
    Ok(lines)
}
