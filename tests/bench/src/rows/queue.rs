//! P9: what keeping a message costs, and whether a long queue costs more than a short one. On a real
//! folder, marked and synced once per thousand messages, as at a thousand a second.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use vigla_metrics::hold::Keep;
use vigla_metrics::outbox::{Message, Ticket, Worth};
use vigla_metrics::queue::{Folder, Limits, Log};

use crate::gauge::{cost, pairs};
use crate::process;
use crate::row::{Goal, Row};

const A_SECOND: u32 = 1000;
const SHORT: u32 = 1000;
const LONG: u32 = 1_000_000;
/// What a count of the old demo looks like.
const PAYLOAD: &str = r#"{"timestamp":"2026-01-01T00:00:00.000Z","car_count":"3"}      "#;
const TOPIC: &str = "demo/car_count";

/// A log that keeps its length: one in, one out.
struct Queue {
    log: Log,
    _folder: tempfile::TempDir,
}

impl Queue {
    fn with(waiting: u32) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let limits = Limits {
            bytes: 1 << 30,
            segment: 256 << 10,
            largest: 128 << 10,
            age: Duration::from_hours(24),
            keep: Keep::Newest,
        };
        let log = Log::open(Arc::new(Folder::open(folder.path())?), limits)?;
        let mut queue = Self {
            log,
            _folder: folder,
        };
        for _ in 0..waiting / A_SECOND {
            queue.put(A_SECOND)?;
            queue.mark()?;
        }
        Ok(queue)
    }

    fn put(&mut self, messages: u32) -> anyhow::Result<()> {
        for _ in 0..messages {
            let message = Message {
                topic: TOPIC.to_owned(),
                payload: PAYLOAD.as_bytes().to_vec(),
                worth: Worth::Sample,
            };
            self.log
                .append(&mut vec![(Ticket(self.log.next()), message)])?;
        }
        Ok(())
    }

    fn mark(&mut self) -> anyhow::Result<()> {
        match self.log.mark()? {
            Some(chores) => chores
                .done()
                .map_err(|(error, _)| error)
                .context("sync the queue"),
            None => Ok(()),
        }
    }

    /// A second at a thousand messages: as many leave as come.
    fn second(&mut self) -> anyhow::Result<()> {
        for _ in 0..A_SECOND {
            self.put(1)?;
            let (ticket, _) = self.log.lend().context("the queue is empty")?;
            self.log.settle(ticket);
        }
        self.mark()
    }

    fn run(&mut self) -> anyhow::Result<f64> {
        cost(|| (0..10).try_for_each(|_| self.second()))
    }
}

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let mut short = Queue::with(SHORT)?;
    let before = process::own_resident()?;
    let mut long = Queue::with(LONG)?;
    let grown = process::own_resident()?.saturating_sub(before);
    let written = short.log.written();
    (0..20).try_for_each(|_| short.second())?;
    let each = (short.log.written() - written) as f64 / f64::from(20 * A_SECOND);
    let allowed = (PAYLOAD.len() + 24) as f64;
    let lengths = pairs(|| long.run(), || short.run())?;
    Ok(vec![
        Row::ratio(
            "P9",
            "bytes written per message / (payload + 24)",
            (each, allowed),
            Goal::AtMost(1.3),
            format!(
                "payload of {} bytes, topic of {}; marks and settling included",
                PAYLOAD.len(),
                TOPIC.len()
            ),
        ),
        Row::ratio(
            "P9",
            "CPU per message at 10^6 queued / at 10^3",
            lengths.micros(10 * A_SECOND),
            Goal::AtMost(1.1),
            format!(
                "us; put, lent, settled, a sync per thousand; {}",
                lengths.control()
            ),
        ),
        Row::limit(
            "P9",
            "memory for 10^6 queued messages, MB",
            grown as f64 / 1e6,
            Goal::AtMost(1.0),
            "growth of resident memory",
        ),
    ])
}
