//! `viglactl watch`: the counts of all cameras as they change.
//!
//! In a terminal the same lines are drawn again and again; elsewhere each second adds its lines, or
//! with `--json` its objects. The detections' rings are looked at, nobody is woken, and a service
//! that goes away is waited for.

mod screen;
mod terminal;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep};
use vigla_bus::detector::FrameDetections;
use vigla_frames::{Reader, Wait};

use crate::cli::Watch;
use crate::client::{Client, no_camera};
use crate::fault::Fault;
use crate::out::Out;
use screen::{Row, Screen};

/// A drawn screen is renewed so often.
const DRAW: Duration = Duration::from_millis(250);
/// Lines and objects come so often.
const LINE: Duration = Duration::from_secs(1);
/// Cameras are looked up so often.
const LOOK_UP: Duration = Duration::from_secs(2);

pub(crate) async fn run(client: &Client, options: &Watch, out: Out) -> Result<ExitCode, Fault> {
    let watch_signal =
        |kind| signal(kind).map_err(|error| Fault::failed("watch for signals", error));
    let (mut interrupt, mut terminate) = (
        watch_signal(SignalKind::interrupt())?,
        watch_signal(SignalKind::terminate())?,
    );
    // A service that hangs must hold up neither Ctrl-C nor the end of the time.
    let late = async {
        match options.seconds {
            Some(seconds) => sleep(Duration::from_secs(seconds).saturating_add(LINE)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = show(client, options, out) => result?,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = late => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks and shows, again and again, for as long as it was asked to.
async fn show(client: &Client, options: &Watch, out: Out) -> Result<(), Fault> {
    let drawn = io::stdout().is_terminal() && !out.json();
    let mut watcher = Watcher::new(client, options.camera.clone());
    watcher.look_up().await?;
    let mut screen = Screen::new(out, drawn)?;
    let mut tick = interval(if drawn { DRAW } else { LINE });
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let started = Instant::now();
    loop {
        tick.tick().await;
        watcher.look_up_now_and_then().await;
        let rows = watcher.rows();
        if out.json() {
            for row in rows.iter().filter_map(|row| row.frame.as_ref()) {
                out.value(row)?;
            }
        } else {
            screen.show(&rows)?;
        }
        let asked = options.seconds.map(Duration::from_secs);
        if asked.is_some_and(|asked| started.elapsed() >= asked) {
            return Ok(());
        }
    }
}

/// The rings that are looked at.
struct Watcher<'c> {
    client: &'c Client,
    only: Option<String>,
    readers: BTreeMap<String, Option<Reader>>,
    looked: Instant,
    /// Frame id and time of the last look, for the rate.
    before: BTreeMap<String, (u64, u64)>,
}

impl<'c> Watcher<'c> {
    fn new(client: &'c Client, only: Option<String>) -> Self {
        Self {
            client,
            only,
            readers: BTreeMap::new(),
            looked: Instant::now(),
            before: BTreeMap::new(),
        }
    }

    /// Finds the cameras, and opens the rings that are not open.
    async fn look_up(&mut self) -> Result<(), Fault> {
        self.looked = Instant::now();
        let cameras = self.client.cameras().await?;
        if let Some(only) = self
            .only
            .as_ref()
            .filter(|only| !cameras.contains_key(*only))
        {
            return Err(no_camera(only, cameras.keys()));
        }
        let wanted = |id: &String| self.only.as_ref().is_none_or(|only| only == id);
        self.readers.retain(|id, _| cameras.contains_key(id));
        for id in cameras.into_keys().filter(wanted) {
            if !matches!(self.readers.get(&id), Some(Some(_))) {
                let reader = self.client.detections(&id).await.ok();
                self.readers.insert(id, reader);
            }
        }
        Ok(())
    }

    /// What is away now may be back later: only the first look-up may fail.
    async fn look_up_now_and_then(&mut self) {
        if self.looked.elapsed() >= LOOK_UP && self.look_up().await.is_err() {
            self.readers.clear();
        }
    }

    fn rows(&mut self) -> Vec<Row> {
        let mut rows = Vec::new();
        for (id, slot) in &mut self.readers {
            let frame = slot.as_mut().and_then(newest);
            if slot.as_mut().is_some_and(gone) {
                *slot = None;
            }
            let rate = frame.as_ref().and_then(|frame| {
                let now = (frame.frame_id, frame.time_usec);
                let before = self.before.insert(id.clone(), now)?;
                rate(before, now)
            });
            rows.push(Row {
                camera: id.clone(),
                frame,
                rate,
            });
        }
        rows
    }
}

fn newest(reader: &mut Reader) -> Option<FrameDetections> {
    serde_json::from_slice(reader.peek()?.bytes()).ok()
}

fn gone(reader: &mut Reader) -> bool {
    !matches!(reader.wait(Duration::ZERO), Ok(Wait::Frame | Wait::Timeout))
}

/// Frames per second between two looks; nothing when no frame came.
#[allow(clippy::cast_precision_loss, reason = "a rate for the eye")]
fn rate(before: (u64, u64), now: (u64, u64)) -> Option<f64> {
    let (frames, usec) = (now.0.checked_sub(before.0)?, now.1.checked_sub(before.1)?);
    (frames > 0 && usec > 0).then(|| frames as f64 * 1e6 / usec as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_camera() {
        assert_eq!(rate((10, 0), (15, 500_000)), Some(10.0));
        assert_eq!(rate((10, 0), (10, 0)), None);
        assert_eq!(rate((10, 5), (3, 9)), None);
    }
}
