//! Both ends of a connection: whom the device trusts, and whom the registrar sees.

use std::io::{Read, Write};
use std::sync::Arc;

use rcgen::ExtendedKeyUsagePurpose::{CodeSigning, ServerAuth};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection};
use vigla_fleet::fingerprint::Fingerprint;
use vigla_fleet::identity::{Key, PublicKey, Signer};
use vigla_fleet::tls::{AnyDevice, Pinned, Seen, certified, device_of, provider};

use crate::authority::{Authority, key};

/// 2026-01-01 and 2027-01-01.
const Y2026: u64 = 1_767_225_600;
const Y2027: u64 = 1_798_761_600;

struct Server(Arc<ServerConfig>, Fingerprint);

fn server(ca: &Authority, years: (i32, i32), usage: rcgen::ExtendedKeyUsagePurpose) -> Server {
    let pkcs8 = Key::generate().unwrap();
    let key = Key::from_pkcs8(&pkcs8).unwrap();
    let chain = ca.issue(&key, usage, years).into_iter();
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(AnyDevice::verifier())
        .with_single_cert(
            chain.map(CertificateDer::from).collect(),
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.to_vec())),
        )
        .unwrap();
    Server(Arc::new(config), key.public().fingerprint())
}

/// Whom the two saw.
fn meet(
    server: &Server,
    pins: &[Fingerprint],
    floor: u64,
    name: &str,
    device: Option<Key>,
) -> Result<(Seen, Option<PublicKey>), rustls::Error> {
    let device = device.map(|key| certified(Arc::new(key)).unwrap());
    let config = Pinned::new(pins.to_vec(), floor).client(device).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut server = ServerConnection::new(server.0.clone()).unwrap();
    let mut there = Vec::new();
    let mut back = Vec::new();
    client.writer().write_all(b"hello").unwrap();
    for _ in 0..8 {
        client.write_tls(&mut there).unwrap();
        let _ = server.read_tls(&mut &there[..]).unwrap();
        there.clear();
        server.process_new_packets()?;
        server.write_tls(&mut back).unwrap();
        let _ = client.read_tls(&mut &back[..]).unwrap();
        back.clear();
        client.process_new_packets()?;
    }
    let mut heard = [0; 5];
    server.reader().read_exact(&mut heard).unwrap();
    let seen = Seen::of(client.peer_certificates().unwrap(), pins).unwrap();
    let device = server.peer_certificates().and_then(device_of);
    Ok((seen, device))
}

#[test]
fn the_device_sees_the_server_key_and_the_registrar_that_of_the_device() {
    let ca = Authority::new();
    let server = server(&ca, (2026, 2027), ServerAuth);
    let device = key();
    let public = device.public().clone();
    let (seen, shown) = meet(&server, &[ca.pin()], Y2026, "enrol.example", Some(device)).unwrap();
    assert_eq!(seen.server, server.1);
    assert_eq!(shown, Some(public));
    let (_, nobody) = meet(&server, &[ca.pin()], Y2026, "enrol.example", None).unwrap();
    assert_eq!(nobody, None);
}

#[test]
fn whatever_the_clock_shows_validity_is_judged_from_the_floor() {
    let ca = Authority::new();
    let meets = |years, floor| {
        let server = server(&ca, years, ServerAuth);
        meet(&server, &[ca.pin()], floor, "enrol.example", None)
    };
    // Not valid before 2026: a device whose image is older takes it, and asks what time it is.
    let (seen, _) = meets((2026, 2027), 0).unwrap();
    assert!(seen.was_valid_at(Y2026) && seen.was_valid_at(Y2027));
    assert!(!seen.was_valid_at(Y2026 - 1) && !seen.was_valid_at(Y2027 + 1));
    assert!(meets((2026, 2027), Y2027).is_ok());
    assert!(meets((2026, 2027), Y2027 + 1).is_err());
    assert!(meets((2000, 2001), Y2026).is_err());
}

#[test]
fn nobody_else_is_trusted() {
    let (ca, stranger) = (Authority::new(), Authority::new());
    let good = server(&ca, (2026, 2027), ServerAuth);
    let foreign = server(&stranger, (2026, 2027), ServerAuth);
    let signer = server(&ca, (2026, 2027), CodeSigning);
    let pins = [ca.pin()];
    assert!(meet(&good, &pins, Y2026, "enrol.example", None).is_ok());
    assert!(meet(&good, &pins, Y2026, "other.example", None).is_err());
    assert!(meet(&foreign, &pins, Y2026, "enrol.example", None).is_err());
    assert!(meet(&signer, &pins, Y2026, "enrol.example", None).is_err());
    assert!(meet(&good, &[], Y2026, "enrol.example", None).is_err());
    // While the authority changes, both are pinned.
    let both = [ca.pin(), stranger.pin()];
    for server in [&good, &foreign] {
        assert!(meet(server, &both, Y2026, "enrol.example", None).is_ok());
    }
}
