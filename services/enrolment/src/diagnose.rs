//! Each part of the way to the registrar, looked at in the order in which they build on each other.

use vigla_bus::enrolment::{Check, fix, what};
use vigla_fleet::device::Fault;
use vigla_kit::Clock;
use vigla_kit::proxy::Way;

use crate::card::Card;
use crate::registrar::reach;
use crate::store::Service;

/// What is known before anything is looked at.
#[derive(Debug, Clone)]
pub struct Patient {
    /// What the card said.
    pub card: Card,
    /// Whom the node would ask.
    pub service: Option<Service>,
    /// The owner's proxy.
    pub way: Way,
    /// The node's own time.
    pub clock: Clock,
    /// Seconds since 1970 before which it certainly is not.
    pub floor: u64,
    /// Why the node is not further, in a word.
    pub reason: &'static str,
}

/// More than this between the clock and what is certain is worth a word, in seconds.
const APART: u64 = 300;

/// Looks. What follows a failure is skipped.
pub async fn diagnose(patient: &Patient) -> Vec<Check> {
    let mut checks = vec![file(patient)];
    let Some(service) = &patient.service else {
        let rest = [
            "dns", "tcp", "proxy", "clock", "tls", "pin", "claim", "name",
        ];
        checks.extend(rest.map(skipped));
        return checks;
    };
    let proxy = reach::proxy(&patient.way, &service.endpoint);
    let stream = match proxy {
        Some(proxy) => {
            let said = format!("the proxy {}:{} looks it up", proxy.host, proxy.port);
            checks.extend([check("dns", "skipped", &said), skipped("tcp")]);
            let reached = reach::connect(service, &patient.way).await;
            checks.push(of("proxy", &reached, "lets the node through"));
            reached.ok()
        }
        None => direct(service, &mut checks).await,
    };
    checks.push(clock(patient));
    match stream {
        Some(stream) => {
            let secured = reach::secure(stream, service, patient.floor, None).await;
            checks.extend(trust(secured.err()));
        }
        None => checks.extend(["tls", "pin"].map(skipped)),
    }
    checks.extend(asked(patient.reason));
    checks
}

fn file(patient: &Patient) -> Check {
    let card = &patient.card;
    match (&card.invitation, card.mistakes.first(), card.there) {
        (Some(_), None, _) => check("file", "ok", "`enrolment.toml` is sound"),
        (Some(_), Some(mistake), _) if patient.service.is_some() => {
            check("file", "ok", &mistake.to_string())
        }
        (_, Some(mistake), _) => failed("file", &mistake.what, &mistake.fix),
        (None, None, true) => failed(
            "file",
            what(vigla_bus::enrolment::REASONS, "bad-file"),
            fix("bad-file"),
        ),
        (None, None, false) if patient.service.is_some() => check(
            "file",
            "skipped",
            "no `enrolment.toml`, and none is needed any more",
        ),
        (None, None, false) => failed("file", "there is no `enrolment.toml`", fix("no-claim")),
    }
}

async fn direct(service: &Service, checks: &mut Vec<Check>) -> Option<tokio::net::TcpStream> {
    let addresses = reach::addresses(service).await;
    let listed = addresses.as_ref().map_or(String::new(), |addresses| {
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        addresses.join(", ")
    });
    checks.push(of("dns", &addresses, &listed));
    let reached = if let Ok(addresses) = addresses {
        let reached = reach::dial(&addresses).await;
        checks.push(of("tcp", &reached, "the registrar answers"));
        reached.ok()
    } else {
        checks.push(skipped("tcp"));
        None
    };
    checks.push(check("proxy", "skipped", "none is set"));
    reached
}

/// It is no condition for joining; the cluster's agent needs it all the same.
fn clock(patient: &Patient) -> Check {
    let now = patient.clock.now_usec() / 1_000_000;
    if now + APART < patient.floor {
        let days = (patient.floor - now) / 86_400;
        let detail =
            format!("the clock is at least {days} days behind; the node joins all the same");
        return failed(
            "clock",
            &detail,
            "let the node reach a time server (`ntp` in `vigla.toml`)",
        );
    }
    let quality = patient.clock.quality().word();
    check(
        "clock",
        "ok",
        &format!("after the last time that is certain; its quality is `{quality}`"),
    )
}

fn trust(fault: Option<Fault>) -> [Check; 2] {
    match fault {
        None => [
            check("tls", "ok", "the connection is secure"),
            check("pin", "ok", "it is the pinned registrar"),
        ],
        Some(fault @ (Fault::Untrusted | Fault::Expired)) => [
            check("tls", "ok", "it speaks TLS"),
            bad("pin", fault.word()),
        ],
        Some(fault) => [bad("tls", fault.word()), skipped("pin")],
    }
}

/// What only the registrar can say it said the last time.
fn asked(reason: &str) -> [Check; 2] {
    let claim = match reason {
        "" => check("claim", "ok", "nothing is known against it"),
        reason if reason.starts_with("claim-") || reason == "proof-wrong" => bad("claim", reason),
        _ => check("claim", "unknown", "the registrar has not judged it"),
    };
    let name = match reason {
        "" => check("name", "ok", "it is this node's"),
        "name-clash" | "key-known-elsewhere" | "clone-suspected" | "other-board" => {
            bad("name", reason)
        }
        _ => check("name", "unknown", "the registrar has not judged it"),
    };
    [claim, name]
}

fn of<T>(name: &str, result: &Result<T, Fault>, well: &str) -> Check {
    match result {
        Ok(_) => check(name, "ok", well),
        Err(fault) => bad(name, fault.word()),
    }
}

fn bad(name: &str, reason: &str) -> Check {
    failed(
        name,
        what(vigla_bus::enrolment::REASONS, reason),
        fix(reason),
    )
}

fn failed(name: &str, detail: &str, fix: &str) -> Check {
    Check {
        fix: fix.to_owned(),
        ..check(name, "failed", detail)
    }
}

fn skipped(name: &str) -> Check {
    check(name, "skipped", "what it builds on failed")
}

fn check(name: &str, result: &str, detail: &str) -> Check {
    Check {
        name: name.to_owned(),
        result: result.to_owned(),
        detail: detail.to_owned(),
        fix: String::new(),
    }
}
