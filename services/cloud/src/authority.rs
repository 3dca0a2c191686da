//! Changes an authority of the registrar for another, while devices are out there that know only the one before.
//! `docs/fleet.md` says when to do which step; [`vigla_fleet::authority`] what each does.

use anyhow::Context as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt as _};
use vigla_fleet::authority::{self as it, Data};
use vigla_fleet::crd::{Device, DevicePhase, NAMESPACE};
use vigla_fleet::fingerprint::Fingerprint;

/// When the next one was made, seconds since 1970.
const SINCE: &str = "vigla.org/next-since";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Devices pin it, and it signs their grants.
    Registrar,
    /// It lets devices in at the broker.
    Broker,
}

impl Which {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Registrar => (it::REGISTRAR, it::REGISTRAR_NAME),
            Self::Broker => (it::BROKER, it::BROKER_NAME),
        }
    }
}

/// One certificate of an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// `now`, `next` or `old`.
    pub role: &'static str,
    /// Of its key: what devices pin.
    pub pin: Fingerprint,
}

/// What there is.
///
/// # Errors
///
/// The registrar has made none yet, or it is damaged.
pub async fn show(client: &Client, which: Which) -> anyhow::Result<Vec<Part>> {
    let (_, data) = read(client, which).await?;
    let roles = [
        ("now", it::NOW[0]),
        ("next", it::NEXT[0]),
        ("old", it::OLD[0]),
    ];
    let there = roles
        .iter()
        .filter_map(|(role, name)| Some((*role, data.get(*name)?)));
    there
        .map(|(role, pem)| {
            let der = pem::parse(pem).context("the authority is no PEM")?;
            let pin = Fingerprint::of_certificate(der.contents());
            let pin = pin.context("the authority is no certificate")?;
            Ok(Part { role, pin })
        })
        .collect()
}

/// Puts the next one beside: registrars tell devices of both within a minute.
///
/// # Errors
///
/// It is being changed already, or the API server refuses.
pub async fn prepare(client: &Client, which: Which) -> anyhow::Result<()> {
    let (mut secret, mut data) = read(client, which).await?;
    let (certificate, key) = it::new(which.names().1).context("make an authority")?;
    let coat = |label: &str, der: &[u8]| pem::encode(&pem::Pem::new(label, der)).into_bytes();
    let next = [coat("CERTIFICATE", &certificate), coat("PRIVATE KEY", &key)];
    it::prepare(&mut data, next)?;
    let since = Timestamp::now().as_second().to_string();
    secret.annotations_mut().insert(SINCE.to_owned(), since);
    write(client, secret, data).await
}

/// The next one signs from now on. Devices that have not asked since it was prepared would be locked out: then it is
/// refused, unless `anyway`.
///
/// # Errors
///
/// There is no next one, a device does not know it, or the API server refuses.
pub async fn switch(client: &Client, which: Which, anyway: bool) -> anyhow::Result<()> {
    let (secret, mut data) = read(client, which).await?;
    let since = secret
        .annotations()
        .get(SINCE)
        .and_then(|text| text.parse().ok());
    it::switch(&mut data, which == Which::Broker)?;
    if which == Which::Registrar && !anyway {
        let unaware = unaware(client, since.unwrap_or(i64::MAX)).await?;
        anyhow::ensure!(
            unaware.is_empty(),
            "{} devices have not asked since the next authority was made and would not know it, such as `{}`: wait for them, or say `--anyway` and give them a new `enrolment.toml`",
            unaware.len(),
            unaware[0]
        );
    }
    write(client, secret, data).await
}

/// The old one is believed no more.
///
/// # Errors
///
/// There is no old one, or the API server refuses.
pub async fn finish(client: &Client, which: Which) -> anyhow::Result<()> {
    let (mut secret, mut data) = read(client, which).await?;
    it::finish(&mut data)?;
    secret.annotations_mut().remove(SINCE);
    write(client, secret, data).await
}

/// Devices that belong to the fleet and were last seen before.
async fn unaware(client: &Client, since: i64) -> anyhow::Result<Vec<String>> {
    let devices: Api<Device> = Api::all(client.clone());
    let all = devices.list(&ListParams::default()).await?;
    let belongs = |device: &&Device| {
        let status = device.status.as_ref();
        let seen = status.and_then(|status| Some(status.last_seen.as_ref()?.0.as_second()));
        status.is_some_and(|status| status.phase == DevicePhase::Active) && seen < Some(since)
    };
    Ok(all
        .iter()
        .filter(belongs)
        .map(kube::ResourceExt::name_any)
        .collect())
}

async fn read(client: &Client, which: Which) -> anyhow::Result<(Secret, Data)> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let name = which.names().0;
    let secret = secrets.get_opt(name).await.context("read the authority")?;
    let mut secret = secret.with_context(|| {
        format!("there is no `{name}` yet: the registrar makes it when it starts")
    })?;
    let data = secret.data.take().unwrap_or_default();
    let data = data
        .into_iter()
        .map(|(key, value)| (key, value.0))
        .collect();
    Ok((secret, data))
}

/// Fails when somebody else has written since.
async fn write(client: &Client, mut secret: Secret, data: Data) -> anyhow::Result<()> {
    let data = data
        .into_iter()
        .map(|(key, value)| (key, ByteString(value)));
    secret.data = Some(data.collect());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let name = secret.name_any();
    let how = PostParams::default();
    secrets
        .replace(&name, &how, &secret)
        .await
        .context("write the authority")?;
    Ok(())
}
