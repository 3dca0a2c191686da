//! The broker as an outsider sees it, through `mosquitto_sub`.

use std::process::{Command, Stdio};

use anyhow::Context as _;

/// The next `count` messages under `filter` as `(topic, payload)`; an error after `seconds`.
pub fn messages(
    port: u16,
    filter: &str,
    count: usize,
    seconds: u32,
) -> anyhow::Result<Vec<(String, String)>> {
    let output = Command::new("mosquitto_sub")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-t",
            filter,
            "-F",
            "%t %p",
        ])
        .args(["-C", &count.to_string(), "-W", &seconds.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .context("install the package `mosquitto-clients`")?;
    let text = String::from_utf8(output.stdout)?;
    let all: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(topic, payload)| (topic.to_owned(), payload.to_owned()))
        .collect();
    anyhow::ensure!(
        all.len() >= count,
        "{} of {count} messages under `{filter}` within {seconds} s",
        all.len()
    );
    Ok(all)
}
