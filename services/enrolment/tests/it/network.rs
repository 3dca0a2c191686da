//! Networks as installers meet them, each in a namespace with a loopback only: what is in the way is named by the
//! checks, in order, and the node gets in once it is gone.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};

use vigla_bus::enrolment::Check;
use vigla_testkit::with_network;

use crate::double::Double;
use crate::life::{connect, proxy, start, start_with, wait};
use crate::node::block_on;

const NAME: &str = "enrol.example";
const PORTAL: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const REGISTRAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

fn run(line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let status = Command::new(words[0]).args(&words[1..]).status();
    assert!(status.unwrap().success(), "{line}");
}

fn address(address: Ipv4Addr) {
    run(&format!("ip address add {address}/32 dev lo"));
}

/// The loopback, and a name server that gives the same answer to every question; none: it is dead.
fn network() -> Arc<Mutex<Option<Ipv4Addr>>> {
    run("ip link set lo up");
    let folder = tempfile::tempdir().unwrap().keep();
    for (name, text) in [
        (
            "resolv.conf",
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        ),
        ("nsswitch.conf", "hosts: files dns\n"),
    ] {
        let file = folder.join(name);
        vigla_kit::atomic::write(&file, text.as_bytes()).unwrap();
        run(&format!("chmod 644 {}", file.display()));
        run(&format!("mount --bind {} /etc/{name}", file.display()));
    }
    let says = Arc::new(Mutex::new(None));
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let told = says.clone();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let now: Option<Ipv4Addr> = *told.lock().unwrap();
            if let Some(answer) = now {
                let _ = socket.send_to(&answered(&question[..length], answer), from);
            }
        }
    });
    says
}

/// The question with one address, when it asks for such; else with none.
fn answered(question: &[u8], address: Ipv4Addr) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
    let wants_v4 = question[end - 4..end - 2] == [0, 1];
    let mut answer = question[..end].to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..12].copy_from_slice(&[0, u8::from(wants_v4), 0, 0, 0, 0]);
    if wants_v4 {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(address.octets());
    }
    answer
}

/// Answers every connection with this, after the other has said something.
fn talk(at: SocketAddr, answer: &'static str) {
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
}

fn card(registrar: &Double) -> String {
    let mut card = registrar.invitation();
    NAME.clone_into(&mut card.endpoint.host);
    card.addresses.clear();
    card.write().to_string()
}

/// The check that fails first, with what follows it.
fn first(checks: &[Check]) -> (&str, &str) {
    let failed = checks.iter().find(|check| check.result == "failed");
    failed.map_or(("", ""), |check| (&check.name, &check.detail))
}

fn after<'c>(checks: &'c [Check], name: &str) -> Vec<&'c str> {
    let at = checks.iter().position(|check| check.name == name).unwrap();
    let rest = checks[at + 1..].iter();
    rest.map(|check| check.result.as_str()).collect()
}

#[test]
fn a_portal_that_catches_every_name() {
    with_network(|| {
        let says = network();
        address(PORTAL);
        address(REGISTRAR);
        let registrar = Double::start();
        let there = "HTTP/1.1 302 Found\r\nLocation: http://portal.hotel/login\r\nContent-Length: 0\r\n\r\n";
        talk((PORTAL, 80).into(), there);
        // The port of the registrar belongs to the double, on every address but where the portal sits before it.
        talk((PORTAL, 8443).into(), "HTTP/1.1 400 Bad Request\r\n\r\n");
        let mut invitation = registrar.invitation();
        NAME.clone_into(&mut invitation.endpoint.host);
        invitation.endpoint.port = 8443;
        invitation.addresses.clear();
        forward((REGISTRAR, 8443).into(), registrar.address);
        *says.lock().unwrap() = Some(PORTAL);
        let rig = vigla_testkit::peers::rig().unwrap();
        let daemon = start(&rig, &invitation.write());
        block_on(async {
            let bus = connect(&rig).await;
            wait(&bus, "key-ready", &daemon).await;
            let checks = proxy(&bus).await.diagnose().await.unwrap();
            let (name, what) = first(&checks);
            assert_eq!(name, "tls", "{checks:?}");
            assert!(what.contains("log-in page of this network"), "{checks:?}");
            assert_eq!(checks[1].detail, "10.9.0.1:8443", "{checks:?}");
            assert_eq!(after(&checks, "tls"), ["skipped", "unknown", "unknown"]);
            // Somebody has logged in.
            *says.lock().unwrap() = Some(REGISTRAR);
            wait(&bus, "confirmed", &daemon).await;
            assert_eq!(
                first(&proxy(&bus).await.diagnose().await.unwrap()),
                ("", "")
            );
        });
    });
}

