//! An authority as a registrar has it: its certificate, one for TLS and one for signing. The tests of the device use it too.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, date_time_ymd,
};
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::identity::{ForCertificates, Key, Signer};

pub(crate) fn key() -> Key {
    Key::from_pkcs8(&Key::generate().unwrap()).unwrap()
}

pub(crate) struct Authority {
    key: Key,
    pub(crate) certificate: Vec<u8>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = key();
        let certificate = params().self_signed(&ForCertificates(&key)).unwrap();
        let certificate = certificate.der().to_vec();
        Self { key, certificate }
    }

    pub(crate) fn pin(&self) -> Fingerprint {
        self.key.public().fingerprint()
    }

    /// A certificate that is valid in these years, and its chain.
    pub(crate) fn issue(
        &self,
        key: &Key,
        usage: ExtendedKeyUsagePurpose,
        years: (i32, i32),
    ) -> Vec<Vec<u8>> {
        let mut leaf = CertificateParams::new(crate::NAMES.map(str::to_owned).to_vec()).unwrap();
        leaf.not_before = date_time_ymd(years.0, 1, 1);
        leaf.not_after = date_time_ymd(years.1, 1, 1);
        leaf.extended_key_usages = vec![usage];
        let ours = params();
        let issuer = Issuer::from_params(&ours, ForCertificates(&self.key));
        let certificate = leaf.signed_by(&ForCertificates(key), &issuer).unwrap();
        vec![certificate.der().to_vec(), self.certificate.clone()]
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "Vigla service CA");
    params
}
