//! The broker is away for 10,000 messages and the sender dies five times; nothing is lost.
//!
//! The sender is this test binary again: the queue and the sink as in the daemon, fed faster than a
//! camera could. It prints the number of each message that is on disk, and is killed at that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use vigla_metrics::outbox::OpenDisk;
use vigla_metrics::queue::{Disk, Folder};
use vigla_testkit::{Broker, free_port, until};

use crate::listener::{Listener, PATIENCE};
use crate::sink::Sink;

const PER_LIFE: u64 = 2000;
const LIVES: u64 = 5;
/// Each life counts from its own million, as `seq` does from the time since boot.
const LIFE: u64 = 1_000_000;

fn folder(path: &Path) -> OpenDisk {
    let path = path.to_owned();
    Box::new(move || Folder::open(&path).map(|folder| Arc::new(folder) as Arc<dyn Disk>))
}

/// Not a test: what [`dies_five_times`] starts.
#[test]
#[ignore = "the other process of `dies_five_times`"]
#[allow(clippy::print_stdout, reason = "the parent reads it")]
fn sender() {
    let Some((path, rest)) = std::env::args().next_back().and_then(|last| {
        let (path, rest) = last.strip_prefix("--skip=")?.split_once(';')?;
        Some((path.to_owned(), rest.to_owned()))
    }) else {
        return;
    };
    let (port, first) = rest.split_once(';').unwrap();
    let first: u64 = first.parse().unwrap();
    let sink = Sink::start_with(folder(Path::new(&path)), port.parse().unwrap(), |_| {});
    for seq in first.. {
        sink.put("t/seq", &seq.to_string());
        if seq % 20 == 0 {
            until("the disk", PATIENCE, || {
                (sink.outbox.standing().in_memory == 0).then_some(())
            })
            .unwrap();
            println!("stored {seq}");
        }
    }
}

struct Sender {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Sender {
    fn start(path: &Path, port: u16, first: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kills::sender", "--ignored", "--nocapture"])
            .arg(format!("--skip={};{port};{first}", path.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Kills it when `seq` is on disk.
    fn kill_after(mut self, seq: u64) {
        let stored = |line: String| line.rsplit_once("stored ")?.1.parse::<u64>().ok();
        let mut seen = self.lines.lines().map_while(Result::ok).filter_map(stored);
        assert!(
            seen.any(|stored| stored >= seq),
            "the sender died by itself"
        );
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn dies_five_times() {
    let home = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    for life in 0..LIVES {
        let first = life * LIFE;
        Sender::start(home.path(), port, first).kill_after(first + PER_LIFE);
    }

    let rooms = tempfile::tempdir().unwrap();
    let broker = Broker::start(rooms.path(), port, "max_queued_messages 0\n").unwrap();
    let listener = Listener::on(broker.port());
    let sink = Sink::start_with(folder(home.path()), port, |_| {});
    let account = sink.wait_account(|account| account.accepted > 0 && account.stored == 0);
    assert_eq!(
        (account.accepted, account.dropped.total()),
        (account.sent, 0)
    );

    let mut heard: BTreeMap<u64, u32> = BTreeMap::new();
    until("everything", PATIENCE, || {
        let all = listener.all();
        let numbers = all
            .iter()
            .filter(|heard| heard.topic == "t/seq")
            .map(|heard| heard.text.parse::<u64>().unwrap());
        heard = numbers.fold(BTreeMap::new(), |mut counts, seq| {
            *counts.entry(seq).or_default() += 1;
            counts
        });
        (heard.len() as u64 == account.sent).then_some(())
    })
    .unwrap();
    let owed: BTreeSet<u64> = (0..LIVES)
        .flat_map(|life| life * LIFE..=life * LIFE + PER_LIFE)
        .collect();
    assert!(
        owed.iter().all(|seq| heard.contains_key(seq)),
        "one is lost"
    );
    assert!(account.sent > PER_LIFE * LIVES);
    sink.stop();
}
