//! What could be installed: the releases of the feed and the bundles on sticks, held against this node.

use std::sync::Arc;

use hyper::Uri;
use semver::Version;
use vigla_bus::updater::Release;
use vigla_kit::Clock;
use vigla_kit::clock::Quality;

use crate::bundle::{self, Here};
use crate::config::Settings;
use crate::feed::{self, Delta, Feed, Trust};
use crate::fetch::http::Client;
use crate::installer::Installer;
use crate::outcome::End;
use crate::stick;
use crate::store::Store;

/// Whom to ask.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Reads bundles on sticks.
    pub installer: Arc<dyn Installer>,
    /// What is kept.
    pub store: Store,
    /// For the feed.
    pub client: Client,
    /// Feed and sticks.
    pub settings: Arc<Settings>,
    /// The time.
    pub clock: Clock,
    /// The version that runs.
    pub running: Version,
}

impl Catalogue {
    /// Everything that is offered, newest first.
    pub async fn all(&self) -> anyhow::Result<Vec<Release>> {
        let machine = self.installer.machine().await.unwrap_or_default();
        let mut all = self.on_sticks(&machine).await;
        all.extend(self.in_feed(&machine).await?);
        all.sort_by_key(|release| std::cmp::Reverse(Version::parse(&release.version).ok()));
        Ok(all)
    }

    /// The newest on a stick that may be installed.
    pub async fn newest_on_stick(&self) -> Result<Release, End> {
        let machine = self.installer.machine().await?;
        let newest = newest(self.on_sticks(&machine).await, |release| release);
        newest.ok_or_else(|| End::new("no-stick"))
    }

    /// The newest of the feed that may be installed, and its delta from the version that runs.
    pub async fn newest_of_feed(&self) -> Result<(Release, Option<Delta>), End> {
        let machine = self.installer.machine().await?;
        let address = self.settings.feed.url.get().map(crate::fetch::host);
        let offers = self.offers(&machine).await;
        let offers = offers.map_err(|_| End::about("unreachable", address.unwrap_or_default()))?;
        let newest = newest(offers, |(release, _)| release);
        newest.ok_or_else(|| End::about("not-found", "the release feed"))
    }

    async fn on_sticks(&self, machine: &str) -> Vec<Release> {
        let folder = self.settings.sticks.clone();
        let listed = tokio::task::spawn_blocking(move || stick::bundles(&folder)).await;
        let mut releases = Vec::new();
        for path in listed.unwrap_or_default() {
            let source = path.to_string_lossy().into_owned();
            let release = match self.installer.inspect(&source).await {
                Ok(found) => Release {
                    verdict: self.verdict(&found, machine),
                    version: found.version,
                    manifest_hash: found.manifest_hash,
                    ..Release::default()
                },
                Err(end) => Release {
                    verdict: end.code.to_owned(),
                    ..Release::default()
                },
            };
            releases.push(Release {
                source,
                origin: "stick".into(),
                ..release
            });
        }
        releases
    }

    /// The releases of the feed for this machine; none when there is no feed.
    pub async fn in_feed(&self, machine: &str) -> anyhow::Result<Vec<Release>> {
        let offers = self.offers(machine).await?;
        Ok(offers.into_iter().map(|(release, _)| release).collect())
    }

    async fn offers(&self, machine: &str) -> anyhow::Result<Vec<(Release, Option<Delta>)>> {
        let Some(url) = self.settings.feed.url.get() else {
            return Ok(Vec::new());
        };
        let feed = self.feed(url).await?;
        let ours = feed
            .releases
            .into_iter()
            .filter(|release| release.machine == machine);
        Ok(ours.map(|release| self.offered(release, machine)).collect())
    }

    fn offered(&self, release: feed::Release, machine: &str) -> (Release, Option<Delta>) {
        let mut deltas = release.deltas.into_iter();
        let delta = deltas.find(|delta| delta.from == self.running);
        let as_bundle = bundle::Bundle {
            compatible: release.machine,
            version: release.version.to_string(),
            format: "verity".into(),
            manifest_hash: release.manifest_hash,
        };
        let release = Release {
            verdict: self.verdict(&as_bundle, machine),
            version: as_bundle.version,
            source: release.url,
            origin: "feed".into(),
            manifest_hash: as_bundle.manifest_hash,
            bytes: release.bytes,
        };
        (release, delta)
    }

    fn verdict(&self, bundle: &bundle::Bundle, machine: &str) -> String {
        let floor = self.store.read().unwrap_or_default().floor;
        let here = Here {
            machine,
            floor: floor.as_ref(),
            wanted: None,
        };
        match bundle::judge(bundle, here) {
            Err(end) => end.code.to_owned(),
            Ok(version) if bundle::below(&self.running, &version) => "newer".into(),
            Ok(_) => "same".into(),
        }
    }

    async fn feed(&self, url: &Uri) -> anyhow::Result<Feed> {
        let signature: Uri = format!("{url}.sig").parse()?;
        let text = self.client.text(url, feed::LARGEST.0).await?;
        let signature = self.client.text(&signature, feed::LARGEST.1).await?;
        let keys = feed::keys(&self.settings.feed.keys)?;
        let trust = Trust {
            keys: &keys,
            seen: self.store.read()?.feed_serial,
            now: self.now(),
        };
        let feed = feed::believe(&text, &signature, trust)?;
        self.store
            .change(|state| state.feed_serial = state.feed_serial.max(feed.serial))?;
        Ok(feed)
    }

    /// The time, if the clock is more than a guess.
    fn now(&self) -> Option<jiff::Timestamp> {
        (self.clock.quality() != Quality::Floor).then_some(())?;
        jiff::Timestamp::from_microsecond(i64::try_from(self.clock.now_usec()).ok()?).ok()
    }
}

/// The newest that may be installed.
fn newest<T>(all: Vec<T>, release: impl Fn(&T) -> &Release) -> Option<T> {
    let offered = |one: &T| matches!(release(one).verdict.as_str(), "newer" | "same");
    let fit = all.into_iter().filter(offered);
    fit.max_by_key(|one| Version::parse(&release(one).version).ok())
}
