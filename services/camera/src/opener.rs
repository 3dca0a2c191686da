//! How the source of each kind of camera is opened.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use vigla_kit::Clock;

use crate::config::{Camera, Match, Origin, Settings};
use crate::keeper::Opener;
use crate::source::replay::ffmpeg::{Ffmpeg, Input};
use crate::source::replay::url::Credentials;
use crate::source::replay::{self, Wish};
use crate::source::synthetic::Synthetic;
use crate::source::v4l2::{self, choice::Wanted};
use crate::source::{Source, SourceError};

/// Where a V4L2 camera is plugged in now: the roster writes, the opener reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Socket(Arc<Mutex<Option<PathBuf>>>);

impl Socket {
    /// The device node now, `None` while unplugged. Whether that is news.
    pub(crate) fn set(&self, node: Option<PathBuf>) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = *now != node;
        *now = node;
        news
    }

    fn node(&self) -> Option<PathBuf> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Opens the source of `camera`; a V4L2 one at `socket`.
pub(crate) fn opener(
    camera: &Camera,
    settings: &Settings,
    clock: &Clock,
    socket: &Socket,
) -> Opener {
    let size = camera.size.unwrap_or(settings.size);
    let rate = camera.rate.unwrap_or(settings.rate);
    let (camera, clock, socket) = (camera.clone(), clock.clone(), socket.clone());
    let wish = Wish {
        rate: camera.rate.map(vigla_kit::config::Rate::get),
        size: camera.size.map(|s| (s.width, s.height)),
    };
    let wanted = Wanted {
        width: size.width,
        height: size.height,
        rate: rate.get(),
    };
    Box::new(move || -> Result<Box<dyn Source>, SourceError> {
        let clock = clock.clone();
        Ok(match &camera.source {
            Origin::Device(device) => {
                let node = socket.node().ok_or_else(|| missing(device))?;
                Box::new(v4l2::Camera::open(&node, wanted, clock)?)
            }
            Origin::File(path) => replay::open(path, wish, clock)?,
            Origin::Network(address) => {
                let credentials = camera.credentials.as_deref().map(read_credentials);
                let input = Input::Network(address.clone(), credentials.transpose()?);
                Box::new(Ffmpeg::start(&input, wish, clock)?)
            }
            Origin::Synthetic => Box::new(Synthetic::open(
                size.width,
                size.height,
                rate.period(),
                clock,
            )?),
        })
    })
}

/// What a camera that is plugged in nowhere means: it is waited for, unless its very node is there
/// and is something else.
fn missing(device: &Match) -> SourceError {
    match device {
        Match::Node(node) if node.exists() && !v4l2::node::is_video(node) => {
            SourceError::NotCamera(node.clone())
        }
        Match::Node(_) | Match::Usb(_) => SourceError::Gone(PathBuf::new()),
    }
}

fn read_credentials(path: &Path) -> Result<Credentials, SourceError> {
    let fault = |source| SourceError::unreadable(path, source);
    let text = std::fs::read_to_string(path).map_err(fault)?;
    Credentials::parse(&text)
        .ok_or_else(|| fault(std::io::Error::other("not one line `user:password`")))
}
