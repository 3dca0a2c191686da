//! P16: how long a picture is under way, from its capture until a subscriber of the broker has the news, less the
//! time of the model, against one loop that does the same by itself.
//!
//! The film shows a street and an empty wall in turn, so that something arrives or departs every 1.2 s. Such
//! an event is told at once; one that came within a second of the last would wait by policy, and is not
//! counted here. The engine's time is the median of its means between two such events: a mean over all would hold
//! what other programs did to single ones. The loop reads, decodes, asks the same engine, and publishes with the bare client library.
//! Both have 10 frames a second and one subscriber. The moment of capture is when reading the frame begins.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio_util::sync::CancellationToken;
use turbojpeg::{Compressor, Image, PixelFormat};
use vigla_kit::Clock;
use vigla_system_tests::{NOUNS, Scene, Site};
use vigla_vision::picture::{Decoder, Format, Frame};
use vigla_vision::{Engine, Model, Picture};

use crate::bare::{self, Bare, Sample};
use crate::gauge::{median, pause};
use crate::process::series;
use crate::row::{Goal, Row};

const TURNS: usize = 2;
const OURS: Duration = Duration::from_secs(24);
/// Pictures of the loop in a turn.
const INLINE: u32 = 80;
const PACE: Duration = Duration::from_millis(100);
/// Frames of the street, and as many of the wall.
const HALF: usize = 12;
/// No event of a camera is told sooner after the last.
const POLICY_USEC: u64 = 1_000_000;
const LOOP: &str = "bench/inline";
const EVENTS: &str = "vigla/v1/+/events";

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let manifest = bare::manifest()?;
    let mut bare = Bare::open(&manifest, bare::threads())?;
    let samples = Sample::take(48, &mut bare)?;
    let engine = Engine::open(&manifest, bare::threads())?;
    let mut inline = Inline::new(engine)?;
    let street = inline.busiest(&samples)?;
    let film = film(street)?;

    let mut site = Site::start(Scene::Large)?;
    let shown = site.rig.share(&film.path().join("film.mjpeg"))?;
    site.change("camera", |_| {
        format!(
            "auto = \"never\"\n[camera.street]\nsource = \"{}\"\nrate = 10.0\n",
            shown.display()
        )
    })?;
    site.change("detector", |text| {
        format!("{text}[tracker]\nconfirm = 1\nbridge = \"0s\"\nkeep = \"0s\"\n")
    })?;
    let ear = Ear::listen(site.broker.port())?;
    ear.next(Duration::from_secs(30)).context("no event came")?;

    let (mut ours, mut loops) = (Vec::new(), Vec::new());
    let mut engine = Vec::new();
    for _ in 0..TURNS {
        let mut before = engine_time(&site)?;
        let heard = ear.at_once(OURS, || {
            let now = engine_time(&site)?;
            if now.1 > before.1 {
                engine.push((now.0 - before.0) / (now.1 - before.1) * 1e3);
            }
            before = now;
            Ok(())
        })?;
        ours.extend(heard);
        for noun in NOUNS {
            site.daemon(noun)?.child().pause()?;
        }
        loops.extend(inline.turn(site.broker.port(), film.path(), &ear)?);
        for noun in NOUNS {
            site.daemon(noun)?.child().resume()?;
        }
        // The first event after standing still is an old one.
        let _ = ear.next(Duration::from_secs(5));
    }
    anyhow::ensure!(ours.len() > 10, "only {} events came at once", ours.len());
    let model = median(engine.iter().copied());
    let (count, whole) = (ours.len(), median(ours.iter().copied()));
    let alone = median(loops.iter().copied());
    Ok(vec![Row::ratio(
        "P16",
        "capture to broker, less the engine / one loop",
        (whole - model, alone),
        Goal::AtMost(1.15),
        format!(
            "ms, medians; ours {whole:.1} in all of {count} events that are told at once, engine {model:.1}; of the loop {} \
             frames. Traced, of ours: decoding 0.9, thumbnail and gate 0.5, to the engine and from it to the signal 0.6, \
             bus 0.4, asking for all that happened on the frame 0.4, to the sink and its file 0.2, broker 0.2",
            loops.len()
        ),
    )])
}

/// Seconds that the engine was asked, and how often.
fn engine_time(site: &Site) -> anyhow::Result<(f64, f64)> {
    let of = |part: &str| {
        let name = format!("vigla_detector_inference_seconds_{part}");
        series(site, "detector", &name)
    };
    Ok((of("sum")?, of("count")?))
}

/// Street and wall in turn.
#[allow(clippy::disallowed_methods, reason = "files of a temporary folder")]
fn film(street: &[u8]) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let (width, height) = (1280, 720);
    let pixels = vec![120_u8; width * height * 3];
    let wall = Compressor::new()?.compress_to_vec(Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    })?;
    let film = [street.repeat(HALF), wall.repeat(HALF)].concat();
    std::fs::write(folder.path().join("film.mjpeg"), film)?;
    std::fs::write(folder.path().join("street.jpg"), street)?;
    Ok(folder)
}

/// What a subscriber hears.
struct News {
    topic: String,
    payload: Vec<u8>,
    /// When it was here, microseconds since the epoch.
    usec: u64,
}

/// A subscriber, on a thread of its own.
struct Ear {
    news: Receiver<News>,
    stop: CancellationToken,
}

