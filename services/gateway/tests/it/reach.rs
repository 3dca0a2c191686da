//! Who reaches what, asked of the real gateway by every kind of visitor.

use crate::{
    pictures::small_jpeg,
    secure::{Secure, cookie},
    stage::{Stage, in_a_day},
};

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
const REACH: [(&str, &str); 31] = [
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
    ("/api/v1/update", "po a"),
    ("/api/v1/update/check", "o"),
    ("/api/v1/update/install", "o"),
    ("/api/v1/update/cancel", "o"),
    ("/api/v1/update/rollback", "o"),
    ("/api/v1/enrolment", "po a"),
    ("/api/v1/enrolment/retry", "o"),
    ("/api/v1/enrolment/check", "o"),
    ("/api/v1/site", "o"),
    ("/api/v1/reset", "o"),
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
        let methods = ["get", "post", "delete"].map(|method| paths[path][method].is_object());
        // What an order without its form gets from who may order.
        let (method, done) = match methods {
            [true, ..] => ("HEAD", 200),
            [_, true, _] => ("POST", 400),
            _ => ("DELETE", 204),
        };
        for (kind, headers) in &visitors {
            let from = format!("Origin: https://localhost:{}\r\n", stage.tls_port);
            let answer = secure.ask(method, &asked, &format!("{from}{headers}"));
            let expected = match (
                who == "everybody" || who.contains(*kind) && *kind != ' ',
                kind,
            ) {
                (true, _) => done,
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
