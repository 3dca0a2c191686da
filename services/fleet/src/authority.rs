//! The authorities of a registrar, as the Secrets that hold them: how one is made, and how it is changed for another
//! while devices are out there that know only the one before.
//!
//! ```text
//!             now        next       old
//!  first      ca.*
//!  prepare    ca.*       next.*              who asks is told both
//!  switch     ca.*                  old.*    the new one signs; both are believed
//!  finish     ca.*                           the old one is believed no more
//! ```

use std::collections::BTreeMap;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use zeroize::Zeroizing;

use crate::fingerprint::Fingerprint;

/// The Secret of the authority that devices pin.
pub const REGISTRAR: &str = "registrar-ca";
/// The Secret of the authority that lets devices in at the broker.
pub const BROKER: &str = "registrar-mqtt-ca";
/// The name of the first in its certificates.
pub const REGISTRAR_NAME: &str = "vigla registrar";
/// The name of the second.
pub const BROKER_NAME: &str = "vigla mqtt";
/// What signs now: certificate and key, in PEM.
pub const NOW: [&str; 2] = ["ca.crt", "ca.key"];
/// What will.
pub const NEXT: [&str; 2] = ["next.crt", "next.key"];
/// What did. Its key is kept only where lists of what is revoked are still to be signed with it.
pub const OLD: [&str; 2] = ["old.crt", "old.key"];

/// What such a Secret holds.
pub type Data = BTreeMap<String, Vec<u8>>;

/// Why an authority cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// There is a next one, or an old one.
    #[error("it is being changed already: `switch` or `finish` comes first")]
    UnderWay,
    /// There is no next one.
    #[error("there is no next one yet: `prepare` comes first")]
    Unprepared,
    /// There is no old one.
    #[error("there is no old one to be finished")]
    NothingOld,
    /// The Secret is not whole.
    #[error("the Secret holds no authority")]
    Damaged,
}

/// A new authority: certificate and key (PKCS 8), in DER. Its name ends with eight digits of its key's fingerprint, so
/// that two are told apart by their names.
///
/// # Errors
///
/// The system has no randomness.
pub fn new(name: &str) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let print = Fingerprint::of_spki(&key.subject_public_key_info()).to_string();
    let name = format!("{name} {}", print.get(..8).unwrap_or_default());
    let certificate = params(&name).self_signed(&key)?;
    let der = certificate.der().to_vec();
    Ok((der, Zeroizing::new(key.serialize_der())))
}

/// What the certificate of an authority says.
#[must_use]
pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // Its time is over when the operator says so: devices have no clock to trust.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    params
}

/// Puts a next one beside: certificate and key, in PEM.
///
/// # Errors
///
/// It is being changed already.
pub fn prepare(data: &mut Data, next: [Vec<u8>; 2]) -> Result<(), Unready> {
    whole(data)?;
    if data.contains_key(NEXT[0]) || data.contains_key(OLD[0]) {
        return Err(Unready::UnderWay);
    }
    data.extend(NEXT.map(ToOwned::to_owned).into_iter().zip(next));
    Ok(())
}

/// The next one signs from now on. `signs_lists`: the old one has lists to sign until it is finished.
///
/// # Errors
///
/// There is no next one.
pub fn switch(data: &mut Data, signs_lists: bool) -> Result<(), Unready> {
    whole(data)?;
    let [Some(certificate), Some(key)] = NEXT.map(|name| data.remove(name)) else {
        return Err(Unready::Unprepared);
    };
    let before = NOW.map(|name| data.remove(name).unwrap_or_default());
    let [old, old_key] = before;
    data.insert(OLD[0].to_owned(), old);
    if signs_lists {
        data.insert(OLD[1].to_owned(), old_key);
    }
    data.insert(NOW[0].to_owned(), certificate);
    data.insert(NOW[1].to_owned(), key);
    Ok(())
}

/// The old one is believed no more.
///
/// # Errors
///
/// There is no old one.
pub fn finish(data: &mut Data) -> Result<(), Unready> {
    whole(data)?;
    let [old, _] = OLD.map(|name| data.remove(name));
    old.map(drop).ok_or(Unready::NothingOld)
}

fn whole(data: &Data) -> Result<(), Unready> {
    let there = NOW.iter().all(|name| data.contains_key(*name));
    there.then_some(()).ok_or(Unready::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str) -> [Vec<u8>; 2] {
        [format!("{text} certificate"), format!("{text} key")].map(String::into_bytes)
    }

    #[test]
    fn two_overlap_and_none_is_lost() {
        let mut data = Data::new();
        assert_eq!(prepare(&mut data, part("b")), Err(Unready::Damaged));
        data.extend(NOW.map(ToOwned::to_owned).into_iter().zip(part("a")));
        assert_eq!(switch(&mut data, false), Err(Unready::Unprepared));
        assert_eq!(finish(&mut data), Err(Unready::NothingOld));
        prepare(&mut data, part("b")).unwrap();
        assert_eq!(prepare(&mut data, part("c")), Err(Unready::UnderWay));
        assert_eq!(data[NOW[0]], b"a certificate");
        let mut broker = data.clone();
        switch(&mut data, false).unwrap();
        assert_eq!(data[NOW[1]], b"b key");
        assert_eq!(data[OLD[0]], b"a certificate");
        assert!(!data.contains_key(OLD[1]), "what signs no more is not kept");
        assert_eq!(prepare(&mut data, part("c")), Err(Unready::UnderWay));
        finish(&mut data).unwrap();
        assert_eq!(data.len(), 2);
        switch(&mut broker, true).unwrap();
        assert_eq!(broker[OLD[1]], b"a key");
    }
}
