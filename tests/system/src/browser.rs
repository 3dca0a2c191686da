//! A real headless Chromium, driven through chromedriver.
//!
//! `WebDriver` is six JSON requests for what we need; a client library for it would bring an HTTP
//! client and some forty crates, so these six stand here.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use vigla_testkit::{Child, free_port, until};

use crate::{base64, http};

/// A browser with one window.
#[derive(Debug)]
pub struct Browser {
    session: String,
    port: u16,
    driver: Child,
    profile: TempDir,
}

/// Without these, Chromium calls home at every start.
const QUIET: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--mute-audio",
];

/// False only on Ubuntu without its Chromium snap; anywhere else a missing browser is an error.
#[must_use]
pub fn can_be_had() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let ubuntu = release.lines().any(|line| line == "ID=ubuntu");
    !ubuntu
        || Command::new("chromedriver")
            .arg("--version")
            .output()
            .is_ok()
}

impl Browser {
    /// Opens a window of the given size in CSS pixels.
    pub fn open(width: u32, height: u32) -> anyhow::Result<Self> {
        Self::open_with(width, height, &[])
    }

    /// The same by a person who accepts a certificate that nobody vouches for.
    pub fn open_trusting(width: u32, height: u32) -> anyhow::Result<Self> {
        Self::open_with(width, height, &["--ignore-certificate-errors"])
    }

    fn open_with(width: u32, height: u32, more: &[&str]) -> anyhow::Result<Self> {
        let profile = tempfile::Builder::new()
            .prefix("vigla-browser-")
            .tempdir()?;
        let port = free_port()?;
        let mut command = Command::new("chromedriver");
        command
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("HOME", profile.path());
        let driver = Child::start("chromedriver", &mut command)
            .context("install the package `chromium-driver`")?;
        until("chromedriver listens", Duration::from_secs(30), || {
            http::get(port, "/status").ok()
        })?;
        let mut arguments: Vec<String> =
            QUIET.iter().chain(more).map(ToString::to_string).collect();
        arguments.push(format!(
            "--user-data-dir={}",
            profile.path().join("profile").display()
        ));
        arguments.push(format!("--window-size={width},{height}"));
        let wish = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"args": arguments}}}});
        let answer = http::send(port, "POST", "/session", &wish.to_string())?.text()?;
        let answer: Value = serde_json::from_str(&answer)?;
        let session = answer["value"]["sessionId"]
            .as_str()
            .with_context(|| format!("no session: {answer}"))?;
        Ok(Self {
            session: session.to_owned(),
            port,
            driver,
            profile,
        })
    }

    /// Loads an address.
    pub fn go(&self, address: &str) -> anyhow::Result<()> {
        self.ask("url", &json!({ "url": address })).map(|_| ())
    }

    /// Runs JavaScript in the page and gives what it `return`s.
    pub fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.ask("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Runs `script` until it returns something true.
    pub fn wait(&self, what: &str, script: &str) -> anyhow::Result<Value> {
        until(what, Duration::from_mins(1), || {
            self.run(script)
                .ok()
                .filter(|value| !matches!(value, Value::Null | Value::Bool(false)))
        })
    }

    /// Types a text into whatever has the focus.
    pub fn enter(&self, text: &str) -> anyhow::Result<()> {
        self.devtools("Input.insertText", &json!({ "text": text }))?;
        Ok(())
    }

    /// Presses and releases a key, as the `DevTools` protocol names it (`Enter`, `ArrowRight`, `?`).
    pub fn press(&self, key: &str) -> anyhow::Result<()> {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let code = match key {
                "Enter" => 13,
                "Escape" => 27,
                "Tab" => 9,
                _ => 0,
            };
            let text = if key == "Enter" && kind == "keyDown" {
                "\r"
            } else {
                text
            };
            self.devtools(
                "Input.dispatchKeyEvent",
                &json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code}),
            )?;
        }
        Ok(())
    }

    /// Gives the window `width` by `height` CSS pixels, with `ratio` pixels of the screen each.
    pub fn resize(&self, width: u32, height: u32, ratio: u32) -> anyhow::Result<()> {
        let mobile = width < 600;
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": mobile}),
        )?;
        Ok(())
    }

    /// Has the system prefer `value` of the media feature `name` (`prefers-color-scheme`).
    pub fn prefer(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let features = json!([{"name": name, "value": value}]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        )?;
        Ok(())
    }

    /// What a screen reader is told: `(role, name)` of every node that is not ignored.
    pub fn accessibility(&self) -> anyhow::Result<Vec<(String, String)>> {
        let tree = self.devtools("Accessibility.getFullAXTree", &json!({}))?;
        let nodes = tree["nodes"].as_array().context("no accessibility tree")?;
        let text =
            |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        let seen = nodes.iter().filter(|node| node["ignored"] != true);
        Ok(seen
            .map(|node| (text(node, "role"), text(node, "name")))
            .collect())
    }

    /// Writes a PNG of the window.
    #[allow(
        clippy::disallowed_methods,
        reason = "a picture for people; half a one does no harm"
    )]
    pub fn screenshot(&self, file: &Path) -> anyhow::Result<()> {
        let picture = self.devtools("Page.captureScreenshot", &json!({"format": "png"}))?;
        let bytes = base64::decode(picture["data"].as_str().context("no picture")?);
        std::fs::write(file, bytes).with_context(|| format!("write `{}`", file.display()))
    }

    /// A command of the `DevTools` protocol.
    pub fn devtools(&self, command: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.ask(
            "goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    /// The folder of this browser's files.
    #[must_use]
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    fn ask(&self, what: &str, body: &Value) -> anyhow::Result<Value> {
        let path = format!("/session/{}/{what}", self.session);
        let answer = http::send(self.port, "POST", &path, &body.to_string())?;
        let status = answer.status;
        let mut answer: Value = serde_json::from_str(&answer.text()?)?;
        anyhow::ensure!(status == 200, "`{what}`: {}", answer["value"]["message"]);
        Ok(answer["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends Chromium with all its helpers; then chromedriver itself.
        let _ = http::send(
            self.port,
            "DELETE",
            &format!("/session/{}", self.session),
            "",
        );
        let _ = self.driver.stop(Duration::from_secs(5));
    }
}
