//! The cluster's own authority and what it signs.

use std::path::Path;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Everything that its certificates and keys are good for lies in between.
const FROM_TO: [(i32, u8, u8); 2] = [(2020, 1, 1), (2049, 12, 31)];

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key, PKCS 8.
    pub key: String,
}

impl Identity {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            certificate: pem("CERTIFICATE", certificate.der().to_vec()),
            key: pem("PRIVATE KEY", key.serialize_der()),
        }
    }
}

/// DER in its coat.
pub(crate) fn pem(label: &str, der: Vec<u8>) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

/// The authority.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) identity: Identity,
}

impl Authority {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let key = KeyPair::generate().context("make the authority's key")?;
        let mut params = params("vigla-test-ca", None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let certificate = params.self_signed(&key).context("sign the authority")?;
        let identity = Identity::new(&certificate, &key);
        let issuer = Issuer::new(params, key);
        Ok(Self { issuer, identity })
    }

    /// A server at loopback and in the cluster.
    pub(crate) fn server(&self) -> anyhow::Result<Identity> {
        let mut params = params("kube-apiserver", None);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let names = [
            "localhost",
            "kubernetes.default.svc",
            "127.0.0.1",
            "10.43.0.1",
        ];
        for name in names {
            let name = match name.parse() {
                Ok(address) => rcgen::SanType::IpAddress(address),
                Err(_) => rcgen::SanType::DnsName(name.try_into()?),
            };
            params.subject_alt_names.push(name);
        }
        self.sign(params)
    }

    /// A client: the name is its user, the organisation its group.
    pub(crate) fn client(&self, user: &str, group: Option<&str>) -> anyhow::Result<Identity> {
        let mut params = params(user, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    /// For the key of a request (DER), and with nothing else of it: PEM.
    pub(crate) fn sign_request(
        &self,
        der: &[u8],
        (user, group): (&str, Option<&str>),
        names: &[&str],
    ) -> anyhow::Result<String> {
        let der = rustls::pki_types::CertificateSigningRequestDer::from(der);
        let request = rcgen::CertificateSigningRequestParams::from_der(&der)
            .context("read the request for a certificate")?;
        let mut params = params(user, group);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![if names.is_empty() {
            ExtendedKeyUsagePurpose::ClientAuth
        } else {
            ExtendedKeyUsagePurpose::ServerAuth
        }];
        for name in names {
            params
                .subject_alt_names
                .push(rcgen::SanType::DnsName((*name).try_into()?));
        }
        let certificate = params
            .signed_by(&request.public_key, &self.issuer)
            .context("sign a certificate")?;
        Ok(pem("CERTIFICATE", certificate.der().to_vec()))
    }

    fn sign(&self, mut params: CertificateParams) -> anyhow::Result<Identity> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().context("make a key")?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .context("sign a certificate")?;
        Ok(Identity::new(&certificate, &key))
    }
}

fn params(name: &str, organisation: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, name.to_owned());
    if let Some(organisation) = organisation {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation.to_owned());
    }
    let [(y, m, d), (to_y, to_m, to_d)] = FROM_TO;
    params.not_before = rcgen::date_time_ymd(y, m, d);
    params.not_after = rcgen::date_time_ymd(to_y, to_m, to_d);
    params
}

/// A kubeconfig that points at files.
pub(crate) fn kubeconfig(url: &str, ca: &Path, certificate: &Path, key: &Path) -> String {
    let (ca, certificate, key) = (ca.display(), certificate.display(), key.display());
    format!(
        "apiVersion: v1\nkind: Config\n\
         clusters: [{{name: vigla, cluster: {{server: \"{url}\", certificate-authority: \"{ca}\"}}}}]\n\
         users: [{{name: me, user: {{client-certificate: \"{certificate}\", client-key: \"{key}\"}}}}]\n\
         contexts: [{{name: vigla, context: {{cluster: vigla, user: me}}}}]\n\
         current-context: vigla\n"
    )
}
