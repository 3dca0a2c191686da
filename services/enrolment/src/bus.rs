//! The object on the bus: it shows and passes on, and decides nothing.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use vigla_bus::Problem;
use vigla_bus::enrolment::{Check, Mistake};
use vigla_bus::names::ENROLMENT;
use vigla_kit::proxy::Way;
use vigla_kit::{Clock, Context};

use crate::card::Card;
use crate::diagnose::{Patient, diagnose};
use crate::driver::Shown;
use crate::metrics::Series;

/// In the runtime folder: what `vigla-site` shows on the console.
const SENTENCE: &str = "sentence";

/// The root object.
#[derive(Debug)]
pub struct Enrolment {
    /// What is so now.
    pub shown: watch::Receiver<Shown>,
    /// What the card said.
    pub card: Card,
    /// The owner's proxy.
    pub way: Way,
    /// The node's own time.
    pub clock: Clock,
    /// Somebody wants it to try now.
    pub retry: Arc<Notify>,
}

#[zbus::interface(name = "org.vigla.Enrolment1")]
impl Enrolment {
    fn retry(&self) {
        self.retry.notify_one();
    }

    async fn diagnose(&self) -> Vec<Check> {
        let shown = self.shown.borrow().clone();
        let patient = Patient {
            card: self.card.clone(),
            service: shown.service,
            way: self.way.clone(),
            clock: self.clock.clone(),
            floor: shown.floor,
            reason: shown.state.reason.word(),
        };
        diagnose(&patient).await
    }

    #[zbus(property)]
    fn state(&self) -> &'static str {
        self.shown.borrow().state.step.word()
    }

    #[zbus(property)]
    fn reason(&self) -> &'static str {
        self.shown.borrow().state.reason.word()
    }

    #[zbus(property)]
    fn device_id(&self) -> String {
        self.shown.borrow().device_id.clone()
    }

    #[zbus(property)]
    fn node_name(&self) -> String {
        self.shown.borrow().node_name.clone()
    }

    #[zbus(property)]
    fn registration_url(&self) -> String {
        self.shown.borrow().url.clone()
    }

    #[zbus(property)]
    fn generation(&self) -> u64 {
        self.shown.borrow().generation
    }

    #[zbus(property)]
    fn next_attempt(&self) -> u64 {
        self.shown.borrow().next_usec
    }

    #[zbus(property)]
    fn mistakes(&self) -> Vec<Mistake> {
        self.card.mistakes.iter().map(mistake).collect()
    }
}

fn mistake(mistake: &vigla_fleet::invitation::Mistake) -> Mistake {
    Mistake {
        line: u32::try_from(mistake.line).unwrap_or(u32::MAX),
        what: mistake.what.clone(),
        fix: mistake.fix.clone(),
    }
}

/// Tells bus, systemd and metrics what changes.
pub async fn tell(
    context: Context,
    mut shown: watch::Receiver<Shown>,
    series: Series,
) -> anyhow::Result<()> {
    let server = context.calls.object_server();
    let object = server.interface::<_, Enrolment>(ENROLMENT.path).await?;
    let (mut before, mut written) = (Shown::default(), String::new());
    loop {
        let now = shown.borrow_and_update().clone();
        series.follow(&before, &now);
        report(&context, &now);
        if let Some(sentence) = settled(&now).filter(|sentence| *sentence != written) {
            // The console shows it, and is not worth more than a line in the log.
            let file = context.runtime_dir().join(SENTENCE);
            if let Err(error) = vigla_kit::atomic::write(&file, sentence.as_bytes()) {
                tracing::warn!(%error, "cannot write for the console");
            }
            written = sentence;
        }
        let told = signal(&object, &before, &now).await;
        if let Err(error) = told {
            tracing::debug!(error = %vigla_bus::chain(&error), "cannot signal");
        }
        before = now;
        // The sender lives as long as the loop that decides, whose end is ours.
        shown.changed().await?;
    }
}

/// What a person at the console is told: not each step of a request that is under way.
fn settled(now: &Shown) -> Option<String> {
    let state = now.state.step.word();
    let rests = now.next_usec > 0 || now.state.step == vigla_fleet::device::Step::Confirmed;
    rests.then(|| vigla_bus::enrolment::told(state, now.state.reason.word()) + "\n")
}

async fn signal(
    object: &zbus::object_server::InterfaceRef<Enrolment>,
    before: &Shown,
    now: &Shown,
) -> zbus::Result<()> {
    let (root, emitter) = (object.get().await, object.signal_emitter());
    if now.state.step != before.state.step {
        root.state_changed(emitter).await?;
    }
    if now.state.reason != before.state.reason {
        root.reason_changed(emitter).await?;
    }
    if now.device_id != before.device_id {
        root.device_id_changed(emitter).await?;
        root.node_name_changed(emitter).await?;
    }
    if now.url != before.url {
        root.registration_url_changed(emitter).await?;
    }
    if now.generation != before.generation {
        root.generation_changed(emitter).await?;
    }
    if now.next_usec != before.next_usec {
        root.next_attempt_changed(emitter).await?;
    }
    Ok(())
}

/// A node without a claim is well: it belongs to nobody's fleet. One that cannot get into its fleet is not.
fn report(context: &Context, now: &Shown) {
    use vigla_fleet::device::{Reason, Step};
    let waits = matches!(
        now.state.reason,
        Reason::None
            | Reason::NoClaim
            | Reason::WaitsForApproval
            | Reason::WaitsForCluster
            | Reason::WaitsForNode
    );
    let well = waits || now.state.step == Step::Confirmed;
    let reason = now.state.reason.word();
    let problems = (!well).then(|| Problem::new("not-joined", reason));
    context
        .problems
        .replace(&["not-joined"], problems.into_iter().collect());
    let sentence = vigla_bus::enrolment::sentence(now.state.step.word(), reason);
    context.status(&sentence);
}
