//! Certificates with which devices log in at the MQTT broker, and the list of those that are taken back.
//!
//! The serial number of a certificate is made of the device's key and the generation of its grant. So the
//! list of what is taken back is made of the devices alone, and nothing has to be remembered.

use rcgen::{
    CertificateRevocationListParams, ExtendedKeyUsagePurpose, Issuer, KeyIdMethod, KeyPair,
    RevocationReason, RevokedCertParams, SerialNumber, SubjectPublicKeyInfo,
};
use ring::digest::{Context, SHA256};
use vigla_fleet::crd::Device;
use vigla_fleet::grant::Mqtt;
use vigla_fleet::identity::PublicKey;

use super::{Data, NEXT, NOW, OLD, bare, coat, issuer, leaf, sign};
use vigla_fleet::authority::{BROKER as SECRET, BROKER_NAME};

/// How long a certificate is good. A device that was off for longer enrols again with its key.
const DAYS: u64 = 365;
/// A list says when the next one comes: long after it does.
const LIST_DAYS: u64 = 7;

/// Signs for the broker.
pub(crate) struct Broker {
    issuer: Issuer<'static, KeyPair>,
    /// The one before, while what it signed is still good.
    old: Option<Issuer<'static, KeyPair>>,
    /// All that are to be believed, the one that signs first.
    ca: String,
    endpoint: String,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Broker({})", self.endpoint)
    }
}

impl Broker {
    pub(crate) const SECRET: &str = SECRET;
    pub(crate) const NAME: &str = BROKER_NAME;

    pub(crate) fn open(data: &Data, endpoint: &str) -> anyhow::Result<Self> {
        let part = |name: &str| {
            let pem = data.get(name).map_or(&[][..], Vec::as_slice);
            bare(pem).map_err(|error| error.context(format!("read `{name}` of `{SECRET}`")))
        };
        let mut ca = coat("CERTIFICATE", &part(NOW[0])?);
        for name in [NEXT[0], OLD[0]] {
            if data.contains_key(name) {
                ca += &coat("CERTIFICATE", &part(name)?);
            }
        }
        let old = data
            .contains_key(OLD[1])
            .then(|| part(OLD[1]))
            .transpose()?;
        let old = old.map(|key| issuer(&part(OLD[0])?, &key)).transpose()?;
        Ok(Self {
            issuer: issuer(&part(NOW[0])?, &part(NOW[1])?)?,
            old,
            ca,
            endpoint: endpoint.to_owned(),
        })
    }

    /// Whom a broker is to believe, in PEM.
    pub(crate) fn bundle(&self) -> &str {
        &self.ca
    }

    /// What a device gets: a certificate under the name of its node for the second of its keys; the first is
    /// the one that it is known by.
    pub(crate) fn grant(
        &self,
        node: &str,
        (device, key): (&PublicKey, &PublicKey),
        generation: i64,
        now: u64,
    ) -> anyhow::Result<Mqtt> {
        let mut params = leaf(node, now, DAYS);
        params.serial_number = Some(serial(&device.fingerprint().to_string(), generation));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let public = SubjectPublicKeyInfo::from_der(key.spki())?;
        Ok(Mqtt {
            endpoint: self.endpoint.clone(),
            chain: coat("CERTIFICATE", &sign(&params, &public, &self.issuer)?),
            ca: self.ca.clone(),
        })
    }

    /// The list of what is taken back, in PEM, one of each authority that is believed: all that devices had which may have nothing, and what came
    /// before the newest grant of the others is left to its end.
    pub(crate) fn list(&self, devices: &[Device], now: u64) -> anyhow::Result<String> {
        let at = |seconds: u64| {
            rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
        };
        let none = |device: &&Device| device.spec.suspended || device.spec.forgotten;
        let revoked = devices.iter().filter(none).flat_map(|device| {
            let newest = device.status.as_ref().map_or(0, |status| status.generation);
            (1..=newest).map(|generation| RevokedCertParams {
                serial_number: serial(&device.spec.key_sha256, generation),
                revocation_time: at(now),
                reason_code: Some(RevocationReason::CessationOfOperation),
                invalidity_date: None,
            })
        });
        let list = CertificateRevocationListParams {
            this_update: at(now),
            next_update: at(now + LIST_DAYS * 24 * 3600),
            crl_number: SerialNumber::from(now),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let mut text = String::new();
        for issuer in [Some(&self.issuer), self.old.as_ref()]
            .into_iter()
            .flatten()
        {
            text += &coat("X509 CRL", list.signed_by(issuer)?.der());
        }
        Ok(text)
    }
}

/// 16 bytes of a digest, and positive.
fn serial(key: &str, generation: i64) -> SerialNumber {
    let mut digest = Context::new(&SHA256);
    digest.update(b"vigla mqtt serial v1");
    digest.update(key.as_bytes());
    digest.update(&generation.to_be_bytes());
    let mut bytes = digest.finish().as_ref()[..16].to_vec();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from(bytes)
}