/// Passes connections on, both ways.
fn forward(at: SocketAddr, to: SocketAddr) {
    let listener = TcpListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            join(stream.unwrap(), TcpStream::connect(to).unwrap());
        }
    });
}

fn join(one: TcpStream, two: TcpStream) {
    for (mut from, mut to) in [
        (one.try_clone().unwrap(), two.try_clone().unwrap()),
        (two, one),
    ] {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

#[test]
fn a_dead_name_server_and_then_no_route() {
    with_network(|| {
        let says = network();
        let registrar = Double::start();
        let rig = vigla_testkit::peers::rig().unwrap();
        let daemon = start(&rig, &card(&registrar));
        block_on(async {
            let bus = connect(&rig).await;
            let checks = proxy(&bus).await.diagnose().await.unwrap();
            assert_eq!(first(&checks).0, "dns", "{checks:?}");
            assert_eq!(after(&checks, "dns")[0], "skipped", "{checks:?}");
            // The name is known now, and there is no way to its address.
            *says.lock().unwrap() = Some(REGISTRAR);
            let checks = proxy(&bus).await.diagnose().await.unwrap();
            assert_eq!(first(&checks).0, "tcp", "{checks:?}");
            let rest = ["skipped", "ok", "skipped", "skipped", "unknown", "unknown"];
            assert_eq!(after(&checks, "tcp"), rest, "{checks:?}");
            address(REGISTRAR);
            wait(&bus, "confirmed", &daemon).await;
        });
    });
}

/// A proxy that lets nobody through, until it does.
fn strict_proxy(open: Arc<Mutex<bool>>, to: SocketAddr) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap_or(0);
            let asked = String::from_utf8_lossy(&asked[..length]);
            if *open.lock().unwrap() && asked.starts_with(&format!("CONNECT {NAME}:")) {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                join(stream, TcpStream::connect(to).unwrap());
            } else {
                let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
            }
        }
    });
    port
}

#[test]
fn only_a_proxy_that_lets_nobody_through() {
    with_network(|| {
        // No name is known here: the proxy looks it up.
        network();
        let registrar = Double::start();
        let open = Arc::new(Mutex::new(false));
        let port = strict_proxy(open.clone(), registrar.address);
        let rig = vigla_testkit::peers::rig().unwrap();
        let way = format!("http://127.0.0.1:{port}");
        let daemon = start_with(&rig, &card(&registrar), &[("https_proxy", &way)]);
        block_on(async {
            let bus = connect(&rig).await;
            let checks = proxy(&bus).await.diagnose().await.unwrap();
            assert_eq!(first(&checks).0, "proxy", "{checks:?}");
            let rest = ["ok", "skipped", "skipped", "unknown", "unknown"];
            assert_eq!(after(&checks, "proxy"), rest, "{checks:?}");
            *open.lock().unwrap() = true;
            wait(&bus, "confirmed", &daemon).await;
        });
    });
}

/// What a link lets through; false where this kernel cannot shape.
fn shape(rate: &str) -> bool {
    let line = format!("qdisc replace dev lo root tbf rate {rate} burst 1600 limit 30000");
    let done = Command::new("tc").args(line.split(' ')).status();
    done.is_ok_and(|status| status.success())
}

#[test]
fn a_link_that_stands_still_and_one_that_is_only_slow() {
    with_network(|| {
        let says = network();
        address(REGISTRAR);
        run("ip link set lo mtu 1500");
        if !shape("100bit") {
            vigla_testkit::skip("this kernel shapes no traffic (`tc qdisc ... tbf`)");
            return;
        }
        *says.lock().unwrap() = Some(REGISTRAR);
        let registrar = Double::start();
        let rig = vigla_testkit::peers::rig().unwrap();
        let daemon = start(&rig, &card(&registrar));
        block_on(async {
            let bus = connect(&rig).await;
            let checks = proxy(&bus).await.diagnose().await.unwrap();
            assert!(
                ["dns", "tcp", "tls"].contains(&first(&checks).0),
                "{checks:?}"
            );
            // A modem of long ago: it takes its time, and nothing is wrong.
            assert!(shape("28kbit"));
            wait(&bus, "confirmed", &daemon).await;
            assert_eq!(
                first(&proxy(&bus).await.diagnose().await.unwrap()),
                ("", "")
            );
        });
    });
}
