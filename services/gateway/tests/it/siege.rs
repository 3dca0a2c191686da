//! Who wants in without a password, or wants nobody to get in.

use std::{
    io::{Read, Write},
    net::Shutdown,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use vigla_testkit::until;

use crate::{
    client::{self, connect, connect_from},
    secure::{PASSWORD, Secure},
    stage::{PATIENCE, Stage},
};

#[test]
fn wrong_passwords_are_slower_and_slower() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    secure.set_up(&stage);
    let try_it = |password| {
        let form = format!("user=owner&password={password}");
        secure.post("/login", "", &form)
    };
    let statuses: Vec<_> = (0..8).map(|n| try_it(format!("wrong{n}")).status).collect();
    assert_eq!(statuses[..5], [401; 5]);
    let held = try_it(PASSWORD.to_owned());
    assert_eq!(held.status, 429, "the right one must wait too");
    assert!(held.header("retry-after").is_some());
    let basic = secure.get("/snapshot", "Authorization: Basic b3duZXI6eA==\r\n");
    assert_eq!(basic.status, 429);
    // Pictures and pages are not held up, and neither is who waits.
    assert_eq!(secure.get("/", "").status, 200);
    until("the wait is over", PATIENCE, || {
        (try_it(PASSWORD.to_owned()).status == 303).then_some(())
    })
    .unwrap();
}

#[test]
fn who_is_known_is_no_answer_to_a_guess() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    secure.set_up(&stage);
    let basic = |password: &str| {
        let proof = STANDARD.encode(format!("owner:{password}"));
        let header = format!("Authorization: Basic {proof}\r\n");
        secure.get("/snapshot", &header).status
    };
    let right = PASSWORD.replace('+', " ");
    assert_eq!(basic(&right), 200);
    let guesses: Vec<_> = (0..7).map(|n| basic(&format!("wrong{n}"))).collect();
    assert_eq!(guesses[..5], [401; 5]);
    assert_eq!(guesses[6], 429);
    assert_eq!(basic(&right), 429, "it would tell which guess was right");
}

#[test]
fn a_program_with_many_streams_is_one_attempt() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    secure.set_up(&stage);
    let proof = STANDARD.encode(format!("owner:{}", PASSWORD.replace('+', " ")));
    let header = format!("Authorization: Basic {proof}\r\n");
    let statuses = std::thread::scope(|scope| {
        let ask = || secure.get("/snapshot", &header).status;
        let all: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
        let all = all.into_iter().map(|one| one.join().unwrap());
        all.collect::<Vec<_>>()
    });
    assert_eq!(statuses, [200; 12]);
}

#[test]
fn a_foreign_page_changes_nothing() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let mine = secure.set_up(&stage);
    let port = stage.tls_port;
    let form = "name=Mallory&length=month";
    for origin in [
        "Origin: https://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        format!("Origin: http://localhost:{port}\r\n"),
        "Origin: https://localhost\r\n".to_owned(),
        format!("Origin: https://localhost:{port}\r\nSec-Fetch-Site: cross-site\r\n"),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
        // A browser that says nothing at all, with a cookie.
        String::new(),
    ] {
        for path in ["/account/guests", "/logout", "/account/password"] {
            let answer = secure.post_from(&origin, path, &mine, form);
            assert_eq!(answer.status, 403, "{path} {origin:?}");
        }
    }
    let foreign = secure.post_from(
        "Origin: https://evil.example\r\n",
        "/login",
        "",
        "user=owner",
    );
    assert_eq!(foreign.status, 403);
    assert_eq!(stage.tokens(), 0);
    assert_eq!(
        secure.get("/snapshot", &mine).status,
        200,
        "still logged in"
    );
    // Neither does a link: what is posted is posted.
    for path in ["/logout", "/account/guests?name=x&length=day"] {
        assert_eq!(secure.get(path, &mine).status, 405, "{path}");
    }
    // A name that the Internet gave to our address is refused.
    let rebound = secure.raw("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(rebound.status, 421);
}

#[test]
fn no_trick_with_a_path_leads_past_the_table() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    for path in [
        "//api/v1/state",
        "/./api/v1/state",
        "/assets/../api/v1/state",
        "/assets/..;/api/v1/state",
        "/assets/%2e%2e/api/v1/state",
        "/assets/%2e%2e%2fapi%2fv1%2fstate",
        "/assets/..%5c..%5capi",
        "/%61pi/v1/state",
        "/api/v1/state/",
        "/api/v1/state//",
        "/api/v1/state;a=b",
        "/api/v1/state%00",
        "/api/v1/state%20",
        "/API/V1/STATE",
        "/?action=snapshot",
        "/?%61ction=snapshot",
        "/?x&action=snapshot",
        "/guest/../api/v1/state",
        "/guest//snapshot",
        "/login/../snapshot",
        "/snapshot?x=/assets/style.css",
        "/snapshot/",
        "https://localhost/snapshot",
        "https://localhost/assets/../snapshot",
    ] {
        let answer = secure.get(path, "");
        assert!(
            matches!(answer.status, 400 | 401 | 404),
            "{path}: {}",
            answer.status
        );
        let text = answer.text();
        assert!(
            !text.contains("node_id") && !text.contains("JFIF"),
            "{path}"
        );
    }
}

