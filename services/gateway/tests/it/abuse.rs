//! HTTP that is legal, or nearly, and not kind: methods and headers that nothing here has a use
//! for, many requests at once, and clients that take a byte at a time.

use std::{
    io::{Read, Write},
    net::Shutdown,
};

use vigla_testkit::until;

use crate::{
    client::{self, Stream, connect},
    limits::resident_kb,
    pictures::{large_jpeg, small_jpeg},
    stage::{PATIENCE, Stage},
};

/// Every address of the description that is only read, with its holes filled.
fn addresses(stage: &Stage) -> Vec<String> {
    let openapi = stage.json("/openapi.json");
    let paths = openapi["paths"].as_object().unwrap();
    let fill = |path: &String| {
        let id = if path.contains("events") {
            "1"
        } else {
            "front"
        };
        let path = path.replace("{id}", id).replace("{number}", "1");
        path.replace("{name}", "style.css")
    };
    let read = paths
        .iter()
        .filter(|(_, methods)| methods["get"].is_object() && !methods["post"].is_object());
    read.map(|(path, _)| fill(path)).collect()
}

/// Everything that comes back for `bytes`, until the other side ends or our patience does.
fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_route_has_another_method_or_lets_another_origin_in() {
    let stage = Stage::set();
    for address in addresses(&stage) {
        for method in ["OPTIONS", "POST", "PUT", "PATCH", "TRACE", "BREW"] {
            for (from, status) in [("", 405), ("Origin: http://evil.example\r\n", 403)] {
                let request = format!(
                    "{method} {address} HTTP/1.1\r\nHost: localhost\r\n{from}\
                     Access-Control-Request-Method: GET\r\n\r\n"
                );
                let answer = client::raw(stage.port, request.as_bytes()).unwrap();
                assert_eq!(answer.status, status, "{method} {address}");
                let allowed = (status == 405).then_some("GET, HEAD");
                assert_eq!(answer.header("allow"), allowed);
                assert_eq!(answer.header("access-control-allow-origin"), None);
                assert_eq!(answer.header("access-control-allow-methods"), None);
            }
        }
        let foreign = client::ask(stage.port, &address, "Origin: http://evil.example\r\n");
        assert_eq!(foreign.unwrap().status, 403, "{address}");
        let embedded = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n";
        let embedded = client::ask(stage.port, &address, embedded).unwrap();
        assert_eq!(embedded.status, 403, "{address}");
    }
}

#[test]
fn ranges_and_upgrades_are_not_for_us() {
    let stage = Stage::set();
    for range in [
        "bytes=0-9",
        "bytes=-1",
        "bytes=5-1",
        "bytes=0-,0-,0-,0-",
        "x",
    ] {
        let answer = client::ask(stage.port, "/snapshot", &format!("Range: {range}\r\n"));
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.body), (200, small_jpeg()), "{range}");
    }
    let socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (upgrade, status) in [
        (format!("{socket}Origin: http://evil.example\r\n"), 403),
        (socket.to_owned(), 200),
        ("Upgrade: h2c\r\nConnection: Upgrade\r\n".to_owned(), 200),
    ] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n");
        let answer = client::raw(stage.port, request.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{upgrade}");
    }
}

#[test]
fn requests_in_a_row_are_answered_in_order() {
    let stage = Stage::set();
    let mut row = Vec::new();
    for n in 0..60 {
        let asked = if n % 2 == 0 { "/healthz" } else { "/nothing" };
        row.extend(format!("GET {asked} HTTP/1.1\r\nHost: localhost\r\n\r\n").bytes());
    }
    let answers = exchange(stage.port, &row);
    let statuses: Vec<_> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["200", "404"].repeat(30));
    // What follows a request for an endless answer waits for its end, and is not stored for ever.
    let mut stream = connect(stage.port).unwrap();
    stream
        .write_all(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    stream.set_nonblocking(true).unwrap();
    let more = [b'x'; 16 << 10];
    let mut taken = 0;
    until("nothing more is taken", PATIENCE, || {
        match stream.write(&more) {
            Ok(n) => taken += n,
            Err(_) => return Some(()),
        }
        (taken > 64 << 20).then_some(())
    })
    .unwrap();
    assert!(taken < 64 << 20, "{taken} bytes were taken");
}

