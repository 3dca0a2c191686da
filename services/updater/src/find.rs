//! From an order to a bundle at hand: where it lies already, fetched, or built from a delta.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::Address;
use crate::delta;
use crate::desk::Desk;
use crate::feed::Delta;
use crate::job::{Job, Stage};
use crate::order::{Order, Source};
use crate::outcome::End;

/// A bundle at hand.
#[derive(Debug)]
pub(crate) struct Found {
    /// As RAUC opens it.
    pub(crate) path: String,
    /// SHA-256 that its manifest must have.
    pub(crate) hash: Option<String>,
    /// Whether it is a file of ours that goes when it is written or refused.
    pub(crate) ours: bool,
}

impl Desk {
    /// The bundle that was ordered.
    pub(crate) async fn find(&self, order: &Order, job: &Job) -> Result<Found, End> {
        let hash = order.hash.clone();
        match &order.source {
            Source::File(path) => self.at_hand(path.clone(), false, hash, job).await,
            Source::Stick => {
                let release = self.catalogue.newest_on_stick().await?;
                self.at_hand(release.source.into(), false, hash, job).await
            }
            Source::Web(uri) => self.fetched(uri, hash, job).await,
            Source::Feed => {
                let (release, delta) = self.catalogue.newest_of_feed().await?;
                // Who asks for a certain manifest gets that and not one that was signed beside it.
                let delta = delta.filter(|delta| {
                    hash.as_ref()
                        .is_none_or(|wanted| *wanted == delta.manifest_hash)
                });
                if let Some(found) = self.by_delta(delta, job).await? {
                    return Ok(found);
                }
                let hash = hash.unwrap_or(release.manifest_hash);
                let uri = address(&release.source)?;
                self.fetched(&uri, Some(hash), job).await
            }
        }
    }

    /// A delta is worth a try; the whole bundle is there for when it does not come to anything.
    async fn by_delta(&self, delta: Option<Delta>, job: &Job) -> Result<Option<Found>, End> {
        let Some(delta) = delta else { return Ok(None) };
        let uri = address(&delta.url)?;
        match self.fetched(&uri, Some(delta.manifest_hash), job).await {
            Ok(found) => Ok(Some(found)),
            Err(end) if end.code == "cancelled" => Err(end),
            Err(end) => {
                tracing::info!(from = %delta.from, "the delta is of no use, fetching the whole bundle: {end}");
                self.fetcher.forget();
                Ok(None)
            }
        }
    }

    async fn fetched(
        &self,
        uri: &hyper::Uri,
        hash: Option<String>,
        job: &Job,
    ) -> Result<Found, End> {
        job.enter(Stage::Fetching);
        let progress = |share| job.progress(share);
        let path = self.fetcher.fetch(uri, &progress).await?;
        self.at_hand(path, true, hash, job).await
    }

    /// The bundle at `path`, or what is built of the delta there.
    async fn at_hand(
        &self,
        path: PathBuf,
        ours: bool,
        hash: Option<String>,
        job: &Job,
    ) -> Result<Found, End> {
        let head = match delta::head(&path) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(End::about("misfit", error.to_string()));
            }
            // What we may not read, RAUC may; and what neither may, it says better.
            read => read.unwrap_or_default(),
        };
        let (path, ours) = match head {
            Some(head) => (self.built(&path, &head, job).await?, true),
            None => (path, ours),
        };
        let path = path.to_string_lossy().into_owned();
        Ok(Found { path, hash, ours })
    }

    async fn built(&self, delta: &Path, head: &delta::Head, job: &Job) -> Result<PathBuf, End> {
        job.enter(Stage::Building);
        if head.from != self.running {
            let why = format!("it is from version {}", head.from);
            return Err(End::about("misfit", why));
        }
        std::fs::create_dir_all(&self.fetcher.folder).map_err(|e| crate::fetch::disk(&e))?;
        self.fetcher.room_for(head.bundle())?;
        let slot = self.installer.running_device().await?;
        let (out, delta, job) = (self.fetcher.built(), delta.to_owned(), job.clone());
        let bundle = out.clone();
        let work = move || {
            let progress = |share| job.progress(share);
            delta::rebuild(&delta, &slot, &out, &job.cancel, &progress)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| End::about("misfit", error.to_string()))??;
        Ok(bundle)
    }
}

fn address(text: &str) -> Result<hyper::Uri, End> {
    Address::parse(text).ok_or_else(|| End::about("not-found", text))
}
