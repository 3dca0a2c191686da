//! A bundle from the network, into one file of ours, however often the connection is cut.
//!
//! ```text
//! what is kept ──► plan ──► one answer ──► take ──► append │ from the start │ moved │ give up
//!      ▲                                              │
//!      └───────── cut: again, after a pause ──────────┘
//! ```
//!
//! [`range`] decides, on data; [`http`] makes one exchange; here is the file and the patience. The part
//! and what is known of it survive a restart, so that the next attempt goes on where this one was.

pub mod http;
mod part;
mod range;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use tokio::time::{Instant, sleep};

use crate::outcome::End;
use http::{Client, Fault};
use part::Part;
use range::{Plan, Take};

/// Pauses between attempts: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// An address may move so often.
const MOVES: usize = 5;

/// Downloads, one at a time.
#[derive(Debug, Clone)]
pub struct Fetcher {
    /// Whom it talks with.
    pub client: Client,
    /// Where the file is kept.
    pub folder: PathBuf,
    /// Room that is left free, in bytes.
    pub reserve: u64,
    /// Given up when nothing came for so long.
    pub patience: Duration,
}

impl Fetcher {
    /// The bundle at `uri`, whole; tells how much of it is there, 0..=1.
    pub async fn fetch(
        &self,
        uri: &Uri,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> Result<PathBuf, End> {
        let mut part = Part::open(&self.folder, &uri.to_string()).map_err(|error| disk(&error))?;
        let (mut last, mut pause) = (Instant::now(), PAUSE.0);
        loop {
            let before = part.have();
            let end = self.attempt(uri, &mut part, progress).await;
            if part.have() > before {
                (last, pause) = (Instant::now(), PAUSE.0);
            }
            match end {
                Ok(()) => return part.finish().map_err(|error| disk(&error)),
                Err(Stop::Cut(why)) => {
                    tracing::info!(why, have = part.have(), "the download was cut, going on");
                    if last.elapsed() >= self.patience {
                        return Err(End::about("unreachable", host(uri)));
                    }
                }
                Err(Stop::For(end)) => return Err(end),
            }
            sleep(pause.min(self.patience)).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// What was downloaded, and built of it, is no longer wanted.
    pub fn forget(&self) {
        part::forget(&self.folder);
        // What is not there need not go; what cannot go is overwritten by the next.
        let _ = std::fs::remove_file(self.built());
    }

    /// Where a bundle is built from a delta.
    #[must_use]
    pub fn built(&self) -> PathBuf {
        self.folder.join("built.raucb")
    }

    async fn attempt(
        &self,
        uri: &Uri,
        part: &mut Part,
        progress: &(dyn Fn(f64) + Send + Sync),
    ) -> Result<(), Stop> {
        let mut at = uri.clone();
        for _ in 0..MOVES {
            let plan = range::plan(part.known(), part.have());
            if plan == Plan::Nothing {
                return Ok(());
            }
            let mut answer = self
                .client
                .get(&at, &plan.headers())
                .await
                .map_err(|f| stop(&f, &at))?;
            match range::take(answer.status(), answer.headers(), &plan) {
                Take::Append => {}
                Take::FromStart(known) => part
                    .restart(known)
                    .map_err(|error| Stop::For(disk(&error)))?,
                Take::Forget => {
                    part.restart(range::Known::default())
                        .map_err(|error| Stop::For(disk(&error)))?;
                    return Err(Stop::Cut("what was kept no longer fits"));
                }
                Take::Moved(to) => {
                    at = http::resolve(&at, &to)
                        .ok_or_else(|| Stop::For(End::about("not-found", host(uri))))?;
                    continue;
                }
                Take::Later => return Err(Stop::Cut("the server is busy")),
                Take::Never => return Err(Stop::For(End::about("not-found", host(uri)))),
            }
            self.room(part)?;
            while let Some(bytes) = answer.next().await.map_err(|f| stop(&f, &at))? {
                part.append(&bytes)
                    .map_err(|error| Stop::For(disk(&error)))?;
                progress(part.share());
            }
            return if part.is_whole() {
                Ok(())
            } else {
                Err(Stop::Cut("too little came"))
            };
        }
        Err(Stop::For(End::about("not-found", host(uri))))
    }

    /// Asked before the first byte, when the length is known.
    fn room(&self, part: &Part) -> Result<(), Stop> {
        self.room_for(part.missing()).map_err(Stop::For)
    }

    /// Whether so many bytes may be written.
    pub fn room_for(&self, bytes: u64) -> Result<(), End> {
        let free = free(&self.folder).map_err(|error| disk(&error))?;
        if free < bytes.saturating_add(self.reserve) {
            return Err(End::about("no-space", bytes.to_string()));
        }
        Ok(())
    }
}

/// Why an attempt ended.
enum Stop {
    /// The next may go on.
    Cut(&'static str),
    For(End),
}

fn stop(fault: &Fault, at: &Uri) -> Stop {
    match fault {
        Fault::Untrusted(_) => Stop::For(End::about("untrusted", host(at))),
        Fault::Address => Stop::For(End::about("not-found", host(at))),
        Fault::Cut(why) => {
            tracing::debug!(why, "cut");
            Stop::Cut("the connection failed")
        }
    }
}

/// What may be shown of an address.
#[must_use]
pub fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_owned()
}

pub(crate) fn disk(error: &std::io::Error) -> End {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            End::about("no-space", "more")
        }
        _ => End::about("unreadable", error.to_string()),
    }
}

fn free(folder: &Path) -> std::io::Result<u64> {
    let about = nix::sys::statvfs::statvfs(folder)?;
    Ok(about
        .blocks_available()
        .saturating_mul(about.fragment_size()))
}
