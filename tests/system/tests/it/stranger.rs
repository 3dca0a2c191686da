//! A stranger on another machine of the same network, with a real browser: he sees how the node is
//! and nothing more, until he has the one-time code.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::Command;

use serde_json::json;
use vigla_system_tests::browser::{self, Browser};
use vigla_system_tests::{Scene, Site};

use crate::page::{PICTURE, frame};

const SNAPSHOT: &str = "return fetch('/snapshot').then(answer => answer.status)";

/// The address by which another machine would reach this one; loopback where there is no network.
fn address() -> IpAddr {
    let towards_nowhere = || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        // Sends nothing: the kernel only chooses a way.
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    };
    towards_nowhere().map_or(Ipv4Addr::LOCALHOST.into(), |address| address.ip())
}

#[test]
fn sees_pictures_only_after_setting_a_password_by_the_code() {
    if !browser::can_be_had() {
        vigla_testkit::skip("there is no browser; run `sudo snap install chromium`");
        return;
    }
    let (site, _) = Site::networked(Scene::Synthetic).unwrap();
    let browser = Browser::open_trusting(1280, 900).unwrap();
    browser
        .go(&format!("http://{}:{}/", address(), site.port))
        .unwrap();
    let sentence = "return document.querySelector('[data-testid=sentence]')?.textContent";
    browser.wait("the state is said", sentence).unwrap();
    assert_eq!(browser.run(SNAPSHOT).unwrap(), 403);
    browser
        .run("document.querySelector('a[href^=https]').click()")
        .unwrap();
    let form = |action: &str| format!("return document.forms[0]?.action.endsWith('{action}')");
    browser
        .wait("the form over HTTPS", &form("/setup"))
        .unwrap();
    let picture = browser.run(&format!("return {PICTURE}")).unwrap();
    assert!(picture.is_null());
    assert_eq!(browser.run(SNAPSHOT).unwrap(), 401);

    // By keyboard alone, and told to a screen reader.
    let told = browser.accessibility().unwrap();
    for (role, name) in [("textbox", "One-time code"), ("button", "Set the password")] {
        let found = told.iter().any(|(r, n)| r == role && n.starts_with(name));
        assert!(found, "no {role} `{name}` in {told:?}");
    }
    let code = site.rig.dir().join("state/gateway/code");
    let code = std::fs::read_to_string(code).unwrap();
    browser.run("document.forms[0].code.focus()").unwrap();
    for text in [code.as_str(), "correct horse", "correct horse"] {
        browser.enter(text).unwrap();
        browser.press("Tab").unwrap();
    }
    browser.press("Enter").unwrap();
    assert!(frame(&browser) > 0, "a frame is drawn");
    assert_eq!(browser.run(SNAPSHOT).unwrap(), 200);
    let cookies = browser.run("return document.cookie").unwrap();
    assert_eq!(cookies, json!(""), "no script sees the cookie");

    browser
        .run("document.querySelector('[data-testid=account]').click()")
        .unwrap();
    browser.wait("the account", &form("/logout")).unwrap();
    browser.run("document.forms[0].requestSubmit()").unwrap();
    browser.wait("the log-in", &form("/login")).unwrap();
    assert_eq!(browser.run(SNAPSHOT).unwrap(), 401);
}

#[test]
fn viglactl_makes_lists_and_revokes_tokens() {
    let (site, _) = Site::networked(Scene::Synthetic).unwrap();
    let tool = |line: &str| {
        let program = std::env::current_exe().unwrap();
        let folder = program.ancestors().nth(2).unwrap();
        let mut command = Command::new(folder.join("viglactl"));
        command.env("DBUS_SYSTEM_BUS_ADDRESS", site.rig.address());
        let output = command.args(line.split(' ')).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, secret) = tool("token create --scope metrics --expires 30d");
    assert_eq!((code, secret.trim().len()), (Some(0), 64));
    let (_, list) = tool("token list");
    assert!(
        list.contains("metrics  in 30days  metrics") && !list.contains(secret.trim()),
        "{list}"
    );
    let (_, json) = tool("token list --json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let id = json["tokens"][0]["id"].as_str().unwrap();
    assert_eq!(tool(&format!("token revoke {id}")).0, Some(0));
    assert_eq!(tool(&format!("token revoke {id}")).0, Some(1));
    assert_eq!(tool("token create --scope guest --name gran").0, Some(1));
    let (code, link) = tool("token create --scope guest --name gran --expires 1h");
    assert_eq!((code, link.starts_with("/guest/")), (Some(0), true));
}
