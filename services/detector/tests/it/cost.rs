//! What looking costs, in processor time and memory. Measured on request only:
//! `cargo test -p vigla-detector -- --ignored cost::`

use crate::bench::Bench;
use crate::camera::Script;

/// Frames over which is measured; at ten a second.
const FRAMES: usize = 150;

/// Processor time of a process so far, all threads, seconds.
fn processor_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<_> = after_name.split_whitespace().collect();
    let ticks: f64 = [fields[11], fields[12]]
        .map(|field| field.parse::<f64>().unwrap())
        .iter()
        .sum();
    ticks / 100.0
}

/// A line of `smaps_rollup`, in MB.
fn memory(pid: u32, what: &str) -> f64 {
    let map = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = map.lines().find(|line| line.starts_with(what)).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<f64>().unwrap() / 1024.0
}

/// Milliseconds of processor time per looked-at frame, once everything has settled.
async fn per_frame(script: Script, settings: &str) -> f64 {
    let mut bench = Bench::start(script, settings).await;
    let mut records = bench.records().await;
    records.find(|record| record.basis == "inferred").await;
    // The gate calms down after a few seconds.
    records.take(60).await;
    let pid = bench.daemon.child().pid();
    let (before, started) = (processor_time(pid), std::time::Instant::now());
    records.take(FRAMES).await;
    let spent = processor_time(pid) - before;
    #[allow(clippy::cast_precision_loss, reason = "a small number")]
    let millis = spent * 1000.0 / FRAMES as f64;
    let (pss, anonymous) = (memory(pid, "Pss:"), memory(pid, "Pss_Anon:"));
    let pace = started.elapsed() / u32::try_from(FRAMES).unwrap_or(1);
    println!(
        "{script:?} {settings:?}: {millis:.2} ms of processor per frame, one every {pace:.0?}; \
         {pss:.0} MB Pss, {anonymous:.0} MB of it anonymous"
    );
    millis
}

#[tokio::test]
#[ignore = "measures for a minute"]
async fn a_still_scene_costs_a_tenth_of_looking() {
    let always = per_frame(Script::Still, "[gate]\nenabled = false\n").await;
    let gated = per_frame(Script::Still, "").await;
    let moving = per_frame(Script::Clip, "").await;
    println!("still {gated:.2}, always {always:.2}, moving {moving:.2} ms");
    assert!(gated <= always * 0.10, "{gated} of {always}");
}
