//! P5: what a viewer on a bad network costs one on a good network, and us.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use vigla_system_tests::{Scene, Site, http};

use crate::process::pss;
use crate::row::{Goal, Row};

const SPAN: Duration = Duration::from_secs(30);
/// Of the slow one, bytes a second.
const SLOW: usize = 200_000;
/// What parts of a multipart stream begin with.
const PART: &[u8] = b"Content-Length:";

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let mut site = Site::start(Scene::Passthrough)?;
    site.wait("pictures", Duration::from_secs(30), |state| {
        state["cameras"][0]["state"] == "streaming"
    })?;
    let gateway = site.daemon("gateway")?.child().pid();
    let picture = http::get(site.port, "/snapshot")?.bytes()?.len();

    let alone = frames(site.port, None)?;
    let before = pss(gateway)?;
    let beside = frames(site.port, Some(SLOW))?;
    let grown = pss(gateway)?.saturating_sub(before);
    let note = format!(
        "% of the frames that it gets alone, {alone} in {} s; 720p JPEG of about {} kB",
        SPAN.as_secs(),
        picture / 1000
    );
    Ok(vec![
        Row::limit(
            "P5",
            "frames of one client beside one at 200 kB/s",
            beside as f64 / alone as f64 * 100.0,
            Goal::AtLeast(99.5),
            note,
        ),
        Row::limit(
            "P5",
            "memory of the gateway for it, frames",
            grown as f64 / picture as f64,
            Goal::AtMost(1.0),
            format!("{grown} bytes"),
        ),
    ])
}

/// Frames that one client gets in the span, perhaps beside a slow one.
fn frames(port: u16, slow: Option<usize>) -> anyhow::Result<u64> {
    let (over, read) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (told, sips) = (&over, &read);
        let dawdler = slow.map(|rate| scope.spawn(move || dawdle(port, rate, told, sips)));
        let mut stream = http::get(port, "/stream")?.into_body();
        let (start, mut count, mut bytes, mut kept) =
            (Instant::now(), 0, vec![0; 64 << 10], Vec::new());
        while start.elapsed() < SPAN {
            let got = stream.read(&mut bytes)?;
            anyhow::ensure!(got > 0, "the stream has ended");
            kept.extend_from_slice(&bytes[..got]);
            count += kept
                .windows(PART.len())
                .filter(|window| window.eq_ignore_ascii_case(PART))
                .count() as u64;
            kept.drain(..kept.len().saturating_sub(PART.len() - 1));
        }
        over.store(true, Ordering::Relaxed);
        match dawdler.map(std::thread::ScopedJoinHandle::join) {
            Some(Ok(result)) => result?,
            Some(Err(_)) => anyhow::bail!("the slow client failed"),
            None => {}
        }
        Ok(count)
    })
}

#[allow(clippy::disallowed_methods, reason = "a slow client is slow")]
fn dawdle(port: u16, rate: usize, over: &AtomicBool, read: &AtomicU64) -> anyhow::Result<()> {
    let mut stream = http::get(port, "/stream")?.into_body();
    let mut sip = vec![0; rate / 20];
    while !over.load(Ordering::Relaxed) {
        read.fetch_add(stream.read(&mut sip)? as u64, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
