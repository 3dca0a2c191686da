//! An eye on a real thread, between a camera's ring and its own, with a scripted model.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use vigla_bus::detector::FrameDetections;
use vigla_frames::Config;
use vigla_vision::Model;

use super::*;
use crate::config::Settings;
use crate::engine::Engine;
use crate::engine::tests::seeing;
use crate::pulse::Pulses;

const PATIENCE: Duration = Duration::from_secs(20);
const RING: Config = Config {
    slots: 4,
    slot_bytes: 1 << 20,
};

/// An eye that looks at whatever is shown to it; it ends when this is dropped.
struct Stand {
    camera: Option<Writer>,
    records: Reader,
    readers: SyncSender<Reader>,
    lost: UnboundedReceiver<()>,
    metrics: Metrics,
    stop: Arc<AtomicBool>,
    next: u64,
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn reader(ring: &Writer) -> Reader {
    let handles = ring.add_reader(true).unwrap();
    Reader::open(handles.ring, handles.leases, handles.wakeup).unwrap()
}

fn stand(model: Option<Box<dyn Model>>) -> Stand {
    let settings: Settings = toml::from_str("rate = 200\ngate = { linger = '20ms' }").unwrap();
    let (engine, door) = Engine::new();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || engine.run(|| {}, || stopped.load(Ordering::Relaxed)));
    if let Some(model) = model {
        door.swap(model).unwrap();
    }
    let camera = Writer::create("camera", RING).unwrap();
    let ring = Writer::create("records", RING).unwrap();
    let records = reader(&ring);
    let (readers, to_eye) = sync_channel(1);
    readers.send(reader(&camera)).unwrap();
    let (losses, lost) = unbounded_channel();
    let (signals, _) = unbounded_channel();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let eye = Eye {
        camera_id: "front".into(),
        readers: to_eye,
        lost: losses,
        sight: Sight::model(&settings, door).unwrap(),
        scene: Scene::new("front", &settings, false),
        courier: Courier::default(),
        chronicle: Arc::new(Chronicle::new(Clock::manual(0), Duration::from_mins(1))),
        signals,
        ring,
        pulse: Pulses::default().enter("front", 0),
        clock: Clock::system(),
        metrics: metrics.clone(),
        pace: Pace::new(settings.rate.period()),
        early: None,
    };
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || eye.run(|| stopped.load(Ordering::Relaxed)));
    Stand {
        camera: Some(camera),
        records,
        readers,
        lost,
        metrics,
        stop,
        next: 1,
    }
}

impl Stand {
    /// Shows one frame, and gives the record that it leads to.
    fn show(&mut self, bytes: &[u8], fourcc: [u8; 4]) -> FrameDetections {
        self.publish(bytes, fourcc);
        let seen = self.records.wait(PATIENCE).unwrap();
        let errors = self.errors("decode");
        assert_eq!(
            seen,
            Wait::Frame,
            "frame {} after {errors} errors",
            self.next - 1
        );
        let lease = self.records.latest().unwrap();
        serde_json::from_slice(lease.bytes()).unwrap()
    }

    /// Shows a frame that cannot be used, until it was counted.
    fn show_broken(&mut self, bytes: &[u8], fourcc: [u8; 4]) {
        let before = self.errors("decode");
        self.publish(bytes, fourcc);
        let deadline = Instant::now() + PATIENCE;
        while self.errors("decode") == before {
            assert!(Instant::now() < deadline, "{fourcc:?} was not refused");
            std::thread::yield_now();
        }
    }

    fn publish(&mut self, bytes: &[u8], fourcc: [u8; 4]) {
        let clock = Clock::system();
        let meta = Meta {
            frame_id: self.next,
            time_usec: clock.now_usec(),
            mono_usec: clock.mono_usec(),
            width: 64,
            height: 48,
            fourcc,
            mask_digest: 0,
        };
        self.next += 1;
        let camera = self.camera.as_mut().unwrap();
        assert_eq!(camera.publish(meta, bytes), Outcome::Published);
    }

    fn errors(&self, reason: &str) -> u64 {
        let errors = &self.metrics.errors;
        errors.with_label_values(&["front", reason]).get()
    }
}

/// A picture of 64x48 pixels, all of one brightness.
fn jpeg(brightness: u8) -> Vec<u8> {
    let pixels = vec![brightness; 64 * 48];
    let image = turbojpeg::Image {
        pixels: pixels.as_slice(),
        width: 64,
        pitch: 64,
        height: 48,
        format: turbojpeg::PixelFormat::GRAY,
    };
    let jpeg = turbojpeg::compress(image, 80, turbojpeg::Subsamp::Gray);
    jpeg.unwrap().to_vec()
}

#[test]
fn broken_frames_of_every_kind_are_counted_and_the_next_one_is_seen() {
    let mut stand = stand(Some(seeing("m", "car")));
    let good = jpeg(200);
    let broken: [(&[u8], &[u8; 4]); 6] = [
        (b"", b"MJPG"),
        (b"no picture at all", b"MJPG"),
        (&good[..good.len() / 2], b"MJPG"),
        (&[0; 100], b"YUYV"),
        (&[0; 64 * 48], b"RGB3"),
        (&good, b"H264"),
    ];
    for (bytes, fourcc) in broken {
        stand.show_broken(bytes, *fourcc);
        assert_ne!(stand.show(&good, *b"MJPG").basis, "no-model");
    }
    assert_eq!(stand.errors("decode"), 6);
    let yuyv = [128; 64 * 48 * 2];
    assert_ne!(stand.show(&yuyv, *b"YUYV").basis, "no-model");
}

#[test]
fn a_still_scene_is_held_and_the_model_spared() {
    let mut stand = stand(Some(seeing("m", "person")));
    let picture = jpeg(100);
    let mut last = FrameDetections::default();
    let deadline = Instant::now() + PATIENCE;
    while last.basis != "still" || last.counts["person"] == 0 {
        assert!(Instant::now() < deadline, "{last:?}");
        last = stand.show(&picture, *b"MJPG");
    }
    assert_eq!(last.objects[0].label, "person");
    let spared = stand.metrics.gate_closed.with_label_values(&["front"]);
    assert!(spared.get() > 0);
}

#[test]
fn without_a_model_each_frame_says_so() {
    let mut stand = stand(None);
    let record = stand.show(&jpeg(100), *b"MJPG");
    assert_eq!(record.basis, "no-model");
    assert_eq!(record.counts["car"], 0);
    assert_eq!(stand.errors("decode"), 0);
}

#[test]
fn a_lost_ring_is_reported_and_a_new_one_looked_at() {
    let mut stand = stand(Some(seeing("m", "car")));
    stand.show(&jpeg(100), *b"MJPG");
    drop(stand.camera.take());
    stand.lost.blocking_recv().unwrap();
    let camera = Writer::create("camera", RING).unwrap();
    stand.readers.send(reader(&camera)).unwrap();
    stand.camera = Some(camera);
    assert_eq!(stand.show(&jpeg(180), *b"MJPG").basis, "inferred");
}
