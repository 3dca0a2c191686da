//! A node of the tests: the loop of the service on a folder, without its waits.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use vigla_enrolment::card::Card;
use vigla_enrolment::disk::{Disk, Folder};
use vigla_enrolment::driver::{Driver, Shown};
use vigla_enrolment::store::{Holdings, Store};
use vigla_fleet::device::{Event, State, Step};
use vigla_fleet::invitation::{FILE, Invitation};
use vigla_kit::Clock;
use vigla_kit::proxy::Way;

/// A folder for state and card.
pub(crate) struct Node {
    pub(crate) folder: TempDir,
    pub(crate) board: String,
    pub(crate) built: u64,
}

/// Runs on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

impl Node {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        Self {
            folder,
            board: "b0".repeat(32),
            built: 1_793_491_200,
        }
    }

    pub(crate) fn with(invitation: &Invitation) -> Self {
        let node = Self::new();
        node.put(&invitation.write());
        node
    }

    pub(crate) fn put(&self, text: &str) {
        vigla_kit::atomic::write(&self.folder.path().join(FILE), text.as_bytes()).unwrap();
    }

    pub(crate) fn card(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(FILE)).unwrap()
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn holdings(&self) -> Holdings {
        let store = Store::new(Arc::new(Folder::new(&self.state())));
        store.look().unwrap()
    }

    /// A start of the machine.
    pub(crate) fn boot(&self) -> Run {
        self.boot_on(Arc::new(Folder::new(&self.state())))
    }

    /// The same on another disk.
    pub(crate) fn boot_on(&self, disk: Arc<dyn Disk>) -> Run {
        let retry = Arc::new(Notify::new());
        let driver = Driver {
            store: Store::new(disk),
            card: Card::read(&self.folder.path().join(FILE), Path::new("")),
            board: self.board.clone(),
            built: self.built,
            busy: self.folder.path().join("busy"),
            way: Way::default(),
            clock: Clock::manual(0),
            shown: watch::Sender::new(Shown::default()),
            retry: retry.clone(),
            state: State::default(),
            hand: None,
            lock: None,
        };
        Run {
            shown: driver.shown.subscribe(),
            driver,
            retry,
            event: Event::Begun,
        }
    }
}

/// From one start to the next.
pub(crate) struct Run {
    pub(crate) driver: Driver,
    pub(crate) shown: watch::Receiver<Shown>,
    retry: Arc<Notify>,
    pub(crate) event: Event,
}

impl Run {
    /// One decision, whose wait is cut short.
    pub(crate) async fn step(&mut self) {
        self.retry.notify_one();
        self.event = self.driver.step(self.event).await;
    }

    /// So many of them, or until `done`.
    pub(crate) async fn until(&mut self, most: usize, done: impl Fn(&Shown) -> bool) -> Shown {
        for _ in 0..most {
            self.step().await;
            if done(&self.shown.borrow()) {
                break;
            }
        }
        self.shown.borrow().clone()
    }

    /// To the end of the way, or as far as it comes.
    pub(crate) async fn confirmed(&mut self) -> bool {
        let shown = self
            .until(60, |shown| {
                shown.state.step == Step::Confirmed
                    && shown.state.failures == 0
                    && shown.next_usec > 0
            })
            .await;
        shown.state.step == Step::Confirmed
    }

    pub(crate) fn words(&self) -> (&'static str, &'static str) {
        let shown = self.shown.borrow();
        (shown.state.step.word(), shown.state.reason.word())
    }
}
