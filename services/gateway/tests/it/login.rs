//! From another machine: nobody sees a picture before he has logged in.

use vigla_testkit::until;

use crate::{
    pictures::small_jpeg,
    secure::{PASSWORD, Secure, cookie},
    stage::{PATIENCE, Stage},
};

/// What shows pictures, or words about them.
const SHUT: [&str; 12] = [
    "/stream",
    "/snapshot",
    "/?action=snapshot",
    "/cameras/front/stream",
    "/camera_list",
    "/camera_frame_feed/1",
    "/api/v1/state",
    "/api/v1/cameras/front/live",
    "/api/v1/updates",
    "/metrics",
    "/healthz",
    "/account",
];

#[test]
fn over_http_there_is_only_the_sentence_and_the_way_to_https() {
    let stage = Stage::networked("");
    let page = stage.get("/");
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(text.contains("data-testid=\"sentence\""), "{text}");
    let link = format!("https://localhost:{}/", stage.tls_port);
    assert!(text.contains(&link) && !text.contains("app.js"), "{text}");
    for path in SHUT {
        assert_eq!(stage.get(path).status, 403, "{path}");
    }
    // Whoever sends a secret over HTTP is told, and gets nothing for it.
    let secure = Secure::of(&stage);
    let mine = secure.set_up(&stage);
    let basic = "Authorization: Basic b3duZXI6Y29ycmVjdCBob3JzZQ==\r\n";
    for shown in [mine.as_str(), basic] {
        let answer = crate::client::ask(stage.port, "/snapshot", shown).unwrap();
        assert_eq!(answer.status, 403);
        assert!(answer.text().contains("HTTPS only"), "{}", answer.text());
    }
    let form = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
    let answer = crate::client::raw(stage.port, form.as_bytes()).unwrap();
    assert_eq!(answer.status, 403);
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
fn refused_attempts_are_counted_by_what_was_shown() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let form = "code=BBBB-BBBB-BBBB&password=correct+horse&again=correct+horse";
    assert_eq!(secure.post("/setup", "", form).status, 403);
    let mine = secure.set_up(&stage);
    for shown in ["Bearer nothing", "Basic b3duZXI6d3Jvbmc=", "Digest x"] {
        let header = format!("Authorization: {shown}\r\n");
        assert_eq!(secure.get("/metrics", &header).status, 401, "{shown}");
    }
    let page = secure.get("/metrics", &mine).text();
    for (reason, count) in [
        ("code", 1),
        ("token", 1),
        ("password", 1),
        ("header", 1),
        ("link", 0),
    ] {
        let line = format!("vigla_gateway_login_refusals_total{{reason=\"{reason}\"}} {count}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
}

#[test]
fn the_code_sets_a_password_once_and_then_there_are_pictures() {
    let mut stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let front = secure.get("/", "");
    assert!(
        front.text().contains("action=\"/setup\""),
        "{}",
        front.text()
    );
    for path in SHUT {
        assert_eq!(secure.get(path, "").status, 401, "{path}");
    }
    let code = stage.code();
    let report = std::fs::read_to_string(stage.state("report.txt")).unwrap();
    assert!(report.contains(&code), "{report}");
    let wrong = secure.post(
        "/setup",
        "",
        "code=BBBB-BBBB-BBBB&password=correct+horse&again=correct+horse",
    );
    assert_eq!(wrong.status, 403);
    let short = secure.post(
        "/setup",
        "",
        &format!("code={code}&password=short&again=short"),
    );
    assert_eq!(short.status, 403);
    assert!(short.text().contains("10 characters"), "{}", short.text());

    let form = format!("code={code}&password={PASSWORD}&again={PASSWORD}");
    let answer = secure.post("/setup", "", &form);
    assert_eq!(answer.status, 303, "{}", answer.text());
    let set = answer.header("set-cookie").unwrap();
    for part in [
        "__Host-vigla=",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Path=/",
    ] {
        assert!(set.contains(part), "{set}");
    }
    let mine = cookie(&answer);
    assert!(secure.get("/", &mine).text().contains("app.js"));
    assert_eq!(secure.get("/snapshot", &mine).body, small_jpeg());
    assert_eq!(secure.get("/snapshot", "").status, 401);

    // The code is over.
    assert_eq!(secure.post("/setup", "", &form).status, 409);
    assert!(!stage.state("code").exists());
    let kept = std::fs::read_to_string(stage.state("login.json")).unwrap();
    let report = std::fs::read_to_string(stage.state("report.txt")).unwrap();
    let secret = mine.trim().split('=').next_back().unwrap().to_owned();
    for text in [&kept, &report, &stage.log()] {
        for secret in [&code, &secret, "correct horse"] {
            assert!(!text.contains(secret), "`{secret}` is in {text}");
        }
    }

    // After a restart there is the same certificate and the same password, and no session.
    stage.gateway = None;
    stage.start_gateway();
    assert_eq!(secure.get("/snapshot", &mine).status, 401);
    let mine = secure.log_in("Owner", PASSWORD);
    assert_eq!(secure.get("/snapshot", &mine).status, 200);
}

/// When a guest link may end.
fn in_a_day() -> u64 {
    vigla_kit::Clock::system().now_usec() + 24 * 3_600_000_000
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
fn every_kind_of_visitor_reaches_its_own_and_no_more() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    let set = secure.post(
        "/account/password",
        &owner,
        "user=viewer&password=peep+through&again=peep+through",
    );
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(
        secure.get("/account", &owner).status,
        200,
        "only viewers had to go"
    );
    let viewer = secure.log_in("viewer", "peep+through");
    let bearer = |scopes: &[&str]| {
        let (_, secret) = stage.token("test", scopes, 0).unwrap();
        format!("Authorization: Bearer {secret}\r\n")
    };
    let (stream, metrics, api) = (bearer(&["stream"]), bearer(&["metrics"]), bearer(&["api"]));
    let two = bearer(&["metrics", "stream"]);
    let (_, link) = stage.token("gran", &["guest"], in_a_day()).unwrap();
    let welcome = secure.get(&format!("/guest/{link}"), "");
    let guest = cookie(&welcome);
    let basic = "Authorization: Basic dmlld2VyOnBlZXAgdGhyb3VnaA==\r\n".to_owned();
    let (look, words, numbers) = ("/snapshot", "/api/v1/state", "/metrics");
    for (who, headers, seen) in [
        ("nobody", String::new(), [401, 401, 401, 401, 401]),
        ("guest", guest, [200, 200, 200, 403, 200]),
        ("viewer", viewer, [200, 200, 200, 403, 200]),
        ("viewer by Basic", basic, [200, 200, 200, 403, 200]),
        ("owner", owner, [200, 200, 200, 200, 200]),
        ("stream", stream, [200, 403, 403, 403, 403]),
        ("metrics", metrics, [403, 403, 200, 403, 403]),
        ("api", api, [403, 200, 403, 403, 403]),
        ("metrics and stream", two, [200, 403, 200, 403, 403]),
        (
            "a guest link as a token",
            format!("Authorization: Bearer {link}\r\n"),
            [401; 5],
        ),
        (
            "a wrong token",
            "Authorization: Bearer 00\r\n".to_owned(),
            [401; 5],
        ),
        (
            "a wrong cookie",
            "Cookie: __Host-vigla=00\r\n".to_owned(),
            [401; 5],
        ),
    ] {
        let get = |path| secure.get(path, &headers).status;
        let revoke = secure.post("/account/revoke", &headers, "id=00").status;
        let reached = [get(look), get(words), get(numbers), revoke, get("/account")];
        assert_eq!(reached, seen, "{who}");
        let known = seen[0] != 401;
        assert_eq!(get("/nothing"), if known { 404 } else { 401 }, "{who}");
    }
}

/// Every route of the description, and the kinds of visitors that reach it: `everybody`, or
/// `p`eople who look, the `o`wner, and tokens for `s`treams, `m`etrics and the `a`pi.
const REACH: [(&str, &str); 21] = [
    ("/", "everybody"),
    ("/assets/{name}", "everybody"),
    ("/openapi.json", "po a"),
    ("/api/v1/state", "po a"),
    ("/api/v1/cameras", "po a"),
    ("/api/v1/cameras/{id}", "po a"),
    ("/api/v1/cameras/{id}/live", "po s"),
    ("/api/v1/events", "po a"),
    ("/api/v1/events/{id}/picture", "po s"),
    ("/api/v1/events/{id}/thumbnail", "o"),
    ("/api/v1/events/thumbnails", "o"),
    ("/api/v1/history", "po a"),
    ("/api/v1/updates", "po a"),
    ("/stream", "po s"),
    ("/snapshot", "po s"),
    ("/cameras/{id}/stream", "po s"),
    ("/cameras/{id}/snapshot", "po s"),
    ("/camera_list", "po s"),
    ("/camera_frame_feed/{number}", "po s"),
    ("/metrics", "po m"),
    ("/healthz", "po m a"),
];

#[test]
fn every_route_is_walked_by_every_kind_of_visitor() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let owner = secure.set_up(&stage);
    stage.report(vigla_testkit::peers::sample::event(1, "front"));
    let bearer = |scope| {
        let (_, secret) = stage.token(scope, &[scope], 0).unwrap();
        format!("Authorization: Bearer {secret}\r\n")
    };
    let (_, link) = stage.token("gran", &["guest"], in_a_day()).unwrap();
    let guest = cookie(&secure.get(&format!("/guest/{link}"), ""));
    let visitors = [
        (' ', String::new()),
        ('p', guest),
        ('s', bearer("stream")),
        ('m', bearer("metrics")),
        ('a', bearer("api")),
        ('o', owner.clone()),
    ];
    let openapi = secure.get("/openapi.json", &owner).json();
    let paths = openapi["paths"].as_object().unwrap();
    let described: Vec<_> = paths.keys().map(String::as_str).collect();
    let mut known = REACH.map(|(path, _)| path);
    known.sort_unstable();
    let mut sorted = described.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, known, "a route is not in the table of this test");
    for (path, who) in REACH {
        let event = if path.contains("events") {
            "1"
        } else {
            "front"
        };
        let asked = path.replace("{id}", event).replace("{number}", "1");
        let asked = asked.replace("{name}", "style.css");
        let deletes = paths[path]["delete"].is_object();
        for (kind, headers) in &visitors {
            let answer = if deletes {
                let from = format!("Origin: https://localhost:{}\r\n", stage.tls_port);
                secure.ask("DELETE", &asked, &format!("{from}{headers}"))
            } else {
                secure.ask("HEAD", &asked, headers)
            };
            let expected = match (
                who == "everybody" || who.contains(*kind) && *kind != ' ',
                kind,
            ) {
                (true, _) if deletes => 204,
                (true, _) => 200,
                (false, ' ') => 401,
                (false, _) => 403,
            };
            assert_eq!(answer.status, expected, "{path} as `{kind}`");
        }
    }
    // The picture of the event is gone now; the event is not.
    let gone = secure.get("/api/v1/events/1/picture", &owner);
    assert_eq!(gone.status, 404, "{}", gone.text());
    assert_eq!(
        secure.get("/api/v1/events", &owner).json()["events"][0]["id"],
        1
    );
}

