//! Processes that die without a word, at any point: SIGKILL leaves no time to release anything.

use std::os::fd::AsFd;

use vigla_frames::{Config, Outcome, Reader, Wait, Writer};

use crate::{
    Dice, SOON, is_painted, open,
    process::{Process, hear, line_to_parent, receive_handles, say, send_handles},
    publish_painted, settle, writer,
};

const SLOT_BYTES: usize = 64 * 1024;

/// Child: reads as fast as it can until the writer is gone, and reports its first frame and any
/// torn one.
#[test]
#[ignore = "a child process of this module's tests"]
fn busy_reader() {
    let Some(line) = line_to_parent() else { return };
    let line = line.as_fd();
    let mut reader = open(receive_handles(line));
    let mut greeted = false;
    while reader.wait(SOON).unwrap() == Wait::Frame {
        let Some(lease) = reader.latest() else {
            continue;
        };
        if !greeted {
            say(line, "reading");
            greeted = true;
        }
        for _ in 0..3 {
            if !is_painted(lease.meta().frame_id, lease.bytes()) {
                say(line, "torn");
                panic!("frame {} is torn", lease.meta().frame_id);
            }
        }
    }
}

/// Child: leases one frame and never lets go.
#[test]
#[ignore = "a child process of this module's tests"]
fn holding_reader() {
    let Some(line) = line_to_parent() else { return };
    let line = line.as_fd();
    let mut reader = open(receive_handles(line));
    assert_eq!(reader.wait(SOON).unwrap(), Wait::Frame);
    let lease = reader.latest().unwrap();
    say(line, "holding");
    hear(line);
    drop(lease);
}

/// Child: publishes as fast as it can until it is killed or its reader leaves.
#[test]
#[ignore = "a child process of this module's tests"]
fn busy_writer() {
    let Some(line) = line_to_parent() else { return };
    let config = Config {
        slots: 4,
        slot_bytes: SLOT_BYTES,
    };
    let mut writer = Writer::create("killed-writer", config).unwrap();
    let handles = writer.add_reader(true).unwrap();
    send_handles(line.as_fd(), &handles);
    drop(handles);
    let mut n = 0;
    loop {
        n += 1;
        if publish_painted(&mut writer, n, SLOT_BYTES) == Outcome::NobodyLooks {
            return;
        }
    }
}

fn start_reader(writer: &Writer) -> Process {
    let process = Process::start("killed::busy_reader");
    send_handles(process.line(), &writer.add_reader(true).unwrap());
    process
}

/// Publishes frames up to `goal`; with enough slots none may be dropped.
fn publish_to(writer: &mut Writer, sent: &mut u64, goal: u64) {
    while *sent < goal {
        *sent += 1;
        assert_eq!(
            publish_painted(writer, *sent, SLOT_BYTES),
            Outcome::Published
        );
    }
}

#[test]
fn readers_killed_at_any_point_cost_nothing() {
    const READERS: u32 = 2;
    const KILLS: usize = 60;
    let mut dice = Dice(20_261_122);
    // The newest, the next, and a lease per reader: the dead must not keep theirs.
    let mut writer = writer(READERS + 2, SLOT_BYTES);
    let mut sent = 0;
    let mut readers: Vec<_> = (0..READERS).map(|_| start_reader(&writer)).collect();
    for kill in 0..KILLS {
        let others = readers.len() - 1;
        let victim = &mut readers[kill % (others + 1)];
        // It reads: so the kill falls anywhere in its loop.
        let reading = std::thread::scope(|scope| {
            let heard = scope.spawn(|| hear(victim.line()));
            while !heard.is_finished() {
                let goal = sent + 1;
                publish_to(&mut writer, &mut sent, goal);
            }
            heard.join().unwrap()
        });
        assert_eq!(reading.as_deref(), Some("reading"));
        let goal = sent + 1 + dice.below(200);
        publish_to(&mut writer, &mut sent, goal);
        victim.kill();
        assert_eq!(
            hear(victim.line()),
            None,
            "it saw a torn frame before it died"
        );
        settle(&writer, others);
        let goal = sent + 1 + dice.below(50);
        publish_to(&mut writer, &mut sent, goal);
        *victim = start_reader(&writer);
    }
    assert_eq!(writer.counts().all_leased, 0);
    // The last ones live to see the end.
    let goal = sent + 100;
    publish_to(&mut writer, &mut sent, goal);
    drop(writer);
    for reader in &mut readers {
        assert!(reader.succeeded());
    }
}

#[test]
fn lease_of_the_dead_is_free_again() {
    let mut writer = writer(3, SLOT_BYTES);
    let mut sent = 0;
    let mut readers = Vec::new();
    for n in 1..=2 {
        let reader = Process::start("killed::holding_reader");
        let handles = writer.add_reader(true).unwrap();
        // First the frame, then the descriptors: so it is this one that it holds.
        publish_to(&mut writer, &mut sent, n);
        send_handles(reader.line(), &handles);
        assert_eq!(hear(reader.line()).as_deref(), Some("holding"));
        readers.push(reader);
    }
    publish_to(&mut writer, &mut sent, 3);
    assert_eq!(publish_painted(&mut writer, 4, 1), Outcome::AllLeased);
    readers[0].kill();
    settle(&writer, 1);
    assert_eq!(publish_painted(&mut writer, 5, 1), Outcome::Published);
}

#[test]
fn writer_killed_at_any_point_leaves_whole_frames() {
    let mut dice = Dice(8_408_408);
    for _ in 0..30 {
        let mut process = Process::start("killed::busy_writer");
        let mut reader = open(receive_handles(process.line()));
        for _ in 0..=dice.below(20) {
            assert_eq!(reader.wait(SOON).unwrap(), Wait::Frame);
            look(&mut reader);
        }
        process.kill();
        while reader.wait(SOON).unwrap() == Wait::Frame {
            look(&mut reader);
        }
        assert_eq!(reader.wait(SOON).unwrap(), Wait::WriterGone);
        let last = reader.peek().unwrap();
        assert!(is_painted(last.meta().frame_id, last.bytes()));
    }
}

fn look(reader: &mut Reader) {
    if let Some(lease) = reader.latest() {
        assert_eq!(lease.bytes().len(), SLOT_BYTES);
        assert!(is_painted(lease.meta().frame_id, lease.bytes()));
    }
}
