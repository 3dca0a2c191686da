//! Brings pictures and detections of the same frame id together. Pure: time is passed in.
//!
//! Pictures come first (the camera publishes them), detections some tens of milliseconds later,
//! for some of the frames. The last few pictures are kept until their detections come. When no
//! pair was made for [`PATIENCE`], the detector is away or far too slow, and pictures are shown
//! as they come, marked as looked at by nobody.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::picture::{Picture, Shown};

/// How many pictures wait for their detections: half a second at 30 a second, which is three
/// times what the slowest board needs for one inference.
const KEPT_PICTURES: usize = 16;

/// And how much memory they may take together, for cameras with very large pictures.
const KEPT_BYTES: usize = 8 << 20;

/// How long we wait for a pair before pictures are shown without detections.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// The pictures and the one record that wait for each other.
#[derive(Debug)]
pub(crate) struct Pairing {
    camera: String,
    pictures: VecDeque<Arc<Picture>>,
    ahead: Option<(u64, Bytes)>,
    last_pair: Option<Instant>,
    since: Instant,
}

impl Pairing {
    pub(crate) fn new(camera: &str, now: Instant) -> Self {
        Self {
            camera: camera.to_owned(),
            pictures: VecDeque::new(),
            ahead: None,
            last_pair: None,
            since: now,
        }
    }

    /// Forgets all pictures: the camera went away, and its next frame ids start anew.
    pub(crate) fn restart(&mut self, now: Instant) {
        *self = Self::new(&self.camera.clone(), now);
    }

    /// Takes a new picture; gives back what can be shown because of it.
    pub(crate) fn picture(&mut self, picture: Arc<Picture>, now: Instant) -> Option<Shown> {
        if let Some((id, record)) = &self.ahead
            && *id == picture.stamp.frame_id
        {
            let shown = Shown::seen(picture, record);
            self.paired(now);
            return Some(shown);
        }
        self.keep(Arc::clone(&picture));
        let quiet = now.duration_since(self.last_pair.unwrap_or(self.since)) >= PATIENCE;
        quiet.then(|| Shown::unseen(&self.camera, picture))
    }

    /// Takes the detections of a frame; gives back the pair when the picture is here.
    pub(crate) fn record(&mut self, frame_id: u64, record: &[u8], now: Instant) -> Option<Shown> {
        let found = self
            .pictures
            .iter()
            .position(|p| p.stamp.frame_id == frame_id);
        if let Some(at) = found {
            let picture = self.pictures.drain(..=at).next_back()?;
            self.paired(now);
            return Some(Shown::seen(picture, record));
        }
        if self
            .pictures
            .back()
            .is_none_or(|newest| newest.stamp.frame_id < frame_id)
        {
            self.ahead = Some((frame_id, Bytes::copy_from_slice(record)));
        }
        None
    }

    fn paired(&mut self, now: Instant) {
        self.last_pair = Some(now);
        self.ahead = None;
    }

    fn keep(&mut self, picture: Arc<Picture>) {
        self.pictures.push_back(picture);
        while self.pictures.len() > KEPT_PICTURES || self.bytes() > KEPT_BYTES {
            self.pictures.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        self.pictures.iter().map(|p| p.part.wire.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multipart::Stamp;

    fn picture(frame_id: u64) -> Arc<Picture> {
        let stamp = Stamp {
            frame_id,
            time_usec: frame_id * 1000,
        };
        Arc::new(Picture::new(stamp, &[0xff, 0xd8, 1]).unwrap())
    }

    fn fresh() -> (Pairing, Instant) {
        let now = Instant::now();
        (Pairing::new("front", now), now)
    }

    #[test]
    fn shows_a_picture_when_its_own_detections_come() {
        let (mut pairing, now) = fresh();
        for id in 1..=3 {
            assert!(pairing.picture(picture(id), now).is_none());
        }
        let shown = pairing.record(2, b"{}", now).unwrap();
        assert_eq!(shown.picture.stamp.frame_id, 2);
        assert_eq!(shown.record.payload, "{}");
        assert!(pairing.record(1, b"{}", now).is_none(), "older is over");
        assert!(pairing.record(3, b"{}", now).is_some());
    }

    #[test]
    fn detections_may_come_before_the_picture() {
        let (mut pairing, now) = fresh();
        assert!(pairing.record(5, b"{}", now).is_none());
        assert!(pairing.picture(picture(4), now).is_none());
        assert_eq!(
            pairing
                .picture(picture(5), now)
                .unwrap()
                .picture
                .stamp
                .frame_id,
            5
        );
    }

    #[test]
    fn shows_pictures_alone_while_the_detector_is_away_and_stops_when_it_is_back() {
        let (mut pairing, now) = fresh();
        let later = now + PATIENCE;
        let alone = pairing.picture(picture(1), later).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&alone.record.payload).unwrap();
        assert_eq!(record["basis"], "none");
        assert_eq!(record["frame_id"], 1);
        assert!(pairing.record(1, b"{}", later).is_some());
        assert!(pairing.picture(picture(2), later).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut pairing, now) = fresh();
        for id in 0..1000 {
            pairing.picture(picture(id), now);
        }
        assert_eq!(pairing.pictures.len(), KEPT_PICTURES);
        assert!(pairing.record(1, b"{}", now).is_none());
        assert!(pairing.ahead.is_none());
    }
}