#[test]
fn a_log_out_ends_the_cookie_and_the_streams_that_it_opened() {
    let stage = Stage::networked("");
    let secure = Secure::of(&stage);
    let mine = secure.set_up(&stage);
    let stolen = mine.clone();
    let ends = |cookie: &str, end: &dyn Fn()| {
        use std::io::{Read, Write};
        let mut stream = secure.connect().unwrap();
        let request = format!("GET /stream HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut first = [0; 4096];
        stream.read_exact(&mut first).unwrap();
        end();
        until("the stream ends", PATIENCE, || {
            let n = stream.read(&mut first).unwrap_or(0);
            (n == 0 || first[..n].ends_with(b"0\r\n\r\n")).then_some(())
        })
        .unwrap();
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
fn everybody_sees_everything_where_the_owner_wants_it_so() {
    let stage = Stage::networked("open = true");
    assert_eq!(stage.get("/snapshot").body, small_jpeg());
    let told = stage.json("/api/v1/state");
    let problems = told["problems"].to_string();
    assert!(problems.contains("open-to-all"), "{problems}");
    let secure = Secure::of(&stage);
    assert_eq!(secure.get("/snapshot", "").status, 200);
    // What is the owner's stays his.
    assert_eq!(
        secure
            .post("/account/guests", "", "name=x&length=day")
            .status,
        403
    );
    let mine = secure.set_up(&stage);
    assert_eq!(
        secure
            .post("/account/guests", &mine, "name=x&length=day")
            .status,
        200
    );
}

/// A file that the gateway may read, who is perhaps another user.
fn readable(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("owner");
    vigla_kit::atomic::write(&file, text.as_bytes()).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    (dir, file)
}

#[test]
fn the_password_of_the_owners_file_is_taken_until_he_sets_another() {
    // Of PASSWORD, as vigla-site makes it.
    let params = argon2::Params::new(19 * 1024, 2, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash = argon2::PasswordHasher::hash_password_with_salt(&argon2, b"correct horse", &[7; 16]);
    let line = format!("{}\n", hash.unwrap());
    let (_dir, file) = readable(&line);
    let settings = format!("[login]\nowner_file = \"{}\"", file.display());
    let stage = Stage::networked(&settings);
    let secure = Secure::of(&stage);
    let report = std::fs::read_to_string(stage.state("report.txt")).unwrap();
    assert!(report.contains("is set"), "no code is offered: {report}");
    let mine = secure.log_in("owner", PASSWORD);
    assert_eq!(secure.get("/api/v1/state", &mine).status, 200);
    let kept = std::fs::read_to_string(stage.state("login.json")).unwrap();
    assert!(
        kept.contains(line.trim()),
        "it is kept without the file: {kept}"
    );
}

#[test]
fn an_owners_file_that_holds_no_hash_leaves_the_code() {
    let (_dir, file) = readable("correct horse\n");
    let settings = format!("[login]\nowner_file = \"{}\"", file.display());
    let stage = Stage::networked(&settings);
    Secure::of(&stage).set_up(&stage);
}