#[test]
fn bodies_that_are_too_long_or_never_end_do_no_harm() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: localhost:{0}\r\nOrigin: https://localhost:{0}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n",
        stage.tls_port
    );
    let send = |rest: &str| secure.raw(&format!("{head}{rest}")).status;
    assert_eq!(send("Content-Length: 99999999999\r\n\r\nuser=owner"), 413);
    let long = format!("{:x}\r\n{}\r\n", 8000, "a".repeat(8000));
    assert_eq!(
        send(&format!("Transfer-Encoding: chunked\r\n\r\n{long}")),
        413
    );
    assert_eq!(send("Content-Length: x\r\n\r\n"), 400);
    assert_eq!(send("Content-Length: 4\r\n\r\n\u{0}%zz"), 401);
    let answer = secure.post("/login", "Content-Type: text/plain\r\n", "");
    assert_eq!(
        answer.status, 400,
        "two types, of which the first is another"
    );
    // A thousand fields, and a field a thousand times.
    assert_eq!(secure.post("/login", "", &"a=b&".repeat(1000)).status, 401);
    // One that stays half sent is told so, or the connection ends.
    let mut half = secure.connect().unwrap();
    let part = format!("{head}Content-Length: 100\r\n\r\nuser=owner");
    half.write_all(part.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = half.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(secure.get("/", "").status, 200);
}

#[test]
fn a_thousand_idle_connections_and_garbage_do_no_harm() {
    let mut stage = Stage::networked(
        "[limits]\nconnections = 600\nconnections_per_address = 500\nheader_timeout = \"2s\"",
    );
    let secure = Secure::of(&stage);
    let pid = stage.gateway.as_mut().unwrap().child().pid();
    secure.get("/", "");
    let before = crate::limits::resident_kb(pid);
    // Some never say a word, some begin a handshake and stop, some speak no TLS.
    let openings: [&[u8]; 4] = [
        b"",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 600],
    ];
    let crowd: Vec<_> = (0..1000)
        .filter_map(|n| {
            let port = if n % 2 == 0 {
                stage.tls_port
            } else {
                stage.port
            };
            let mut stream = connect(port).ok()?;
            let _ = stream.write_all(openings[n / 2 % 4]);
            Some(stream)
        })
        .collect();
    assert!(crowd.len() > 500);
    let most = crate::limits::resident_kb(pid);
    assert!(most < before + 40_000, "{before} kB, then {most} kB");
    // They all end by themselves, and then there is room.
    until("there is room again", PATIENCE, || {
        let stream = secure.connect().ok()?;
        let asked = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        (client::over(stream, asked).ok()?.status == 200).then_some(())
    })
    .unwrap();
    drop(crowd);
    let mut garbage = connect(stage.tls_port).unwrap();
    let _ = garbage.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let _ = garbage.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = garbage.read_to_end(&mut answer);
    assert!(
        !String::from_utf8_lossy(&answer).contains("HTTP"),
        "only TLS there"
    );
    assert!(stage.gateway.as_mut().unwrap().child().ended().is_none());
}

#[test]
fn whoever_asks_for_nothing_locks_nobody_out() {
    let stage = Stage::networked("[limits]\nheader_timeout = \"10m\"");
    let secure = Secure::of(&stage);
    let mine = secure.set_up(&stage);
    // From two addresses, from many, and from the very address of who wants in.
    for addresses in [2..4, 2..200, 1..2] {
        let crowd: Vec<_> = addresses
            .cycle()
            .take(1000)
            .enumerate()
            .filter_map(|(n, host)| {
                let port = [stage.port, stage.tls_port][n / 200 % 2];
                let stream = match host {
                    1 => connect(port),
                    _ => connect_from([127, 0, 0, host], port),
                };
                let mut stream = stream.ok()?;
                let _ = stream.write_all(b"\x16\x03\x01");
                Some(stream)
            })
            .collect();
        assert!(crowd.len() > 900, "{}", crowd.len());
        assert_eq!(stage.get("/").status, 200);
        assert_eq!(secure.get("/snapshot", &mine).status, 200);
        let newcomer = connect_from([127, 0, 9, 9], stage.port).unwrap();
        let asked = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        assert_eq!(client::over(newcomer, asked).unwrap().status, 200);
    }
}

#[test]
fn wrong_passwords_of_others_keep_no_newcomer_out() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    secure.set_up(&stage);
    for n in 0..80 {
        let status = secure.try_from([127, 0, 1, n % 8], "wrong");
        assert!(matches!(status, 401 | 429 | 503), "{status}");
    }
    let newcomer = [127, 0, 2, 1];
    assert_eq!(secure.try_from(newcomer, "mistyped"), 401);
    assert_eq!(secure.try_from(newcomer, PASSWORD), 303);
}

#[test]
fn many_who_try_at_once_keep_no_newcomer_out() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    secure.set_up(&stage);
    std::thread::scope(|scope| {
        let secure = &secure;
        let crowd = (0..30).map(|n| scope.spawn(move || secure.try_from([127, 0, 1, n], "wrong")));
        let crowd: Vec<_> = crowd.collect();
        assert_eq!(secure.try_from([127, 0, 2, 1], PASSWORD), 303);
        for one in crowd {
            assert_eq!(one.join().unwrap(), 401);
        }
    });
}
