//! What the gateway knows of one camera, and who looks at it.
//!
//! ```text
//!  camera ring ──► newest ─────────────────────────► /stream, /snapshot, legacy
//!                    └─► pairing ──► shown ────────► live (picture and its detections)
//!  detection ring ──────────┘          └─► burned ─► ?boxes=1
//! ```
//!
//! Each arrow ends in a `watch` channel, which holds one value. A ring is open only while a
//! [`Look`] exists that needs it (and for [`crate::tap::LINGER`] after): a camera that nobody
//! looks at copies nothing and encodes nothing.

mod look;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::look::Look;
use crate::{
    pairing::Pairing,
    picture::{Picture, Shown},
};

/// What a client wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Pictures as captured.
    Plain,
    /// Pictures with the detections of the same frame.
    Paired,
    /// Pictures with boxes burned in.
    Burned,
}

/// How many look, by what they want. Wanting more includes wanting less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lookers {
    pub(crate) pictures: usize,
    pub(crate) records: usize,
    pub(crate) boxes: usize,
}

/// One camera.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) id: String,
    /// Cancelled when the camera was taken out of the configuration; its streams then end.
    pub(crate) gone: CancellationToken,
    lookers: watch::Sender<Lookers>,
    newest: watch::Sender<Option<Arc<Picture>>>,
    shown: watch::Sender<Option<Arc<Shown>>>,
    burned: watch::Sender<Option<Arc<Picture>>>,
    pairing: Mutex<Pairing>,
}

impl Hub {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            gone: CancellationToken::new(),
            lookers: watch::Sender::default(),
            newest: watch::Sender::default(),
            shown: watch::Sender::default(),
            burned: watch::Sender::default(),
            pairing: Mutex::new(Pairing::new(id, Instant::now())),
        }
    }

    /// Starts to look; the rings close some time after the last [`Look`] is dropped.
    pub(crate) fn look(self: &Arc<Self>, view: View) -> Look {
        let mut before = Lookers::default();
        self.lookers.send_modify(|lookers| {
            before = *lookers;
            lookers.change(view, 1);
        });
        // The first one to look must not be shown what the last one saw, and the detector gets the
        // time to answer before pictures are shown without it.
        if before.records == 0 && view != View::Plain {
            self.pairing().restart(Instant::now());
            self.shown.send_replace(None);
        }
        if before.boxes == 0 && view == View::Burned {
            self.burned.send_replace(None);
        }
        Look {
            hub: Arc::clone(self),
            view,
        }
    }

    pub(crate) fn lookers(&self) -> watch::Receiver<Lookers> {
        self.lookers.subscribe()
    }

    pub(crate) fn shown(&self) -> watch::Receiver<Option<Arc<Shown>>> {
        self.shown.subscribe()
    }

    /// Takes a picture from the camera's ring.
    pub(crate) fn take_picture(&self, picture: Picture) {
        let picture = Arc::new(picture);
        self.newest.send_replace(Some(Arc::clone(&picture)));
        if self.lookers.borrow().records > 0 {
            self.show(|pairing, now| pairing.picture(picture, now));
        }
    }

    /// Takes the detections of a frame from the detector's ring.
    pub(crate) fn take_record(&self, frame_id: u64, record: &[u8]) {
        self.show(|pairing, now| pairing.record(frame_id, record, now));
    }

    /// Takes a picture with boxes burned in.
    pub(crate) fn take_burned(&self, picture: Arc<Picture>) {
        self.burned.send_replace(Some(picture));
    }

    /// Forgets all pictures: the ring was closed, and none may be shown as new later.
    pub(crate) fn forget(&self) {
        self.pairing().restart(Instant::now());
        self.newest.send_replace(None);
        self.shown.send_replace(None);
        self.burned.send_replace(None);
    }

    fn show(&self, take: impl FnOnce(&mut Pairing, Instant) -> Option<Shown>) {
        let shown = take(&mut self.pairing(), Instant::now());
        if let Some(shown) = shown {
            self.shown.send_replace(Some(Arc::new(shown)));
        }
    }

    fn pairing(&self) -> std::sync::MutexGuard<'_, Pairing> {
        self.pairing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookers {
    fn change(&mut self, view: View, by: isize) {
        let add = |n: &mut usize| *n = n.saturating_add_signed(by);
        add(&mut self.pictures);
        match view {
            View::Plain => {}
            View::Paired => add(&mut self.records),
            View::Burned => {
                add(&mut self.records);
                add(&mut self.boxes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multipart::Stamp;

    fn picture(frame_id: u64) -> Picture {
        let stamp = Stamp {
            frame_id,
            time_usec: 0,
        };
        Picture::new(stamp, &[0xff, 0xd8]).unwrap()
    }

    #[test]
    fn counts_who_looks_and_at_what() {
        let hub = Arc::new(Hub::new("a"));
        let plain = hub.look(View::Plain);
        let burned = hub.look(View::Burned);
        let expected = Lookers {
            pictures: 2,
            records: 1,
            boxes: 1,
        };
        assert_eq!(*hub.lookers().borrow(), expected);
        drop(burned);
        drop(plain);
        assert_eq!(*hub.lookers().borrow(), Lookers::default());
    }

    #[test]
    fn pictures_reach_plain_views_and_pairs_reach_live_views() {
        let hub = Arc::new(Hub::new("a"));
        let look = hub.look(View::Paired);
        hub.take_picture(picture(3));
        assert_eq!(look.pictures().borrow().as_ref().unwrap().stamp.frame_id, 3);
        assert!(look.shown().borrow().is_none());
        hub.take_record(3, b"{}");
        let shown = look.shown().borrow().clone().unwrap();
        assert_eq!(shown.picture.stamp.frame_id, 3);
        hub.forget();
        assert!(look.shown().borrow().is_none());
    }

    #[test]
    fn who_begins_to_look_is_not_shown_what_another_saw() {
        let hub = Arc::new(Hub::new("a"));
        let _plain = hub.look(View::Plain);
        let first = hub.look(View::Paired);
        hub.take_picture(picture(3));
        hub.take_record(3, b"{}");
        drop(first);
        hub.take_picture(picture(4));
        let second = hub.look(View::Paired);
        assert!(second.shown().borrow().is_none());
        hub.take_picture(picture(5));
        assert!(
            second.shown().borrow().is_none(),
            "the detector has a second"
        );
        hub.take_record(5, b"{}");
        assert!(second.shown().borrow().is_some());
    }
}