#[test]
fn what_is_nearly_http_gets_an_answer_or_an_end() {
    let stage = Stage::set();
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "a: b\r\n".repeat(10_000)
    );
    let query = format!(
        "GET /stream?{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "fps=1&".repeat(10_000)
    );
    for (request, said) in [
        ("GET /\r\n", &["HTTP/1.1 400"][..]),
        ("GET /\r\n\r\n", &["HTTP/1.1 400"]),
        ("GET / HTTP/0.9\r\n\r\n", &["HTTP/1.1 400", "HTTP/1.1 505"]),
        ("GET / HTTP/3.0\r\n\r\n", &["HTTP/1.1 400", "HTTP/1.1 505"]),
        ("GET / HTTP/1.0\r\n\r\n", &["HTTP/1.0 200"]),
        (many.as_str(), &["HTTP/1.1 431"]),
        (query.as_str(), &["HTTP/1.1 414", "HTTP/1.1 431"]),
        (
            "GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &["HTTP/1.1 404"],
        ),
        (
            "GET /cameras/%/snapshot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &["HTTP/1.1 404"],
        ),
        (
            "GET /?action=%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &["HTTP/1.1 400"],
        ),
        (
            "GET /stream?fps=1&fps=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            &["HTTP/1.1 400"],
        ),
        (
            "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &["HTTP/1.1 400"],
        ),
    ] {
        let answer = exchange(stage.port, request.as_bytes());
        let line = answer.lines().next().unwrap_or_default();
        let start = &request[..request.len().min(60)];
        assert!(
            said.iter().any(|s| line.starts_with(s)),
            "{start:?}: {line:?}"
        );
    }
}

#[test]
fn who_ends_his_side_gets_his_answer_and_no_stream_for_ever() {
    let mut stage = Stage::set();
    let port = stage.port;
    let asks = |version: &str| {
        let request = format!("GET / HTTP/{version}\r\nHost: localhost\r\n\r\n");
        for _ in 0..200 {
            let answer = exchange(port, request.as_bytes());
            let whole = answer.contains(" 200 OK\r\n") && answer.ends_with("</html>\n");
            assert!(whole, "HTTP/{version}: {answer:?}");
        }
    };
    std::thread::scope(|scope| {
        for version in ["1.0", "1.1", "1.0", "1.1"] {
            scope.spawn(move || asks(version));
        }
    });
    // Nothing is written to him any more, so only his end says that he has gone.
    let mut stream = Stream::open(stage.port, "/stream");
    stream.part().unwrap();
    stage.take_camera();
    stream.finish();
    until("the stream is over", PATIENCE, || {
        let page = client::get(stage.port, "/metrics").ok()?.text();
        page.contains("vigla_gateway_streams{kind=\"mjpeg\"} 0")
            .then_some(())
    })
    .unwrap();
}

#[test]
fn two_hundred_streams_are_served_or_refused_and_all_end() {
    let mut stage = Stage::set();
    let mut crowd: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = connect(stage.port).unwrap();
            let _ = stream.write_all(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
            stream
        })
        .collect();
    let mut served = 0;
    for stream in &mut crowd {
        let mut line = [0; 12];
        match stream.read_exact(&mut line) {
            Ok(()) if &line == b"HTTP/1.1 200" => served += 1,
            Ok(()) => assert_eq!(&line, b"HTTP/1.1 429"),
            // Beyond those that are told, a connection is just closed.
            Err(_) => {}
        }
    }
    assert_eq!(served, 128, "as many as one address may have");
    drop(crowd);
    until("all of them are gone", PATIENCE, || {
        let page = client::get(stage.port, "/metrics").ok()?.text();
        page.contains("vigla_gateway_streams{kind=\"mjpeg\"} 0")
            .then_some(())
    })
    .unwrap();
    assert!(stage.gateway.as_mut().unwrap().child().ended().is_none());
}

#[test]
fn clients_that_take_a_byte_at_a_time_cost_no_more_with_time() {
    let mut stage = Stage::with(&large_jpeg(), "");
    let pid = stage.gateway.as_mut().unwrap().child().pid();
    let mut quick = Stream::open(stage.port, "/stream");
    let mut slow: Vec<_> = (0..10)
        .map(|_| {
            let mut stream = connect(stage.port).unwrap();
            stream
                .write_all(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap();
            stream
        })
        .collect();
    let mut trickle = |parts: u32| {
        for _ in 0..parts {
            quick.part().unwrap();
            for stream in &mut slow {
                stream.read_exact(&mut [0]).unwrap();
            }
        }
    };
    trickle(40);
    let before = resident_kb(pid);
    trickle(160);
    let after = resident_kb(pid);
    // One picture for each may come and go; 160 pictures of 300 kB passed by.
    assert!(after < before + 10 * 600, "{before} kB, then {after} kB");
}
