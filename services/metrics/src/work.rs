//! The counting loop: once a second what every camera says, and each event when it comes.
//!
//! It owns everything it changes; others see its results in the outbox and in the documents. It
//! never waits for the broker, and for the detector only a moment.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use vigla_bus::Problem;
use vigla_bus::camera::CameraState;
use vigla_bus::detector::{DetectorProxy, Event, Model};
use vigla_bus::names::{CAMERA, DETECTOR};
use vigla_kit::Context;
use vigla_kit::peer::Roster;

use crate::announcer::Announcer;
use crate::blackbox::{BlackBox, Meter, Second};
use crate::compose::{Composer, Moment};
use crate::cursor::Cursor;
use crate::metrics::Series;
use crate::outbox::{Message, Outbox};
use crate::rings::Rings;
use crate::tally::Tally;
use crate::updates::{self, Updates};

const SECOND: Duration = Duration::from_secs(1);
/// The same while no camera has pictures and nothing happens: then only the watchdog wants to be fed.
const REST: Duration = Duration::from_secs(10);
/// What happens then is looked at so soon: it seldom comes alone.
const SETTLE: Duration = Duration::from_millis(50);
/// The services have met by then, in seconds.
const MET: u32 = 5;
/// Longest wait for an answer of the detector within the loop.
const PATIENCE: Duration = Duration::from_millis(500);
/// The list of events is asked so often although nothing was signalled, in seconds.
const DOUBT: u32 = 10;
/// Most events the detector lists at once.
const MOST: u32 = 500;

/// What the detector says about itself.
#[derive(Debug, Default)]
struct Facts {
    model: Model,
    labels: Vec<String>,
    known: bool,
}

/// Everything the loop owns.
pub(crate) struct Work {
    pub(crate) context: Context,
    pub(crate) roster: watch::Receiver<Roster>,
    pub(crate) detector: watch::Receiver<Option<u64>>,
    pub(crate) composer: Composer,
    pub(crate) outbox: Outbox,
    pub(crate) series: Series,
    pub(crate) announcer: Option<Announcer>,
    /// Labels with a legacy counter.
    pub(crate) counters: Vec<String>,
    updates: Updates,
    updater: watch::Receiver<Option<u64>>,
    black_box: BlackBox,
    meter: Meter,
    /// What happened in this second.
    notes: Vec<String>,
    known: Vec<Problem>,
    facts: Facts,
    rings: Rings,
    tally: Tally,
    cursor: Cursor,
    seconds: u32,
    resting: bool,
}

/// What the loop is made with.
pub(crate) struct Parts {
    pub(crate) composer: Composer,
    pub(crate) outbox: Outbox,
    pub(crate) series: Series,
    pub(crate) announcer: Option<Announcer>,
    pub(crate) counters: Vec<String>,
    pub(crate) black_box: BlackBox,
    pub(crate) updates: Updates,
    pub(crate) updater: watch::Receiver<Option<u64>>,
}

