//! Bytes that are not HTTP, or HTTP that is not ours: an answer or an end, and the gateway lives.

use proptest::{prelude::*, test_runner::TestRunner};

use crate::{client, pictures::small_jpeg, stage::Stage};

#[test]
fn names_of_others_are_refused() {
    let stage = Stage::set();
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "192.0.2.1",
    ] {
        let request = format!("GET /api/v1/state HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = client::raw(stage.port, request.as_bytes()).unwrap();
        assert_eq!(answer.status, 421, "{host}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn what_is_not_served_is_a_problem_document() {
    let stage = Stage::set();
    for (request, status) in [
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (
            "GET /assets/../Cargo.toml HTTP/1.1\r\nHost: localhost\r\n\r\n",
            404,
        ),
        (
            "GET /assets/%2e%2e%2fCargo.toml HTTP/1.1\r\nHost: localhost\r\n\r\n",
            404,
        ),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
            405,
        ),
        (
            "DELETE /api/v1/state HTTP/1.1\r\nHost: localhost\r\n\r\n",
            405,
        ),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello",
            413,
        ),
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
            413,
        ),
        (
            "GET /?action=dance HTTP/1.1\r\nHost: localhost\r\n\r\n",
            400,
        ),
        (
            "GET /api/v1/events?limit=0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            400,
        ),
        (
            "GET /api/v1/events?after=x HTTP/1.1\r\nHost: localhost\r\n\r\n",
            400,
        ),
        (
            "GET /api/v1/history?minutes=99999 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            400,
        ),
        (
            "GET /api/v1/events/x/picture HTTP/1.1\r\nHost: localhost\r\n\r\n",
            404,
        ),
        (
            "GET /api/v1/cameras/%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
            404,
        ),
    ] {
        let answer = client::raw(stage.port, request.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.json()["status"], status, "{request}");
        assert!(answer.header("content-security-policy").is_some());
    }
}

/// Pieces of requests, in any order, with any bytes between.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"GET /api/v1/events?after=".to_vec()),
        Just(b" HTTP/1.0\r\n".to_vec()),
        Just(b"Host: localhost\r\n".to_vec()),
        Just(b"Content-Length: 18446744073709551616\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Last-Event-ID: \xff\r\n".to_vec()),
        Just(b"If-None-Match: \"\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        "[ -~]{0,30}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn malformed_requests_do_no_harm() {
    let mut stage = Stage::with(&small_jpeg(), "[limits]\nheader_timeout = \"100ms\"");
    let port = stage.port;
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&request(), |bytes| {
        use std::io::{Read, Write};
        let mut stream = client::connect(port).unwrap();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = [0; 1024];
        let _ = stream.read(&mut answer);
        Ok(())
    });
    result.unwrap();
    assert_eq!(stage.get("/healthz").status, 200);
    assert!(stage.gateway.as_mut().unwrap().child().ended().is_none());
    assert!(!stage.log().contains("panicked"), "{}", stage.log());
}

/// Whole requests of the corpus, damaged: with cookies, forms, tokens and queries.
#[test]
fn damaged_requests_do_no_harm() {
    let mut stage = Stage::with(&small_jpeg(), "[limits]\nheader_timeout = \"100ms\"");
    let port = stage.port;
    vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "request", |bytes| {
        use std::io::{Read, Write};
        let mut stream = client::connect(port).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0; 1024]);
    });
    assert_eq!(stage.get("/healthz").status, 200);
    assert!(stage.gateway.as_mut().unwrap().child().ended().is_none());
    assert!(!stage.log().contains("panicked"), "{}", stage.log());
}
