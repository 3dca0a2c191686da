//! One passage through the gate: what happened before this start, the wait, the mark, the record.

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use semver::Version;
use vigla_bus::zbus::Connection;
use vigla_kit::{Clock, identity};

use super::{Check, Facts, Past, Verdict, checks, first_failed, look, owed, verdict};
use crate::config::Settings;
use crate::dossier::{self, Dossier};
use crate::fetch::http::Client;
use crate::installer::{Installer, Mark};
use crate::store::{Entry, State, Store, Trial};

/// From one look to the next.
const BEAT: Duration = Duration::from_secs(1);

/// Everything the gate needs.
#[derive(Debug)]
pub struct Gate<'a> {
    /// The bus.
    pub bus: &'a Connection,
    /// Marks slots.
    pub installer: &'a dyn Installer,
    /// For the page.
    pub client: &'a Client,
    /// What outlives the slots.
    pub store: &'a Store,
    /// Deadline and page.
    pub settings: &'a Settings,
    /// The slot that runs (`A`).
    pub slot: String,
    /// The version that runs.
    pub version: Version,
    /// The time.
    pub clock: Clock,
}

/// The slot that the kernel was started from, by its command line: `rauc.slot=A`.
pub fn slot(command_line: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(command_line)
        .with_context(|| format!("read `{}`", command_line.display()))?;
    let mut words = text.split_ascii_whitespace();
    let named = words.find_map(|word| word.strip_prefix("rauc.slot="));
    Ok(named
        .context("the kernel's command line names no `rauc.slot`")?
        .to_owned())
}

#[allow(clippy::print_stderr, reason = "the journal of `vigla-gate`")]
fn unkept(error: &io::Error) {
    eprintln!("vigla-gate: cannot keep the state: {error}");
}