impl Work {
    pub(crate) fn new(
        context: &Context,
        roster: watch::Receiver<Roster>,
        detector: watch::Receiver<Option<u64>>,
        parts: Parts,
    ) -> Self {
        let Parts {
            composer,
            outbox,
            series,
            announcer,
            counters,
            black_box,
            updates,
            updater,
        } = parts;
        Self {
            rings: Rings::new(context.clone(), series.clone()),
            cursor: Cursor::new(context.clock.now_usec()),
            context: context.clone(),
            roster,
            detector,
            composer,
            outbox,
            series,
            announcer,
            counters,
            updates,
            updater,
            black_box,
            meter: Meter::default(),
            notes: Vec::new(),
            known: Vec::new(),
            facts: Facts::default(),
            tally: Tally::default(),
            seconds: 0,
            resting: false,
        }
    }

    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        let proxy = DetectorProxy::builder(&self.context.signals)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await?;
        let mut signals = proxy.receive_detection_reported().await?;
        let properties =
            zbus::fdo::PropertiesProxy::new(&self.context.signals, DETECTOR.name, DETECTOR.path)
                .await?;
        let mut changes = properties.receive_properties_changed().await?;
        let mut tick = interval(SECOND);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    self.second().await;
                    self.resting = self.may_rest();
                    if self.resting {
                        tick.reset_after(REST);
                    }
                    continue;
                }
                Some(signal) = signals.next() => match signal.args() {
                    Ok(args) => self.signalled(args.event).await,
                    Err(error) => tracing::debug!(%error, "cannot read an event, asking for the list"),
                },
                Some(_) = changes.next() => self.facts.known = false,
                Ok(()) = self.roster.changed() => self.announce(),
                Ok(()) = self.detector.changed() => self.detector_changed(),
                Ok(()) = self.updater.changed() => self.updates.doubt(),
            }
            if std::mem::take(&mut self.resting) {
                tick.reset_after(SETTLE);
            }
        }
    }

    /// Whether nothing is to be counted before something else happens.
    fn may_rest(&self) -> bool {
        let roster = self.roster.borrow();
        let streams = |camera: &CameraState| camera.state == "streaming";
        let now = self.context.clock.mono_usec();
        let detector = self.detector.borrow().is_some();
        let open = detector && (!self.facts.known || self.cursor.ask_after().is_some());
        self.seconds > MET
            && !open
            && !roster.cameras.values().any(streams)
            && self.tally.live(now).next().is_none()
    }

    async fn second(&mut self) {
        self.seconds = self.seconds.wrapping_add(1);
        if self.detector.borrow().is_some() {
            self.ask().await;
        }
        self.tell_updates().await;
        let moment = Moment {
            wall_usec: self.context.clock.now_usec(),
            mono_usec: self.context.clock.mono_usec(),
        };
        for frame in self.rings.newest() {
            self.tally.observe(frame, moment.mono_usec);
        }
        let live = self.tally.live(moment.mono_usec).count();
        self.series
            .cameras
            .set(i64::try_from(live).unwrap_or(i64::MAX));
        let samples = self
            .composer
            .sample(&mut self.tally, moment, &self.facts.model);
        self.outbox.put_all(samples);
        self.series.follow(&self.outbox.account());
        self.report();
        self.write_down(moment, live);
        self.context.alive();
    }

    /// This second for the black box.
    fn write_down(&mut self, moment: Moment, live: usize) {
        let problems = self.context.problems.list();
        let new = problems
            .iter()
            .filter(|problem| !self.known.contains(problem));
        self.notes
            .extend(new.map(|problem| format!("problem {} {}", problem.code, problem.subject)));
        self.known = problems;
        let mut second = Second {
            time_usec: moment.wall_usec,
            mono_usec: moment.mono_usec,
            stored: self.outbox.account().stored,
            cameras: u32::try_from(live).unwrap_or(u32::MAX),
            notes: std::mem::take(&mut self.notes),
            ..Second::default()
        };
        self.meter.read(&mut second);
        self.black_box.write(&second);
    }

    /// Everything that needs an answer of the detector.
    async fn ask(&mut self) {
        if !self.facts.known {
            self.learn().await;
        }
        let cameras: Vec<String> = self.roster.borrow().cameras.keys().cloned().collect();
        if self.roster.borrow().present {
            self.tally.keep(&cameras);
        }
        self.rings.follow(cameras.iter()).await;
        if self.seconds.is_multiple_of(DOUBT) {
            self.cursor.doubt();
        }
        if let Some(after) = self.cursor.ask_after() {
            self.fill_gap(after).await;
        }
    }

    /// What the updater did since it was last asked.
    async fn tell_updates(&mut self) {
        let there = self.updater.borrow().is_some();
        if !there || !self.updates.due(self.context.clock.mono_usec()) {
            return;
        }
        let Some(listed) = updates::listed(&self.context).await else {
            return;
        };
        let fresh = self.updates.fresh(&listed);
        let messages = fresh.iter().filter_map(|entry| self.composer.update(entry));
        self.outbox.put_all(messages.collect());
        self.updates.tell(&listed);
    }

    async fn learn(&mut self) {
        let ask = async {
            let proxy = self.proxy().await?;
            zbus::Result::Ok((proxy.model().await?, proxy.labels().await?))
        };
        if let Ok(Ok((model, labels))) = timeout(PATIENCE, ask).await {
            self.facts = Facts {
                model,
                labels,
                known: true,
            };
            self.announce();
        }
    }

    async fn fill_gap(&mut self, after: u64) {
        let ask = async { self.proxy().await?.list_events(after, MOST).await };
        match timeout(PATIENCE, ask).await {
            Ok(Ok(events)) => {
                let events = self.cursor.listed(events);
                let messages = events.into_iter().filter_map(|event| self.take(event));
                let messages = messages.collect();
                self.outbox.put_all(messages);
            }
            Ok(Err(error)) => tracing::debug!(%error, "cannot list events, asking again"),
            Err(_) => {
                tracing::debug!("the detector does not list its events in time, asking again");
            }
        }
    }

    async fn proxy(&self) -> zbus::Result<DetectorProxy<'static>> {
        DetectorProxy::builder(&self.context.calls)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }

    /// Of several that happened on one frame only the newest is signalled: the others are asked for at once.
    async fn signalled(&mut self, event: Event) {
        let id = event.id;
        if let Some(event) = self.cursor.signalled(event) {
            if let Some(message) = self.take(event) {
                self.outbox.put(message);
            }
        } else if let Some(after) = self.cursor.lacks(id) {
            self.fill_gap(after).await;
        }
    }

    /// Counts an event; gives its message.
    fn take(&mut self, event: Event) -> Option<Message> {
        self.series.events.inc();
        self.tally.happened(&event.camera_id);
        // A second holds a few; whoever floods us does not fill our memory.
        if self.notes.len() < 8 {
            let Event {
                kind,
                label,
                camera_id,
                track,
                ..
            } = &event;
            self.notes
                .push(format!("{kind} {label} {track} {camera_id}"));
        }
        self.composer.event(event, &self.facts.model)
    }

    fn detector_changed(&mut self) {
        self.rings.close();
        self.cursor.restarted();
        self.facts.known = false;
    }

    fn announce(&mut self) {
        let roster = self.roster.borrow_and_update();
        if let Some(announcer) = &self.announcer {
            announcer.announce(&roster, &self.facts.labels);
        }
    }

    fn report(&self) {
        let mut problems = Vec::new();
        if !self.roster.borrow().present {
            problems.push(Problem::new("no-peer", CAMERA.binary));
        }
        if self.detector.borrow().is_none() {
            problems.push(Problem::new("no-peer", DETECTOR.binary));
        }
        if let Some(trouble) = self.outbox.standing().trouble {
            problems.push(Problem::new("queue-disk", trouble.to_string()));
        }
        if self.facts.known {
            let missing = self
                .counters
                .iter()
                .filter(|label| !self.facts.labels.contains(label));
            problems.extend(missing.map(|label| Problem::new("label-not-counted", label)));
        }
        // The queue opens its folder in the first second; the peers are met in it, too.
        if self.seconds > 1 {
            self.context
                .problems
                .replace(&["no-peer", "label-not-counted", "queue-disk"], problems);
        }
    }
}
