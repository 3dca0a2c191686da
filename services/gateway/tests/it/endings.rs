//! How a log-in ends, and that everything it opened ends with it.

use std::io::{Read, Write};

use vigla_testkit::until;

use crate::{
    secure::{PASSWORD, Secure, Wire, cookie},
    stage::{PATIENCE, Stage, in_a_day},
};

/// A stream that runs.
struct Running(Wire);

impl Running {
    /// Opens it with these header lines.
    fn open(secure: &Secure, headers: &str) -> Self {
        let mut wire = secure.connect().unwrap();
        let request = format!("GET /stream HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        wire.write_all(request.as_bytes()).unwrap();
        let mut first = [0; 4096];
        wire.read_exact(&mut first).unwrap();
        assert!(first.starts_with(b"HTTP/1.1 200"), "{headers}");
        Self(wire)
    }

    /// Waits until it ends; what is over by its time ends within 20 s.
    fn ends(mut self) {
        let mut bytes = [0; 4096];
        until("the stream ends", 3 * PATIENCE, || {
            let n = self.0.read(&mut bytes).unwrap_or(0);
            (n == 0 || bytes[..n].ends_with(b"0\r\n\r\n")).then_some(())
        })
        .unwrap();
    }
}

#[test]
fn a_log_out_needs_no_form() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let mine = secure.set_up(&stage);
    let port = stage.tls_port;
    let origin = format!("Origin: https://localhost:{port}\r\n");
    assert_eq!(
        secure.ask("POST", "/logout", &mine).status,
        403,
        "no page asks"
    );
    assert_eq!(secure.get("/snapshot", &mine).status, 200);
    let out = secure.ask("POST", "/logout", &format!("{origin}{mine}"));
    assert_eq!(out.status, 303);
    assert_eq!(secure.get("/snapshot", &mine).status, 401);
}

#[test]
fn a_stolen_cookie_does_not_make_an_owner() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    let set = |now: &str| {
        let form = format!("user=owner&now={now}&password=brand+new+pass&again=brand+new+pass");
        secure.post("/account/password", &owner, &form).status
    };
    assert_eq!((set(""), set("guessed+it")), (401, 401));
    assert_eq!(secure.get("/account", &owner).status, 200);
    assert_eq!(set(PASSWORD), 303);
    assert_eq!(
        secure.get("/account", &owner).status,
        401,
        "everybody is logged out"
    );
    secure.log_in("owner", "brand+new+pass");
}

#[test]
fn a_token_lasts_ten_years_at_most_and_a_link_one() {
    let stage = Stage::networked("");
    for (scope, days) in [("guest", 367), ("api", 3700)] {
        let end = in_a_day() + days * 24 * 3_600_000_000;
        stage.token("long", &[scope], end).unwrap_err();
        stage.token("long", &[scope], u64::MAX).unwrap_err();
    }
    assert_eq!(stage.tokens(), 0);
}

#[test]
fn a_log_out_ends_the_cookie_and_the_streams_that_it_opened() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let mine = secure.set_up(&stage);
    let stolen = mine.clone();
    let ends = |cookie: &str, end: &dyn Fn()| {
        let stream = Running::open(&secure, cookie);
        end();
        stream.ends();
        assert_eq!(secure.get("/snapshot", cookie).status, 401);
    };
    ends(&stolen, &|| {
        let out = secure.post("/logout", &mine, "");
        assert_eq!(out.status, 303);
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    });
    // The same for a guest whose link is revoked.
    let mine = secure.log_in("owner", PASSWORD);
    let made = secure.post("/account/guests", &mine, "name=Gran&length=day");
    let page = made.text();
    let link = page
        .split("/guest/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let guest = cookie(&secure.get(&format!("/guest/{link}"), ""));
    ends(&guest, &|| {
        let page = secure.get("/account", &mine).text();
        let id = page.split("name=\"id\" value=\"").nth(1).unwrap();
        let id = id.split('"').next().unwrap();
        let gone = secure.post("/account/revoke", &mine, &format!("id={id}"));
        assert_eq!(gone.status, 200, "{}", gone.text());
    });
    assert_eq!(secure.get(&format!("/guest/{link}"), "").status, 404);
}

#[test]
fn what_a_program_opened_ends_with_its_token_or_password() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    let bearer = |secret: &str| format!("Authorization: Bearer {secret}\r\n");
    let (id, secret) = stage.token("viewer", &["stream"], 0).unwrap();
    let (_, other) = stage.token("other", &["stream"], 0).unwrap();
    let revoked = Running::open(&secure, &bearer(&secret));
    let mut stays = Running::open(&secure, &bearer(&other));
    let gone = secure.post("/account/revoke", &owner, &format!("id={id}"));
    assert_eq!(gone.status, 200, "{}", gone.text());
    revoked.ends();
    assert_eq!(secure.get("/snapshot", &bearer(&secret)).status, 401);
    stays.0.read_exact(&mut [0; 4 << 10]).unwrap();

    let basic = "Authorization: Basic b3duZXI6Y29ycmVjdCBob3JzZQ==\r\n";
    let streams = [(); 2].map(|()| Running::open(&secure, basic));
    let form = format!("user=owner&now={PASSWORD}&password=brand+new+pass&again=brand+new+pass");
    assert_eq!(secure.post("/account/password", &owner, &form).status, 303);
    streams.into_iter().for_each(Running::ends);
    assert_eq!(secure.get("/snapshot", basic).status, 401);
    assert_eq!(secure.get("/snapshot", &bearer(&other)).status, 200);
}

#[test]
fn what_came_by_a_token_ends_when_its_time_is_over() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    secure.set_up(&stage);
    let soon = vigla_kit::Clock::system().now_usec() + 2_000_000;
    let (_, secret) = stage.token("short", &["stream"], soon).unwrap();
    let stream = Running::open(&secure, &format!("Authorization: Bearer {secret}\r\n"));
    // Making another one forgets those that are over: what they opened must end all the same.
    until("it is over", PATIENCE, || {
        let header = format!("Authorization: Bearer {secret}\r\n");
        (secure.get("/snapshot", &header).status == 401).then_some(())
    })
    .unwrap();
    stage.token("next", &["api"], 0).unwrap();
    stream.ends();
}
