//! What is done without being asked: seeing whether RAUC answers, and looking at the release feed.

use std::sync::Arc;
use std::time::Duration;

use vigla_bus::Problem;
use vigla_kit::Context;

use crate::bus;
use crate::config::Automatic;
use crate::desk::Desk;
use crate::installer::Installer;
use crate::order::{After, Order, Source, When};

/// How often RAUC is asked whether it is well. It is started by the bus for it, and ends by itself never.
const LOOK: Duration = Duration::from_mins(15);

/// Says when RAUC does not answer. Where there is none (a laptop), there is nothing to say.
pub async fn follow_rauc(context: Context, installer: Arc<dyn Installer>) -> anyhow::Result<()> {
    loop {
        let silent = installer.there().await && installer.slots().await.is_err();
        if silent {
            context.problems.set(Problem::new("update-no-rauc", ""));
        } else {
            context.problems.clear("update-no-rauc", "");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Looks at the feed, and installs what is newer if that is wished.
pub async fn follow_feed(desk: Desk) -> anyhow::Result<()> {
    let feed = &desk.settings.feed;
    let Some(url) = feed.url.get() else {
        return Ok(());
    };
    if feed.automatic == Automatic::Never {
        return Ok(());
    }
    let host = crate::fetch::host(url);
    loop {
        let machine = desk.installer.machine().await.unwrap_or_default();
        match desk.catalogue.in_feed(&machine).await {
            Ok(releases) => {
                desk.context.problems.clear("update-feed", &host);
                let newer = releases.iter().find(|release| release.verdict == "newer");
                if let Some(newer) = newer {
                    tracing::info!(version = %newer.version, "the feed has a newer version");
                }
                if let Some(newer) = newer.filter(|_| feed.automatic == Automatic::Install) {
                    order(&desk, &newer.version).await;
                }
            }
            Err(error) => {
                tracing::warn!("the release feed cannot be used: {error:#}");
                desk.context
                    .problems
                    .set(Problem::new("update-feed", host.as_str()));
            }
        }
        tokio::time::sleep(feed.every.get()).await;
    }
}

async fn order(desk: &Desk, version: &str) {
    // One that failed here is not tried again by itself: it would fail each night.
    let failed = desk.store.read().is_ok_and(|state| {
        let mut about = state
            .history
            .iter()
            .filter(|entry| entry.version == version);
        about.any(|entry| entry.event == "fell-back")
    });
    if failed || desk.store.read().is_ok_and(|state| state.trial.is_some()) {
        return;
    }
    let order = Order {
        source: Source::Feed,
        hash: None,
        when: When::Window,
        after: After::Restart,
    };
    if let Err(error) = bus::start(desk, order).await {
        tracing::debug!(%error, "not now");
    }
}
