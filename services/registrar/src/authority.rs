//! The registrar's own authority: what devices pin, what signs grants, and what devices show to the broker.
//!
//! It is one Secret, `registrar-ca`, that every replica reads; keys of servers and signers live in memory
//! only, one pair per replica. While the authority is changed there are two: `next` is pinned by all that
//! ask in the meantime, and signs once the operator says so.

mod broker;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
pub(crate) use vigla_fleet::authority::{
    Data, NEXT, NOW, OLD, REGISTRAR as SECRET, REGISTRAR_NAME as NAME,
};
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::identity::Key;
use vigla_fleet::signed::{CannotSeal, Signable, Signed};
use zeroize::Zeroizing;

pub(crate) use broker::Broker;

/// Of what we make for ourselves; it is made anew at every start and every [`RENEW`].
const LEAF_DAYS: u64 = 90;
/// How often a replica makes itself new certificates.
pub(crate) const RENEW: Duration = Duration::from_hours(24);
const DAY: u64 = 24 * 3600;

/// A new authority: certificate and key, in PEM.
///
/// # Errors
///
/// The system has no randomness.
pub(crate) fn new(name: &str) -> anyhow::Result<[Zeroizing<String>; 2]> {
    let (certificate, key) = vigla_fleet::authority::new(name).context("make an authority")?;
    Ok([
        Zeroizing::new(coat("CERTIFICATE", &certificate)),
        Zeroizing::new(coat("PRIVATE KEY", &key)),
    ])
}

/// The pins that hold: of the authorities that sign now, will, or did.
///
/// # Errors
///
/// One of them is damaged.
pub(crate) fn pins(data: &Data) -> anyhow::Result<Vec<Fingerprint>> {
    let names = [NOW[0], NEXT[0], OLD[0]];
    let there = names
        .iter()
        .filter_map(|name| Some((name, data.get(*name)?)));
    there
        .map(|(name, pem)| {
            let der = bare(pem).with_context(|| format!("read `{name}` of `{SECRET}`"))?;
            Fingerprint::of_certificate(&der).with_context(|| format!("read the key of `{name}`"))
        })
        .collect()
}

/// What a replica serves and signs with.
pub(crate) struct Authority {
    chain: Vec<Vec<u8>>,
    signer: Key,
    /// Of the key that devices see in TLS.
    pub(crate) server: Fingerprint,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) pins: Vec<Fingerprint>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({:?})", self.pins)
    }
}

impl Authority {
    /// Makes keys and certificates for one replica; `now` in seconds since 1970.
    pub(crate) fn open(data: &Data, names: &[String], now: u64) -> anyhow::Result<Self> {
        let part = |name: &str| {
            let pem = data
                .get(name)
                .with_context(|| format!("`{SECRET}` has no `{name}`"))?;
            bare(pem).with_context(|| format!("read `{name}` of `{SECRET}`"))
        };
        let (certificate, key) = (part(NOW[0])?, Zeroizing::new(part(NOW[1])?));
        let issuer = issuer(&certificate, &key)?;
        let (server, tls) = serve(&issuer, &certificate, names, now)?;
        let signer = Key::generate()?;
        let mut params = leaf("vigla registrar: grants", now, LEAF_DAYS);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        let signing = sign(&params, &pair(&signer)?, &issuer)?;
        Ok(Self {
            chain: vec![signing, certificate],
            signer: Key::from_pkcs8(&signer)?,
            server,
            tls,
            pins: pins(data)?,
        })
    }

    pub(crate) fn seal<T: Signable>(&self, value: &T) -> Result<Signed<T>, CannotSeal> {
        Signed::seal(value, &self.signer, self.chain.clone())
    }
}

/// The TLS server of this replica, with a key of its own.
fn serve(
    issuer: &Issuer<'_, KeyPair>,
    authority: &[u8],
    names: &[String],
    now: u64,
) -> anyhow::Result<(Fingerprint, Arc<ServerConfig>)> {
    let mut params = leaf("vigla registrar", now, LEAF_DAYS);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for name in names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(
                name.as_str()
                    .try_into()
                    .with_context(|| format!("`{name}` is no name for a certificate"))?,
            ),
        });
    }
    let key = KeyPair::generate().context("make the server's key")?;
    let certificate = sign(&params, &key, issuer)?;
    let chain = vec![
        CertificateDer::from(certificate),
        CertificateDer::from(authority.to_vec()),
    ];
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(vigla_fleet::tls::provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(vigla_fleet::tls::AnyDevice::verifier())
        .with_single_cert(chain, private)?;
    let spki = key.subject_public_key_info();
    Ok((Fingerprint::of_spki(&spki), Arc::new(config)))
}

fn issuer(certificate: &[u8], key: &[u8]) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let certificate = CertificateDer::from(certificate);
    Issuer::from_ca_cert_der(&certificate, pair(key)?).context("read the authority")
}

fn pair(pkcs8: &[u8]) -> anyhow::Result<KeyPair> {
    let der = PrivatePkcs8KeyDer::from(pkcs8.to_vec());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ECDSA_P256_SHA256)
        .context("read a private key")
}

fn sign(
    params: &CertificateParams,
    key: &impl PublicKeyData,
    issuer: &Issuer<'_, KeyPair>,
) -> anyhow::Result<Vec<u8>> {
    let certificate = params
        .signed_by(key, issuer)
        .context("sign a certificate")?;
    Ok(certificate.der().to_vec())
}

/// From yesterday on, since clocks differ.
fn leaf(name: &str, now: u64, days: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let at = |seconds: u64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    params.not_before = at(now.saturating_sub(DAY));
    params.not_after = at(now + days * DAY);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn coat(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

fn bare(pem: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(pem::parse(pem).context("it is no PEM")?.into_contents())
}
