//! The wall of the demo that this replaces: a list of cameras as one text, small pictures 1 to n,
//! and picture 0, the big one, which shows each camera for a while. One picture a second each.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::{self, Instant};
use warp::reply::Response;

use crate::{
    app::App,
    fault::Fault,
    hub::{Look, View},
    picture::Picture,
    streams::{self, MJPEG, Open, endless},
};

/// The old server paused this long after each picture.
const PERIOD: Duration = Duration::from_secs(1);

/// A camera that gives no picture for this long loses its turn.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A text that changes when the cameras do: clients compare it, and load the page anew. The old
/// form is `main+first,second`.
pub(crate) fn camera_list(app: &App) -> String {
    let ids = app.hubs.ids();
    if ids.is_empty() {
        String::new()
    } else {
        format!("{}+{}", ids[0], ids.join(","))
    }
}

/// The pictures of camera `number` (from 1), or of all in turn for 0.
pub(crate) fn feed(app: &App, number: usize) -> Result<Response, Fault> {
    let turn = if number == 0 {
        streams::first(app)?;
        Turn::rotating(app.settings.stream.rotate.get())
    } else {
        let missing = || Fault::NoCamera(number.to_string());
        app.hubs.at(number - 1).ok_or_else(missing)?;
        Turn::fixed(number - 1)
    };
    Ok(endless(MJPEG, pictures(app.clone(), turn)))
}

/// Whose turn it is.
#[derive(Debug)]
struct Turn {
    index: usize,
    /// How long each camera stays; `None` stays for ever.
    stay: Option<Duration>,
    until: Instant,
}

impl Turn {
    fn fixed(index: usize) -> Self {
        Self {
            index,
            stay: None,
            until: Instant::now(),
        }
    }

    fn rotating(stay: Duration) -> Self {
        Self {
            index: 0,
            stay: Some(stay),
            until: Instant::now() + stay,
        }
    }

    /// Goes on to the next camera when it is time, or when this one gave nothing.
    fn advance(&mut self, now: Instant, gave_nothing: bool, cameras: usize) {
        let Some(stay) = self.stay else { return };
        if cameras > 0 && (now >= self.until || gave_nothing) {
            self.index = (self.index + 1) % cameras;
            self.until = now + stay;
        }
    }
}

struct Feed {
    app: App,
    turn: Turn,
    next: Instant,
    look: Option<Look>,
    _open: Open,
}

fn pictures(app: App, turn: Turn) -> impl Stream<Item = Bytes> + Send + Sync {
    let feed = Feed {
        turn,
        next: Instant::now(),
        look: None,
        _open: Open::new(&app, "legacy"),
        app,
    };
    stream::unfold(feed, |mut feed| async move {
        loop {
            time::sleep_until(feed.next).await;
            let picture = feed.picture().await;
            let now = Instant::now();
            let before = feed.turn.index;
            let cameras = feed.app.hubs.ids().len();
            feed.turn.advance(now, picture.is_none(), cameras);
            if feed.turn.index != before {
                feed.look = None;
            }
            feed.next = now + PERIOD;
            if let Some(picture) = picture {
                feed.app.metrics.parts.inc();
                return Some((picture.part.wire.clone(), feed));
            }
        }
    })
}

impl Feed {
    /// The newest picture of the camera whose turn it is.
    async fn picture(&mut self) -> Option<Arc<Picture>> {
        if self.look.is_none() {
            self.look = Some(self.app.hubs.at(self.turn.index)?.look(View::Plain));
        }
        let mut newest = self.look.as_ref()?.pictures();
        let some = newest.wait_for(Option::is_some);
        match time::timeout(PATIENCE, some).await {
            Ok(Ok(picture)) => picture.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_big_picture_goes_round_and_skips_who_gives_nothing() {
        let second = Duration::from_secs(1);
        let mut turn = Turn::rotating(5 * second);
        let start = Instant::now();
        turn.advance(start + second, false, 3);
        assert_eq!(turn.index, 0);
        turn.advance(start + second, true, 3);
        assert_eq!(turn.index, 1);
        turn.advance(start + 7 * second, false, 3);
        assert_eq!(turn.index, 2);
        turn.advance(start + 13 * second, false, 3);
        assert_eq!(turn.index, 0);
    }

    #[test]
    fn a_small_picture_stays_with_its_camera() {
        let mut turn = Turn::fixed(1);
        turn.advance(Instant::now() + Duration::from_hours(1), true, 3);
        assert_eq!(turn.index, 1);
    }
}
