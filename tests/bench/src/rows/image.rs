//! P13, P14, R3: the image and its start, in an emulated board, against the same root without us.
//!
//! A message has the wall time of its first frame; the guest says when its user space began by the same
//! clock. So nothing is polled while the start is measured. A board that is emulated is slow, and equally
//! slow for both: the ratio carries over, the seconds do not.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use vigla_boot_tests::{Agent, Card, Fat, Guest, HOST, Outside, Wire, image};
use vigla_testkit::until;

use crate::row::{Goal, Row};

/// For a count to come, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);
/// The image that is shipped, beside the one that is booted here.
const SIZES: &str = "vigla-qemu-arm64-prod.sizes.json";
const MB: f64 = 1_000_000.0;

pub(crate) fn sizes() -> anyhow::Result<Vec<Row>> {
    let Some(card) = image() else {
        return Ok(vec![Row::skipped("P13", "run `cargo xtask bench --image`")]);
    };
    let path = card.with_file_name(SIZES);
    let text = fs::read(&path).with_context(|| format!("read `{}`", path.display()))?;
    let sizes: Value = serde_json::from_slice(&text)?;
    let megabytes = |value: &Value| value.as_f64().map(|bytes| bytes / MB);
    let files = sizes["files"].as_object().context("`files` in the sizes")?;
    let card = files.iter().find(|(name, _)| name.ends_with(".img.zst"));
    let card = card.and_then(|(_, bytes)| megabytes(bytes));
    let programs = megabytes(&sizes["programs_total"]);
    Ok(vec![
        Row::limit(
            "P13",
            "production image without K3s, compressed",
            card.context("the card's size")?,
            Goal::AtMost(120.0),
            "MB",
        ),
        Row::limit(
            "P13",
            "our programs together, stripped",
            programs.context("the programs' size")?,
            Goal::AtMost(15.0),
            "MB; ADR 0017 says why it is more",
        ),
    ])
}

pub(crate) fn starts() -> anyhow::Result<Vec<Row>> {
    let Some(image) = image() else {
        return Ok(vec![Row::skipped("P14", "run `cargo xtask bench --image`")]);
    };
    let outside = Outside::start()?;
    let wire = Wire::to(outside.port())?;

    let card = Card::copy(&image, "bench")?;
    let toml = format!("[mqtt]\nbroker = \"mqtt://{HOST}:{}\"\n", wire.port());
    Fat::of(card.path())?.put("vigla.toml", toml.as_bytes())?;
    let mut guest = Guest::start(&card)?;
    let mut agent = guest.agent()?;
    wire.mend();
    settle(&mut agent)?;

    agent.restart()?;
    let online = first_count(&mut agent, &outside)?;
    settle(&mut agent)?;
    wire.cut();
    agent.restart()?;
    settle(&mut agent)?;
    wire.mend();
    let offline = first_count(&mut agent, &outside)?;

    let mask = "mkdir -p /etc/systemd/system; for unit in /usr/lib/systemd/system/vigla-*; do ln -sf /dev/null /etc/systemd/system/${unit##*/}; done; sync";
    agent.run(mask)?;
    agent.restart()?;
    settle(&mut agent)?;
    let without = multi_user(&mut agent)?;
    Ok(vec![
        Row::ratio(
            "P14",
            "user space start to first count in the broker / to multi-user without us",
            (online, without),
            Goal::AtMost(1.6),
            "s of an emulated board",
        ),
        Row::ratio(
            "R3",
            "the same, offline: to the first count in the queue",
            (offline, without),
            Goal::AtMost(1.6),
            "s of an emulated board; the goal of 60 s is a Pi's, which was not at hand",
        ),
    ])
}

fn settle(agent: &mut Agent) -> anyhow::Result<()> {
    agent
        .ask("systemctl is-system-running --wait")
        .map(drop)
        .context("wait for the end of the start")
}

/// From the start of user space to the first frame that was counted, in seconds.
fn first_count(agent: &mut Agent, outside: &Outside) -> anyhow::Result<f64> {
    let boot_id = agent.run("cat /proc/sys/kernel/random/boot_id")?;
    let boot_id = boot_id.replace('-', "");
    let first = until("a count of this start", PATIENCE, || {
        let all = outside.counts().ok()?.into_iter();
        let mut ours = all.filter(|message| {
            let id = message["boot_id"].as_str().unwrap_or_default();
            id.replace('-', "") == boot_id
        });
        ours.next()
    })?;
    let ts = first["ts"].as_str().context("`ts` in a message")?;
    let line = format!(
        "read up _ < /proc/uptime; now=$(date +%s.%N); at=$(date -d {ts} +%s.%N); began=$(systemctl show -P UserspaceTimestampMonotonic); echo $now $up $at $began"
    );
    let said = agent.run(&line)?;
    let numbers: Vec<f64> = said
        .split(' ')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("the times in `{said}`"))?;
    let [now, up, at, began] = numbers[..] else {
        anyhow::bail!("four times, not `{said}`");
    };
    Ok(at - (now - up) - began / 1e6)
}

fn multi_user(agent: &mut Agent) -> anyhow::Result<f64> {
    let began = "systemctl show -P UserspaceTimestampMonotonic";
    let there = "systemctl show -P ActiveEnterTimestampMonotonic multi-user.target";
    let said = agent.run(&format!("echo $({there}) $({began})"))?;
    let (there, began) = said.split_once(' ').context("two times")?;
    Ok((there.parse::<f64>()? - began.parse::<f64>()?) / 1e6)
}
