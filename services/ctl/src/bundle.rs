//! `viglactl support-bundle`: everything that helps whoever helps, in one file, without secrets.
//!
//! The doctor's verdict comes first, so that it is the first thing to be read. What cannot be had
//! is told in place of it; every text goes through [`redact()`].

mod redact;

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::json;
use vigla_bus::names::{DEVICE, SERVICES};

use crate::cli::Bundle;
use crate::client::Client;
use crate::fault::Fault;
use crate::out::Out;
use crate::{config, doctor, status};
use redact::redact;

/// Newest lines of each log.
const LINES: &str = "--lines=2000";
/// Largest part in bytes: of a longer one the end is kept.
const LARGEST: usize = 4 << 20;

/// The last minute before a crash, as the metrics service keeps it.
const BLACK_BOX: &str = "/var/lib/vigla/metrics/blackbox.json";

/// A part: its name in the bundle, and its text.
type Part = (String, String);

pub(crate) async fn run(options: &Bundle, out: Out) -> Result<ExitCode, Fault> {
    let parts = gather(options).await;
    let file = &options.file;
    pack(file, &parts)
        .map_err(|error| Fault::failed(format!("write `{}`", file.display()), error))?;
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    if out.json() {
        out.value(&json!({ "file": file, "parts": names }))?;
    } else {
        out.line(format!(
            "{} parts are in `{}`: passwords and tokens are taken out; look through it before you pass it on",
            names.len(),
            file.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn gather(options: &Bundle) -> Vec<Part> {
    let verdict = doctor::examine().await;
    let mut parts = vec![
        (
            "verdict.txt".to_owned(),
            verdict.lines(Out::plain()).join("\n"),
        ),
        ("verdict.json".to_owned(), pretty(&verdict)),
        ("versions.txt".to_owned(), versions()),
    ];
    match Client::connect().await {
        Ok(client) => parts.extend(asked(&client).await),
        Err(fault) => parts.push(("status.json".to_owned(), fault.to_string())),
    }
    for service in SERVICES.into_iter().chain(DEVICE) {
        let settings = config::effective(service, &options.config_dir);
        parts.push((format!("settings/{}.toml", service.noun), settings));
        let log = said(
            "journalctl",
            &[
                "--no-pager",
                "--output=short-iso",
                LINES,
                "--unit",
                service.binary,
            ],
        );
        parts.push((format!("logs/{}.log", service.noun), log));
    }
    parts
}

/// What the services say.
async fn asked(client: &Client) -> Vec<Part> {
    let status = match status::ask(client).await {
        Ok(status) => pretty(&status),
        Err(fault) => fault.to_string(),
    };
    let (mut queue, mut metrics) = (String::new(), String::new());
    let mut crash = kept_crash();
    if let Ok(proxy) = client.metrics().await {
        if let Ok(text) = proxy.black_box().await {
            crash = indented(&text);
        }
        queue = proxy
            .sinks()
            .await
            .map_or_else(|error| error.to_string(), |sinks| pretty(&sinks));
        metrics = proxy
            .gather()
            .await
            .unwrap_or_else(|error| error.to_string());
    }
    [
        ("status.json", status),
        ("queue.json", queue),
        ("blackbox.json", crash),
        ("metrics.txt", metrics),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into()
}

/// The last minute before a crash as it lies on the disk, when the service that would tell it is dead itself.
fn kept_crash() -> String {
    match std::fs::read_to_string(BLACK_BOX) {
        Ok(text) => indented(&text),
        Err(error) => format!("`{BLACK_BOX}` cannot be read: {error}\n"),
    }
}

/// JSON with a value per line; what is none stays as it is.
fn indented(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .map_or_else(|_| text.to_owned(), |value| pretty(&value))
}

fn versions() -> String {
    let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    format!(
        "viglactl {}\n{}\n{system}",
        env!("CARGO_PKG_VERSION"),
        said("uname", &["-srm"]).trim_end()
    )
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|error| error.to_string())
}

/// What a program says, or why it says nothing.
fn said(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("`{program}` cannot be run: {error}\n"),
    }
}

/// A new file that only its owner may read.
fn pack(file: &Path, parts: &[Part]) -> io::Result<()> {
    let target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    let mut archive = tar::Builder::new(target);
    for (name, text) in parts {
        let text = redact(end_of(text));
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        archive.append_data(
            &mut header,
            format!("vigla-support/{name}"),
            text.as_bytes(),
        )?;
    }
    let mut target = archive.into_inner()?;
    target.flush()?;
    target.sync_all()
}

fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LARGEST);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}
