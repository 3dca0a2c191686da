//! Every series of this daemon.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// The series of the daemon.
#[derive(Debug, Clone)]
pub struct Metrics {
    frames: IntCounterVec,
    dropped: IntCounterVec,
    encodes: IntCounterVec,
    restarts: IntCounterVec,
    readers: IntGaugeVec,
    streaming: IntGaugeVec,
    lag: HistogramVec,
}

impl Metrics {
    /// Registers all series.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("vigla_camera");
        let camera = &["camera"];
        let lag = HistogramOpts::new(
            "publish_seconds",
            "From capture to the ring, masks and encoding included. Bad when the median nears the time between two frames.",
        )
        .namespace("vigla_camera")
        .buckets(vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0]);
        Ok(Self {
            frames: register(
                registry,
                IntCounterVec::new(
                    opts(
                        "frames_total",
                        "Frames a source gave. Bad when it stands still.",
                    ),
                    camera,
                )?,
            )?,
            dropped: register(
                registry,
                IntCounterVec::new(
                    opts(
                        "dropped_total",
                        "Frames not handed on. `damaged`: cable or source; `leased`: readers hold all slots; `too-big`: one per growth is normal.",
                    ),
                    &["camera", "reason"],
                )?,
            )?,
            encodes: register(
                registry,
                IntCounterVec::new(
                    opts(
                        "encodes_total",
                        "Frames encoded to JPEG because somebody wanted JPEG of a camera that gives none.",
                    ),
                    camera,
                )?,
            )?,
            restarts: register(
                registry,
                IntCounterVec::new(
                    opts(
                        "restarts_total",
                        "Times a source was opened again after it failed. Bad when it grows.",
                    ),
                    camera,
                )?,
            )?,
            readers: register(
                registry,
                IntGaugeVec::new(
                    opts("readers", "Readers of the rings now."),
                    &["camera", "encoding"],
                )?,
            )?,
            streaming: register(
                registry,
                IntGaugeVec::new(
                    opts("streaming", "1 while pictures flow. Bad when 0."),
                    camera,
                )?,
            )?,
            lag: register(registry, HistogramVec::new(lag, camera)?)?,
        })
    }

    /// The series of one camera.
    pub fn of(&self, camera: &str) -> CameraMetrics {
        for reason in ["damaged", "leased", "too-big"] {
            self.dropped.with_label_values(&[camera, reason]);
        }
        CameraMetrics {
            frames: self.frames.with_label_values(&[camera]),
            dropped: self.dropped.clone(),
            encodes: self.encodes.with_label_values(&[camera]),
            restarts: self.restarts.with_label_values(&[camera]),
            native: self.readers.with_label_values(&[camera, "native"]),
            jpeg: self.readers.with_label_values(&[camera, "jpeg"]),
            streaming: self.streaming.with_label_values(&[camera]),
            lag: self.lag.with_label_values(&[camera]),
            camera: camera.to_owned(),
        }
    }
}

/// The series of one camera.
#[derive(Debug, Clone)]
pub struct CameraMetrics {
    camera: String,
    /// Frames a source gave.
    pub frames: IntCounter,
    dropped: IntCounterVec,
    /// Frames encoded to JPEG.
    pub encodes: IntCounter,
    /// Times the source was opened again.
    pub restarts: IntCounter,
    native: IntGauge,
    jpeg: IntGauge,
    /// 1 while pictures flow.
    pub streaming: IntGauge,
    lag: Histogram,
}

impl CameraMetrics {
    /// Counts a frame that was not handed on.
    pub fn dropped(&self, reason: &str) {
        self.dropped
            .with_label_values(&[self.camera.as_str(), reason])
            .inc();
    }

    /// Notes how many readers there are.
    pub fn readers(&self, native: usize, jpeg: usize) {
        self.native.set(i64::try_from(native).unwrap_or(i64::MAX));
        self.jpeg.set(i64::try_from(jpeg).unwrap_or(i64::MAX));
    }

    /// Notes how long a frame took from capture to ring.
    #[allow(clippy::cast_precision_loss, reason = "microseconds of a moment")]
    pub fn published_after(&self, usec: u64) {
        self.lag.observe(usec as f64 / 1e6);
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    series: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(series.clone()))?;
    Ok(series)
}
