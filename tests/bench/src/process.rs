//! What the kernel says about the processes of a node.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use vigla_system_tests::{NOUNS, Site};
use vigla_testkit::Rig;

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

/// CPU time of a process so far, of threads that have ended too.
pub(crate) fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid)?))
        .with_context(|| format!("the CPU clock of process {pid}"))?;
    Ok(clock_gettime(clock)?.into())
}

/// CPU time of several processes, in seconds.
pub(crate) fn cpu_of(pids: &[u32]) -> anyhow::Result<f64> {
    pids.iter().map(|pid| Ok(cpu(*pid)?.as_secs_f64())).sum()
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

/// The memory that it has made for itself, in bytes: without the pages of programs and libraries, whose share
/// changes with whoever else runs.
pub(crate) fn anonymous(pid: u32) -> anyhow::Result<u64> {
    Ok(number(&read(pid, "smaps_rollup")?, "Anonymous") * 1024)
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

/// The value of a series on the metrics page of a service.
pub(crate) fn series(site: &Site, noun: &str, name: &str) -> anyhow::Result<f64> {
    let page = page(&site.rig, noun)?;
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.with_context(|| format!("no `{name}` on the page of `{noun}`"))?;
    Ok(value.parse()?)
}

/// The metrics page of a service, from its own socket.
pub(crate) fn page(rig: &Rig, noun: &str) -> anyhow::Result<String> {
    let path = rig.run_dir().join(noun).join("metrics.sock");
    let mut socket =
        UnixStream::connect(&path).with_context(|| format!("connect to `{}`", path.display()))?;
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    socket.read_to_string(&mut text)?;
    Ok(text)
}
