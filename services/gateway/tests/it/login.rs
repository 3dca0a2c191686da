//! From another machine: nobody sees a picture before he has logged in, and this is how he does.

use crate::{
    pictures::small_jpeg,
    secure::{PASSWORD, Secure, cookie},
    stage::Stage,
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

/// A file that the gateway may read, who is perhaps another user.
pub(crate) fn readable(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
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
