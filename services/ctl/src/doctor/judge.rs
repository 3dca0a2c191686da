//! From facts to findings. Pure: no clock, no disk, no bus.

use std::collections::BTreeMap;

use vigla_bus::Problem;
use vigla_bus::names::{CAMERA, DETECTOR, GATEWAY, METRICS, Service};

use super::Finding;
use super::causes::cause;
use super::facts::{Daemon, Facts, State};
use super::local::{Disk, Unit};

/// What is looked at, most basic thing first: what is wrong above often explains what is below.
pub(crate) const CHECKS: &[&str] = &[
    "bus", "clock", "disk", "device", "services", "runtime", "library", "model", "camera",
    "picture", "broker", "port", "updates", "fleet", "settings",
];

/// Which check a problem of a service belongs to, by the start of its code.
const BELONGS: &[(&str, &str)] = &[
    ("no-library", "library"),
    ("library-", "library"),
    ("no-model", "model"),
    ("model-", "model"),
    ("picture-", "picture"),
    ("no-camera", "camera"),
    ("not-a-camera", "camera"),
    ("camera-", "camera"),
    ("source-", "camera"),
    ("no-ffmpeg", "camera"),
    ("no-broker", "broker"),
    ("broker-", "broker"),
    ("tls-", "broker"),
    ("message-refused", "broker"),
    ("port-in-use", "port"),
    ("queue-disk", "disk"),
    ("no-state", "disk"),
    ("disk-full", "disk"),
    ("writes-over-budget", "disk"),
    ("card-worn", "device"),
    ("memory-low", "device"),
    ("throttled", "device"),
    ("too-hot", "device"),
    ("undervoltage", "device"),
    ("update-", "updates"),
    ("not-joined", "fleet"),
    ("no-peer", "services"),
    ("peer-", "services"),
];

/// Whom each check asks. What is asked of nobody is seen on this machine.
const ASKED: &[(&str, &[Service])] = &[
    ("device", &[METRICS]),
    ("runtime", &[METRICS]),
    ("library", &[DETECTOR]),
    ("model", &[DETECTOR]),
    ("camera", &[CAMERA]),
    ("picture", &[CAMERA]),
    ("broker", &[METRICS]),
    ("port", &[GATEWAY]),
    ("settings", &[CAMERA, DETECTOR, METRICS, GATEWAY]),
];

/// A clock below this stands before the first release: 2026-01-01.
const FLOOR: u64 = 1_767_225_600;
/// A disk with less is full for all that we want of it, in bytes.
const SCARCE: u64 = 32 << 20;

/// Every finding, in the order of [`CHECKS`].
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(facts.no_bus.as_deref().map(bus));
    findings.extend(clock(facts));
    findings.extend(facts.disks.iter().filter_map(disk));
    findings.extend(facts.daemons.iter().filter_map(daemon));
    findings.extend(facts.unscraped.iter().map(|unit| runtime(unit)));
    let mut told: Vec<&Problem> = Vec::new();
    for problem in facts.problems() {
        if !told.contains(&problem) && !explained(problem, facts) {
            told.push(problem);
            findings.push(reported(problem, facts));
        }
    }
    let rank = |finding: &Finding| CHECKS.iter().position(|check| *check == finding.check);
    findings.sort_by_key(rank);
    findings
}

/// Checks that nobody could answer, and why: who knows is not there to be asked, or does not let us look.
pub(super) fn unknown(facts: &Facts) -> BTreeMap<&'static str, String> {
    let mut unknown = BTreeMap::new();
    let no_bus = || "there is no bus to ask on".to_owned();
    if facts.no_bus.is_some() {
        unknown.insert("services", no_bus());
    }
    if !facts.unseen.is_empty() {
        unknown.insert("disk", facts.unseen.join("; "));
    }
    if let Some(why) = &facts.ungathered {
        unknown.insert("runtime", why.clone());
    }
    for (check, services) in ASKED {
        let mut silent = services.iter().filter_map(|service| mute(*service, facts));
        if let Some(first) = silent.next() {
            let why = match facts.no_bus {
                Some(_) => no_bus(),
                None => silent.fold(first, |all, next| format!("{all}; {next}")),
            };
            unknown.insert(*check, why);
        }
    }
    unknown
}

/// Why `service` says nothing of itself; `None` when it does.
fn mute(service: Service, facts: &Facts) -> Option<String> {
    let mut daemons = facts.daemons.iter();
    let state = daemons.find(|daemon| daemon.service == service);
    let why = match state.map(|daemon| &daemon.state) {
        Some(State::Running(_)) => return None,
        Some(State::Silent) => "does not answer",
        Some(State::Denied(_)) => "may not be asked",
        Some(State::Absent(_)) | None => "does not run",
    };
    Some(format!("`{}` {why}", service.binary))
}

fn wrong(check: &'static str, code: &str, what: impl Into<String>) -> Finding {
    Finding {
        check,
        code: code.to_owned(),
        what: what.into(),
        cause: String::new(),
        fix: String::new(),
        wrong: true,
    }
}

