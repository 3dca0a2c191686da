//! What the kernel says about the processes of a node.

use std::time::Duration;

use anyhow::Context as _;
use vigla_system_tests::{NOUNS, Site};

/// The process ids of all services, in the order of their names in [`NOUNS`].
pub(crate) fn services(site: &mut Site) -> anyhow::Result<Vec<u32>> {
    NOUNS
        .iter()
        .map(|noun| Ok(site.daemon(noun)?.child().pid()))
        .collect()
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read_to_string(&path).with_context(|| format!("read `{path}`"))
}

/// A line `key: number` of a file of `/proc`.
fn number(text: &str, key: &str) -> u64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// CPU time of a process so far.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    // Nanoseconds on a CPU, of each thread; `stat` would say hundredths of a second.
    let mut sum = 0;
    for thread in threads(pid)? {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat"))?;
        sum += text
            .split_whitespace()
            .next()
            .and_then(|first| first.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(sum))
}

/// How often its threads went to sleep by themselves.
pub(crate) fn sleeps(pid: u32) -> anyhow::Result<u64> {
    let mut sum = 0;
    for thread in threads(pid)? {
        sum += number(
            &read(pid, &format!("task/{thread}/status"))?,
            "voluntary_ctxt_switches",
        );
    }
    Ok(sum)
}

/// Its share of memory, in bytes.
pub(crate) fn pss(pid: u32) -> anyhow::Result<u64> {
    Ok(number(&read(pid, "smaps_rollup")?, "Pss") * 1024)
}

/// Resident memory of this process, in bytes.
pub(crate) fn own_resident() -> anyhow::Result<u64> {
    Ok(number(&read(std::process::id(), "status")?, "VmRSS") * 1024)
}

fn threads(pid: u32) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect())
}
