//! The sink in a thread of its own, as in the daemon, and what tests ask of it.

use std::sync::Arc;
use std::thread::JoinHandle;

use prometheus::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vigla_kit::Problems;
use vigla_kit::clock::Clock;
use vigla_metrics::Settings;
use vigla_metrics::broker::{Broker, Shared, State};
use vigla_metrics::config::Address;
use vigla_metrics::discovery::Documents;
use vigla_metrics::metrics::Series;
use vigla_metrics::outbox::{Account, Message, OpenDisk, Outbox, Worth};
use vigla_metrics::queue::Disk;
use vigla_metrics::topics::Topics;
use vigla_testkit::until;

use super::listener::PATIENCE;
use super::ramdisk::RamDisk;

pub(crate) const NODE: &str = "vigla-0123456789ab";

/// The sink in a thread, as in the daemon.
pub(crate) struct Sink {
    pub(crate) outbox: Outbox,
    pub(crate) problems: Problems,
    pub(crate) documents: watch::Sender<Documents>,
    pub(crate) state: watch::Receiver<State>,
    stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
}

impl Sink {
    pub(crate) fn start(port: u16, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(&RamDisk::default(), port, change)
    }

    /// With its queue on `disk`.
    pub(crate) fn start_on(disk: &RamDisk, port: u16, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with(opener(disk), port, change)
    }

    pub(crate) fn start_with(
        disk: OpenDisk,
        port: u16,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::start_announcing(Documents::new(), disk, port, change)
    }

    /// With `documents` from the first connection on.
    pub(crate) fn start_announcing(
        documents: Documents,
        disk: OpenDisk,
        port: u16,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings {
            broker: Address {
                host: "127.0.0.1".into(),
                port,
            },
            ..Settings::default()
        };
        settings.longest_wait = vigla_kit::config::Span::from_secs(1);
        change(&mut settings);
        let (memory, limits) = (settings.hold.limits(), settings.queue.limits());
        let outbox = Outbox::new(disk, memory, limits, Clock::system());
        let queue = outbox.clone();
        let writer = std::thread::spawn(move || queue.work());
        let (documents, documents_receiver) = watch::channel(documents);
        let (state_sender, state) = watch::channel(State::Connecting);
        let problems = Problems::default();
        let shared = Shared {
            outbox: outbox.clone(),
            documents: documents_receiver,
            state: state_sender,
            problems: problems.clone(),
            series: Series::register(&Registry::new()).unwrap(),
        };
        let broker = Broker::new(
            &settings,
            NODE,
            Topics::new(NODE, "demo", "homeassistant"),
            shared,
        );
        let stop = CancellationToken::new();
        let token = stop.clone();
        let last = outbox.clone();
        let broker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(broker.run(token));
            last.close();
        });
        Self {
            outbox,
            problems,
            documents,
            state,
            stop,
            threads: vec![broker, writer],
        }
    }

    pub(crate) fn put(&self, topic: &str, text: &str) {
        self.outbox.put(Message {
            topic: topic.into(),
            payload: text.into(),
            worth: Worth::Sample,
        });
    }

    pub(crate) fn wait_state(&self, state: State) {
        until(state.word(), PATIENCE, || {
            (*self.state.borrow() == state).then_some(())
        })
        .unwrap();
    }

    pub(crate) fn wait_account(&self, fits: impl Fn(&Account) -> bool) -> Account {
        until("the account", PATIENCE, || {
            Some(self.outbox.account()).filter(&fits)
        })
        .unwrap()
    }

    pub(crate) fn wait_problem(&self, code: &str) {
        until(code, PATIENCE, || {
            self.problems
                .list()
                .iter()
                .any(|p| p.code == code)
                .then_some(())
        })
        .unwrap();
    }

    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.cancel();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens `disk`, each time anew.
pub(crate) fn opener(disk: &RamDisk) -> OpenDisk {
    let disk = disk.clone();
    Box::new(move || Ok(Arc::new(disk.clone()) as Arc<dyn Disk>))
}