fn bus(why: &str) -> Finding {
    Finding {
        cause: why.to_owned(),
        fix: "start it: `systemctl start dbus`; in a trial run set `DBUS_SYSTEM_BUS_ADDRESS` as it prints it".to_owned(),
        ..wrong("bus", "no-bus", "the system bus cannot be reached, so nobody can be asked")
    }
}

fn clock(facts: &Facts) -> Option<Finding> {
    let clock = facts.clock;
    let fix = "let this node reach a time server (`timedatectl` shows it), or set the clock with `date -s`";
    if clock.seconds < FLOOR {
        let stands = std::time::UNIX_EPOCH + std::time::Duration::from_secs(clock.seconds);
        let stands = humantime::format_rfc3339_seconds(stands);
        return Some(Finding {
            cause: "no battery keeps it, and no time server was reached since the start".to_owned(),
            fix: fix.to_owned(),
            ..wrong(
                "clock",
                "clock",
                format!("the clock is wrong: it stands at {stands}"),
            )
        });
    }
    (!clock.synced).then(|| Finding {
        cause: "no time service disciplines it".to_owned(),
        fix: fix.to_owned(),
        wrong: false,
        ..wrong("clock", "clock-alone", "nobody vouches for the clock")
    })
}

fn disk(disk: &Disk) -> Option<Finding> {
    let folder = disk.folder.display();
    let (code, what, fix) = if disk.read_only {
        (
            "disk-read-only",
            format!("nothing can be written to `{folder}`: it is mounted read-only"),
            "see `dmesg` for why, and mount it writable; a card that does this is worn out",
        )
    } else if disk.free < SCARCE.min(disk.size / 10) {
        (
            "disk-full",
            format!("the disk of `{folder}` is full"),
            "make room there; `du -xh -d2 /var` shows what takes it",
        )
    } else {
        return None;
    };
    Some(Finding {
        cause: format!("{} of {} MiB are free", disk.free >> 20, disk.size >> 20),
        fix: fix.to_owned(),
        ..wrong("disk", code, what)
    })
}

fn daemon(daemon: &Daemon) -> Option<Finding> {
    let (unit, noun) = (daemon.service.binary, daemon.service.noun);
    let log = format!("see `journalctl -u {unit}`, or the log of the trial run");
    let finding = match &daemon.state {
        State::Running(_) => return None,
        State::Silent => Finding {
            cause: "it hangs".to_owned(),
            fix: format!("run `systemctl restart {unit}`; then {log}"),
            ..wrong("services", "silent", format!("`{unit}` does not answer"))
        },
        State::Denied(why) => Finding {
            cause: why.clone(),
            fix: "use `sudo`, or join the group `vigla-operator`".to_owned(),
            ..wrong("services", "denied", format!("`{unit}` may not be asked"))
        },
        State::Absent(why) => {
            let (cause, fix) = match why {
                Unit::NotInstalled => (
                    "it is not installed".to_owned(),
                    format!("install `{unit}`"),
                ),
                Unit::Settings => (
                    "its settings are wrong".to_owned(),
                    format!("run `viglactl config check {noun}`"),
                ),
                Unit::Failed(code) => (format!("it ended with exit code {code}"), log),
                Unit::Stopped => (
                    "it was stopped, or never started".to_owned(),
                    format!("run `systemctl start {unit}`"),
                ),
                Unit::NoSystemd => (
                    "nothing starts it: this machine runs without systemd".to_owned(),
                    format!(
                        "start `{unit}` with whatever starts programs here (in a checkout `cargo xtask run`); then {log}"
                    ),
                ),
                Unit::Unknown => ("systemd does not say why".to_owned(), log),
            };
            Finding {
                cause,
                fix,
                ..wrong(
                    "services",
                    "not-running",
                    format!("`{unit}` is not running"),
                )
            }
        }
    };
    Some(finding)
}

fn runtime(unit: &str) -> Finding {
    Finding {
        cause: "its socket in the runtime folder is missing, or may not be opened".to_owned(),
        fix: format!("run `systemctl restart {unit}`, which makes the folder anew"),
        ..wrong(
            "runtime",
            "runtime-folder",
            format!("the metrics of `{unit}` cannot be gathered"),
        )
    }
}

/// A missing service is told once, by its absence.
fn explained(problem: &Problem, facts: &Facts) -> bool {
    let absent = |daemon: &Daemon| {
        daemon.service.binary == problem.subject && !matches!(daemon.state, State::Running(_))
    };
    matches!(problem.code.as_str(), "no-peer" | "peer-silent") && facts.daemons.iter().any(absent)
}

/// What a service says of itself, and what we see of the same thing.
fn reported(problem: &Problem, facts: &Facts) -> Finding {
    let mut belongs = BELONGS.iter();
    let check = belongs
        .find(|(start, _)| problem.code.starts_with(start))
        .map_or("settings", |(_, check)| *check);
    Finding {
        cause: cause(problem, facts),
        fix: problem.fix(),
        ..wrong(check, &problem.code, problem.what())
    }
}

#[cfg(test)]
mod tests;
