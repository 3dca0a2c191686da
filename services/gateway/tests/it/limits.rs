//! Clients that want too much.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use vigla_testkit::until;

use crate::{
    client::{self, Stream, connect},
    pictures::{large_jpeg, small_jpeg},
    stage::{PATIENCE, Stage},
};

fn ends(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // An orderly end or a reset, but within the deadline of the socket.
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_head_that_comes_slowly_or_never_ends_its_connection() {
    let stage = Stage::with(&small_jpeg(), "[limits]\nheader_timeout = \"500ms\"");
    let mut loris = connect(stage.port).unwrap();
    loris.write_all(b"GET / HTTP/1.1\r\nHost: local").unwrap();
    let silent = connect(stage.port).unwrap();
    let mut idle = connect(stage.port).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    for stream in [loris, silent, idle] {
        ends(stream);
    }
    assert_eq!(stage.get("/healthz").status, 200);
}

#[test]
fn a_head_without_end_is_refused() {
    let stage = Stage::set();
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "a".repeat(64 << 10)
    );
    assert_eq!(
        client::raw(stage.port, long.as_bytes()).unwrap().status,
        431
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "X: y\r\n".repeat(200)
    );
    assert_eq!(
        client::raw(stage.port, many.as_bytes()).unwrap().status,
        431
    );
    let path = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "a".repeat(4000)
    );
    assert_eq!(
        client::raw(stage.port, path.as_bytes()).unwrap().status,
        414
    );
}

#[test]
fn five_hundred_connections_do_no_harm() {
    let stage = Stage::with(
        &small_jpeg(),
        "[limits]\nconnections = 64\nconnections_per_address = 48\nheader_timeout = \"60s\"",
    );
    let mut updates = Stream::open(stage.port, "/api/v1/updates");
    let crowd: Vec<_> = (0..500).filter_map(|_| connect(stage.port).ok()).collect();
    // Whoever asks for something gets a seat of those that do not.
    assert_eq!(stage.get("/healthz").status, 200);
    // Who was there first is served as before.
    while updates.event().unwrap().0 != "counts" {}
    drop(crowd);
    // When all are used, one too many is told so.
    let mut used = Vec::new();
    until("one too many is told so", PATIENCE, || {
        let answer = client::get(stage.port, "/healthz").ok()?;
        if answer.status == 200 {
            used.push(Stream::open(stage.port, "/api/v1/updates"));
            return None;
        }
        (answer.status == 429).then(|| assert!(answer.json()["detail"].is_string()))
    })
    .unwrap();
    assert_eq!(used.len(), 47);
    drop(used);
    until("there is room again", PATIENCE, || {
        (client::get(stage.port, "/healthz").ok()?.status == 200).then_some(())
    })
    .unwrap();
    let metrics = stage.get("/metrics").text();
    for reason in ["address", "idle"] {
        let series = format!("vigla_gateway_refused_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&series), "{reason}");
    }
}

#[test]
fn a_client_that_takes_nothing_is_dropped_and_costs_little() {
    let mut stage = Stage::with(&large_jpeg(), "[limits]\nwrite_stall = \"1s\"");
    let pid = stage.gateway.as_mut().unwrap().child().pid();
    let mut quick = Stream::open(stage.port, "/stream");
    quick.part().unwrap();
    let before = resident_kb(pid);
    let stuck: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = connect(stage.port).unwrap();
            stream
                .write_all(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap();
            stream
        })
        .collect();
    let dropped = || {
        let page = stage.get("/metrics").text();
        page.lines()
            .find_map(|line| line.strip_prefix("vigla_gateway_stalled_total "))
            .and_then(|n| n.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let mut most = 0;
    until("all are dropped", PATIENCE, || {
        quick.part().unwrap();
        most = most.max(resident_kb(pid));
        (dropped() >= 20).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", stage.log()));
    // One picture of some 300 kB for each, and a little.
    assert!(most < before + 20 * 600, "{before} kB, then {most} kB");
    drop(stuck);
}

/// What a process has in memory.
pub(crate) fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_fast_client_keeps_its_rate_beside_a_slow_one() {
    let stage = Stage::with(&large_jpeg(), "");
    let mut slow = Stream::open(stage.port, "/stream");
    slow.part().unwrap();
    let mut quick = Stream::open(stage.port, "/stream?fps=240");
    let first = quick.part().unwrap().frame();
    let mut seen = 0;
    let mut last = first;
    while last < first + 60 {
        last = quick.part().unwrap().frame();
        seen += 1;
    }
    assert!(seen >= 40, "{seen} of 60 frames");
}