impl Ear {
    fn listen(port: u16) -> anyhow::Result<Self> {
        let (out, news) = channel();
        let stop = CancellationToken::new();
        let runtime = runtime()?;
        let told = stop.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    result = hear(port, &out) => drop(result),
                    () = told.cancelled() => {}
                }
            });
        });
        Ok(Self { news, stop })
    }

    fn next(&self, patience: Duration) -> anyhow::Result<News> {
        Ok(self.news.recv_timeout(patience)?)
    }

    /// How long the events were under way that come until `span` is over, in milliseconds; without those that
    /// may have waited by policy. `heard` is called after each.
    fn at_once(
        &self,
        span: Duration,
        mut heard: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<f64>> {
        let end = Instant::now() + span;
        let mut last: Option<u64> = None;
        let mut found = Vec::new();
        while let Ok(news) = self.next(end.saturating_duration_since(Instant::now())) {
            let Some(captured) = captured(&news) else {
                continue;
            };
            if last.is_some_and(|last| captured >= last + POLICY_USEC) {
                // Its time is cut off to milliseconds: half of one on average.
                let usec = news.usec.saturating_sub(captured).saturating_sub(500);
                found.push(usec as f64 / 1e3);
                heard()?;
            }
            last = Some(news.usec);
        }
        Ok(found)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn hear(port: u16, out: &Sender<News>) -> anyhow::Result<()> {
    let clock = Clock::system();
    let (client, mut events) = client("bench-ear", port);
    client.subscribe(EVENTS, QoS::AtMostOnce).await?;
    client.subscribe(LOOP, QoS::AtMostOnce).await?;
    loop {
        if let Event::Incoming(Packet::Publish(message)) = events.poll().await? {
            let usec = clock.now_usec();
            let (topic, payload) = (message.topic, message.payload.to_vec());
            out.send(News {
                topic,
                payload,
                usec,
            })?;
        }
    }
}

/// When the frame of an event was captured, microseconds since the epoch.
fn captured(news: &News) -> Option<u64> {
    let message: serde_json::Value = serde_json::from_slice(&news.payload).ok()?;
    let time: jiff::Timestamp = message["ts"].as_str()?.parse().ok()?;
    u64::try_from(time.as_microsecond()).ok()
}

fn client(name: &str, port: u16) -> (AsyncClient, EventLoop) {
    AsyncClient::new(MqttOptions::new(name, "127.0.0.1", port), 16)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// The loop: everything in one thread, one after the other.
struct Inline {
    engine: Engine,
    decoder: Decoder,
    picture: Picture,
}

impl Inline {
    fn new(engine: Engine) -> anyhow::Result<Self> {
        Ok(Self {
            engine,
            decoder: Decoder::new()?,
            picture: Picture::default(),
        })
    }

    /// Decodes, asks, and says how long asking took.
    fn look(&mut self, jpeg: &[u8]) -> anyhow::Result<(f32, Duration)> {
        let frame = Frame {
            format: Format::Jpeg,
            width: 1280,
            height: 720,
            bytes: jpeg,
        };
        let need = (bare::INPUT, bare::INPUT);
        self.decoder.decode(&frame, need, &mut self.picture)?;
        let start = Instant::now();
        let found = self.engine.infer(&self.picture)?;
        let took = start.elapsed();
        let counted = found
            .iter()
            .filter(|found| matches!(&*found.label, "person" | "car"));
        let best = counted.map(|found| found.score).fold(0.0, f32::max);
        Ok((best, took))
    }

    /// The frame on which the model is surest of something that is counted.
    fn busiest<'a>(&mut self, samples: &'a [Sample]) -> anyhow::Result<&'a [u8]> {
        let mut best: (f32, &[u8]) = (0.0, &[]);
        for sample in samples {
            let (score, _) = self.look(&sample.jpeg)?;
            if score > best.0 {
                best = (score, &sample.jpeg);
            }
        }
        anyhow::ensure!(best.0 > 0.5, "the model sees nothing in the clip");
        Ok(best.1)
    }

    /// A turn of the loop: milliseconds from each frame to the subscriber, less the engine.
    fn turn(&mut self, port: u16, film: &Path, ear: &Ear) -> anyhow::Result<Vec<f64>> {
        let clock = Clock::system();
        runtime()?.block_on(async {
            let (client, mut events) = client("bench-loop", port);
            let mut found = Vec::new();
            for number in 0..INLINE {
                let start = Instant::now();
                let captured = clock.now_usec();
                let jpeg = std::fs::read(film.join("street.jpg"))?;
                let (best, took) = self.look(&jpeg)?;
                let text = format!("{{\"frame\":{number},\"best\":{best}}}");
                client.publish(LOOP, QoS::AtLeastOnce, false, text).await?;
                while !matches!(events.poll().await?, Event::Incoming(Packet::PubAck(_))) {}
                let news = loop {
                    let news = ear.next(Duration::from_secs(10))?;
                    if news.topic == LOOP {
                        break news;
                    }
                };
                let usec = news.usec.saturating_sub(captured) as f64;
                // The first one connects.
                if number > 0 {
                    found.push(usec / 1e3 - took.as_secs_f64() * 1e3);
                }
                pause(PACE.saturating_sub(start.elapsed()));
            }
            Ok(found)
        })
    }
}