impl Gate<'_> {
    /// Waits, judges, marks, and writes it down.
    pub async fn pass(&self) -> anyhow::Result<Verdict> {
        let boot_id = identity::boot_id();
        let (past, state) = self.arrive(&boot_id).await?;
        let (mut checks, facts) = self.wait(&state).await;
        let mut verdict = verdict(&checks, past);
        if matches!(verdict, Verdict::Good | Verdict::GoodAndUnwell) {
            let marked = self.installer.mark(Mark::Good, &self.slot).await;
            if let Err(end) = marked {
                let mark = Check {
                    name: "mark".into(),
                    state: "failed".into(),
                    subject: end.to_string(),
                    after_ms: 0,
                };
                checks.push(mark);
                verdict = super::verdict(&checks, past);
            }
        }
        // A full disk says nothing of the version: the slot is marked all the same.
        let kept = self.record(verdict, &checks, facts, &boot_id).await;
        kept.unwrap_or_else(|error| unkept(&error));
        Ok(verdict)
    }

    /// Notes the start, and a fall back from the version that was on trial.
    async fn arrive(&self, boot_id: &str) -> anyhow::Result<(Past, State)> {
        let state = self.store.read().context("read the state")?;
        let fallen = state.trial.clone().filter(|trial| trial.slot != self.slot);
        let dossier = match &fallen {
            Some(_) => Some(self.dossier(String::new(), Vec::new(), -1).await),
            None => None,
        };
        let (slot, version) = (self.slot.clone(), self.version.to_string());
        let time_usec = self.clock.now_usec();
        let arrived = self.store.change(|state| {
            if let (Some(trial), Some(dossier)) = (fallen, dossier) {
                state.trial = None;
                state.note(fell_back(&trial, &version, time_usec, dossier));
            } else if let Some(trial) = &mut state.trial
                && !trial.boots.iter().any(|known| known == boot_id)
            {
                trial.boots.push(boot_id.to_owned());
            }
            (Past::of(state, &slot, &version), state.clone())
        });
        Ok(arrived.unwrap_or_else(|error| {
            unkept(&error);
            (Past::of(&state, &slot, &version), state)
        }))
    }

    /// Looks until everything is well, or the deadline is there; says when what is owed changes.
    #[allow(clippy::print_stderr, reason = "the journal of `vigla-gate`")]
    async fn wait(&self, state: &State) -> (Vec<Check>, Facts) {
        let began = tokio::time::Instant::now();
        let mut passed: Vec<Check> = Vec::new();
        loop {
            let facts = look::facts(self.bus, self.client, self.settings.gate.page.get()).await;
            let after = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let mut now = checks(&facts, &state.worked, after);
            keep_times(&mut now, &passed);
            let late = began.elapsed() >= self.settings.gate.deadline.get();
            if first_failed(&now).is_none() || late {
                return (now, facts);
            }
            if owed(&now) != owed(&passed) {
                eprintln!("vigla-gate: waits for {}", owed(&now));
            }
            passed = now;
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn record(
        &self,
        verdict: Verdict,
        checks: &[Check],
        facts: Facts,
        boot_id: &str,
    ) -> io::Result<()> {
        let dossier = match verdict {
            Verdict::Good => None,
            _ => Some(self.dossier(boot_id.to_owned(), checks.to_vec(), 0).await),
        };
        let failed = first_failed(checks)
            .map(|check| check.name.clone())
            .unwrap_or_default();
        let time_usec = self.clock.now_usec();
        self.store.change(|state| {
            let tries = state.trial.as_ref().map_or(0, |trial| trial.boots.len());
            let before = state.trial.as_ref().map(|trial| trial.before.clone());
            let entry = Entry {
                time_usec,
                slot: self.slot.clone(),
                version: self.version.to_string(),
                before: before.unwrap_or_default(),
                result: failed,
                dossier,
                ..Entry::default()
            };
            match verdict {
                Verdict::Good => {
                    if state.prove(&self.slot, &self.version) {
                        state.note(Entry {
                            event: "passed".into(),
                            ..entry
                        });
                    }
                    state.worked = look::of(facts.cameras.unwrap_or_default(), facts.queue.ok());
                }
                Verdict::GoodAndUnwell | Verdict::Stay => {
                    state.note(Entry {
                        event: "unwell".into(),
                        ..entry
                    });
                }
                Verdict::Leave => {
                    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
                    state.note(Entry {
                        event: "failed".into(),
                        tries,
                        ..entry
                    });
                }
            }
        })
    }

    /// `boot`: 0 is this one, -1 the one before.
    async fn dossier(&self, boot_id: String, checks: Vec<Check>, boot: i32) -> Dossier {
        let failed_units = if boot == 0 {
            failed_units(self.bus).await
        } else {
            Vec::new()
        };
        Dossier {
            boot_id,
            checks,
            failed_units,
            kernel: kernel(boot).await,
        }
    }
}

/// What passed keeps the time when it first did.
fn keep_times(now: &mut [Check], before: &[Check]) {
    for check in now {
        let known = before.iter().find(|known| known.name == check.name);
        if let Some(known) =
            known.filter(|known| known.state == check.state && known.state != "failed")
        {
            check.after_ms = known.after_ms;
        }
    }
}

/// What became of a version that does not run although it was installed.
fn fell_back(trial: &Trial, now: &str, time_usec: u64, dossier: Dossier) -> Entry {
    if !trial.written {
        // The power went while RAUC wrote, and the slot was never started.
        return Entry {
            time_usec,
            event: "refused".into(),
            slot: trial.slot.clone(),
            version: trial.version.clone(),
            before: now.to_owned(),
            result: "interrupted".into(),
            ..Entry::default()
        };
    }
    Entry {
        time_usec,
        event: "fell-back".into(),
        slot: trial.slot.clone(),
        version: trial.version.clone(),
        before: now.to_owned(),
        tries: u32::try_from(trial.boots.len()).unwrap_or(u32::MAX),
        dossier: Some(dossier),
        ..Entry::default()
    }
}

/// The last lines of the kernel in a boot; none where there is no journal.
async fn kernel(boot: i32) -> Vec<String> {
    let mut journal = tokio::process::Command::new("journalctl");
    journal.args([
        "--dmesg",
        "--lines=60",
        "--no-pager",
        "--output=short-monotonic",
    ]);
    journal
        .arg(format!("--boot={boot}"))
        .stdin(std::process::Stdio::null());
    let said =
        tokio::time::timeout(Duration::from_secs(10), journal.kill_on_drop(true).output()).await;
    match said {
        Ok(Ok(output)) if output.status.success() => {
            dossier::tail(&String::from_utf8_lossy(&output.stdout))
        }
        _ => Vec::new(),
    }
}

#[vigla_bus::zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    #[allow(clippy::type_complexity, reason = "systemd's own")]
    fn list_units_filtered(
        &self,
        states: &[&str],
    ) -> vigla_bus::zbus::Result<
        Vec<(
            String,
            String,
            String,
            String,
            String,
            String,
            vigla_bus::zbus::OwnedObjectPath,
            u32,
            String,
            vigla_bus::zbus::OwnedObjectPath,
        )>,
    >;
}

async fn failed_units(bus: &Connection) -> Vec<String> {
    let ask = async {
        let units = ManagerProxy::new(bus)
            .await?
            .list_units_filtered(&["failed"])
            .await?;
        vigla_bus::zbus::Result::Ok(units.into_iter().map(|unit| unit.0).collect())
    };
    let asked = tokio::time::timeout(Duration::from_secs(5), ask).await;
    asked.ok().and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slot_is_that_of_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cmdline");
        let put = |text: &str| vigla_kit::atomic::write(&path, text.as_bytes()).unwrap();
        put("console=ttyAMA0 vigla.slot=b rauc.slot=B panic=5\n");
        assert_eq!(slot(&path).unwrap(), "B");
        put("quiet\n");
        assert!(slot(&path).is_err());
    }

    #[test]
    fn a_check_keeps_the_time_at_which_it_passed() {
        let check = |state: &str, after_ms| Check {
            name: "page".into(),
            state: state.into(),
            after_ms,
            ..Check::default()
        };
        let mut now = [check("passed", 9)];
        keep_times(&mut now, &[check("passed", 4)]);
        assert_eq!(now[0].after_ms, 4);
        let mut now = [check("failed", 9)];
        keep_times(&mut now, &[check("failed", 4)]);
        assert_eq!(now[0].after_ms, 9);
    }
}
