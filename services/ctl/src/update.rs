//! `viglactl update ...`: slots, what could be installed, installing, going back, what happened.

mod history;

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use vigla_bus::names::UPDATER;
use vigla_bus::updater::{JobProxy, Release, Slot, explain};
use vigla_bus::zbus::{self, Variant};

use crate::cli::Install;
use crate::client::Client;
use crate::fault::{FAILED, Fault};
use crate::out::{Out, safe};

pub(crate) use history::history;

/// From one look at a job to the next.
const LOOK: Duration = Duration::from_millis(200);

fn fault(what: &str, error: &zbus::Error) -> Fault {
    Fault::call(UPDATER.binary, what, error)
}

/// The slots, and what is known of them.
pub(crate) async fn status(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let updater = client.updater().await?;
    let ask = async {
        let slots = updater.slots().await?;
        let (machine, running) = (updater.machine().await?, updater.running().await?);
        zbus::Result::Ok((
            slots,
            machine,
            running,
            updater.floor().await?,
            updater.job().await?,
        ))
    };
    let asked = ask.await;
    let (slots, machine, running, floor, path) = asked.map_err(|e| fault("read the slots", &e))?;
    let job = look(&client.job(path.as_str()).await?).await;
    let job = job.map_err(|error| fault("read the job", &error))?;
    if out.json() {
        out.value(&json!({ "machine": machine, "running": running, "floor": floor, "slots": slots, "job": job.json() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    out.line(format!("version {} runs", safe(&running)))?;
    if machine.is_empty() {
        out.line("there are no slots here: updates are for devices")?;
        return Ok(ExitCode::SUCCESS);
    }
    out.line(format!("bundles must be for `{}`", safe(&machine)))?;
    if !floor.is_empty() {
        out.line(format!("nothing older than {} is installed", safe(&floor)))?;
    }
    let rows: Vec<_> = slots.iter().map(row).collect();
    out.table(["SLOT", "VERSION", "STATE", "BOOTS", "PASSED"], &rows)?;
    if job.id > 0 {
        out.line(format!("job {}: {}", job.id, job.sentence()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(slot: &Slot) -> [String; 5] {
    let known = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            safe(text)
        }
    };
    let state = if slot.next {
        format!("{}, next", slot.state)
    } else {
        slot.state.clone()
    };
    let proven = if slot.proven { "yes" } else { "no" };
    [
        known(&slot.name),
        known(&slot.version),
        safe(&state),
        known(&slot.health),
        proven.to_owned(),
    ]
}

/// What could be installed.
pub(crate) async fn check(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let asked = client.updater().await?.check().await;
    let releases = asked.map_err(|error| fault("look for releases", &error))?;
    if out.json() {
        out.value(&json!({ "releases": releases }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if releases.is_empty() {
        out.line("nothing is offered: no release feed is set, and no USB stick holds a bundle")?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = releases.iter().map(offer).collect();
    out.table(["VERSION", "FROM", "VERDICT", "SOURCE"], &rows)?;
    Ok(ExitCode::SUCCESS)
}

fn offer(release: &Release) -> [String; 4] {
    let version = if release.version.is_empty() {
        "-"
    } else {
        &release.version
    };
    [
        safe(version),
        safe(&release.origin),
        safe(&release.verdict),
        safe(&release.source),
    ]
}

/// Installs, and shows how far it is.
pub(crate) async fn install(client: &Client, order: &Install, out: Out) -> Result<ExitCode, Fault> {
    let source = source(&order.source)?;
    let mut options = HashMap::new();
    if let Some(hash) = &order.manifest_hash {
        options.insert("manifest-hash", Variant::from(hash.as_str()));
    }
    if order.in_window {
        options.insert("when", Variant::from("window"));
    }
    if order.no_restart {
        options.insert("after", Variant::from("stay"));
    }
    let begun = client.updater().await?.install(&source, options).await;
    let (_, path) = begun.map_err(|error| fault("install", &error))?;
    let end = follow(&client.job(path.as_str()).await?).await?;
    let (what, fix) = explain(&end.result, &end.subject);
    if out.json() {
        out.value(&end.json())?;
    } else if end.result == "done" {
        let restart = if order.no_restart {
            "restart the node when you want it"
        } else {
            "the node restarts now"
        };
        out.line(format!(
            "version {} is installed; {restart}",
            safe(&end.version)
        ))?;
    }
    if end.result == "done" {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("viglactl: not installed: {}", safe(&what));
    if !fix.is_empty() {
        eprintln!("  {}", safe(&fix));
    }
    Ok(ExitCode::from(FAILED))
}

/// Starts from the other slot.
pub(crate) async fn rollback(client: &Client, out: Out) -> Result<ExitCode, Fault> {
    let slot = client.updater().await?.rollback().await;
    let slot = slot.map_err(|error| fault("go back", &error))?;
    if out.json() {
        out.value(&json!({ "slot": slot }))?;
    } else {
        out.line(format!("the node restarts now, from slot {}", safe(&slot)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The service has another working folder: a path is sent from the root.
fn source(text: &str) -> Result<String, Fault> {
    if text.contains("://") || matches!(text, "feed" | "stick") {
        return Ok(text.to_owned());
    }
    let path = std::fs::canonicalize(text);
    let path =
        path.map_err(|error| Fault::because(format!("cannot read `{}`: {error}", safe(text))))?;
    let text = path.to_str().map(String::from);
    text.ok_or_else(|| Fault::usage("the path is not UTF-8"))
}

/// A job at one moment.
#[derive(Debug, Default, PartialEq)]
struct Moment {
    id: u64,
    source: String,
    state: String,
    progress: f64,
    version: String,
    result: String,
    subject: String,
}

impl Moment {
    fn json(&self) -> serde_json::Value {
        json!({
            "id": self.id, "source": self.source, "state": self.state, "progress": self.progress,
            "version": self.version, "result": self.result, "subject": self.subject,
        })
    }

    fn sentence(&self) -> String {
        match self.state.as_str() {
            "over" => safe(&explain(&self.result, &self.subject).0),
            "waiting" => String::from("waiting for the maintenance window"),
            "checking" => String::from("checking the bundle"),
            state => format!("{} {:.0} %", safe(state), self.progress * 100.0),
        }
    }
}

async fn look(job: &JobProxy<'_>) -> zbus::Result<Moment> {
    Ok(Moment {
        id: job.id().await?,
        source: job.source().await?,
        state: job.state().await?,
        progress: job.progress().await?,
        version: job.version().await?,
        result: job.result().await?,
        subject: job.subject().await?,
    })
}

/// Until it is over. Its object can be read until the next job begins.
async fn follow(job: &JobProxy<'_>) -> Result<Moment, Fault> {
    let terminal = std::io::stderr().is_terminal();
    let mut told = String::new();
    loop {
        let now = look(job).await;
        let now =
            now.map_err(|error| fault("follow the job; see `viglactl update history`", &error))?;
        if now.state == "over" {
            if terminal && !told.is_empty() {
                eprintln!();
            }
            return Ok(now);
        }
        let sentence = now.sentence();
        if terminal && sentence != told {
            eprint!("\r{sentence:40}");
            // A terminal that is gone shows nothing.
            let _ = std::io::stderr().flush();
        } else if !terminal && now.state != told {
            eprintln!("{}", safe(&now.state));
        }
        told = if terminal { sentence } else { now.state };
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_sent_from_the_root_and_words_and_addresses_as_they_are() {
        for text in ["feed", "stick", "https://a.example/x.raucb"] {
            assert_eq!(source(text).unwrap(), text);
        }
        let sent = source("Cargo.toml").unwrap();
        assert!(
            sent.starts_with('/') && sent.ends_with("/Cargo.toml"),
            "{sent}"
        );
        let missing = source("no/such.raucb").unwrap_err().to_string();
        assert!(missing.contains("no/such.raucb"), "{missing}");
    }

    #[test]
    fn a_job_is_a_sentence() {
        let job = |state: &str, result: &str| Moment {
            state: state.into(),
            progress: 0.42,
            result: result.into(),
            subject: "vigla-rpi4".into(),
            ..Moment::default()
        };
        assert_eq!(job("fetching", "").sentence(), "fetching 42 %");
        assert_eq!(
            job("over", "wrong-machine").sentence(),
            "the bundle is for `vigla-rpi4`"
        );
    }
}
