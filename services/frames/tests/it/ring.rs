//! One writer and readers in one process: what is published, what is seen, what is dropped.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use vigla_frames::{Meta, Outcome, Wait};

use crate::{SOON, frame, is_painted, join, open, publish_painted, settle, writer};

#[test]
fn frame_arrives_whole() {
    let mut writer = writer(3, 100);
    let mut reader = join(&writer);
    let sent = Meta {
        frame_id: 7,
        time_usec: 1_795_000_000_000_000,
        mono_usec: 42,
        width: 1280,
        height: 720,
        fourcc: *b"MJPG",
        mask_digest: u64::MAX,
    };
    assert_eq!(writer.publish(sent, b"a picture"), Outcome::Published);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::Frame);
    let lease = reader.latest().unwrap();
    assert_eq!(lease.meta(), &sent);
    assert_eq!(lease.bytes(), b"a picture");
}

#[test]
fn nothing_is_written_when_nobody_looks() {
    let mut writer = writer(3, 100);
    let mut asked = 0;
    let outcome = writer.publish_with(frame(1), 10, |_| asked += 1);
    assert_eq!((outcome, asked), (Outcome::NobodyLooks, 0));

    drop(join(&writer));
    settle(&writer, 0);
    let outcome = writer.publish_with(frame(2), 10, |_| asked += 1);
    assert_eq!((outcome, asked), (Outcome::NobodyLooks, 0));
    assert_eq!(writer.counts().nobody_looks, 2);
}

#[test]
fn frame_from_before_a_quiet_time_is_not_offered() {
    let mut writer = writer(3, 100);
    let first = join(&writer);
    assert_eq!(writer.publish(frame(1), b"old"), Outcome::Published);
    drop(first);
    settle(&writer, 0);
    assert_eq!(writer.publish(frame(2), b"unseen"), Outcome::NobodyLooks);

    let mut second = join(&writer);
    assert!(second.peek().is_none());
    assert_eq!(writer.publish(frame(3), b"new"), Outcome::Published);
    assert_eq!(second.peek().unwrap().bytes(), b"new");
}

#[test]
fn late_reader_finds_the_newest_at_once() {
    let mut writer = writer(3, 100);
    let _first = join(&writer);
    assert_eq!(writer.publish(frame(1), b"one"), Outcome::Published);
    let mut late = join(&writer);
    assert_eq!(late.wait(Duration::ZERO).unwrap(), Wait::Frame);
    assert_eq!(late.latest().unwrap().bytes(), b"one");
}

#[test]
fn slow_reader_gets_the_newest_only() {
    let mut writer = writer(3, 100);
    let mut reader = join(&writer);
    for n in 1..=1000 {
        assert_eq!(publish_painted(&mut writer, n, 100), Outcome::Published);
    }
    assert!(writer.counts().wakeups_skipped > 0);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::Frame);
    assert_eq!(reader.latest().unwrap().meta().frame_id, 1000);
    assert!(reader.latest().is_none());
    assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Timeout);
    // And the room in the socket is there again.
    assert_eq!(publish_painted(&mut writer, 1001, 1), Outcome::Published);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::Frame);
}

#[test]
fn wait_tells_of_each_frame_once() {
    let mut writer = writer(3, 100);
    let mut reader = join(&writer);
    assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Timeout);
    assert_eq!(writer.publish(frame(1), b""), Outcome::Published);
    assert_eq!(reader.wait(Duration::MAX).unwrap(), Wait::Frame);
    // Not looked at, but told of: a reader that skips frames does not spin.
    assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Timeout);
    assert_eq!(writer.publish(frame(2), b""), Outcome::Published);
    assert_eq!(reader.latest().unwrap().meta().frame_id, 2);
    // Looked at before the wake-up was taken: the wake-up is old news.
    assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Timeout);
    assert_eq!(reader.peek().unwrap().meta().frame_id, 2);
}

#[test]
fn descriptor_polls_readable_then_hung_up() {
    let mut writer = writer(3, 100);
    let mut reader = join(&writer);
    let events = |reader: &vigla_frames::Reader| {
        let mut polled = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::ZERO).unwrap();
        polled[0].revents().unwrap()
    };
    assert_eq!(events(&reader), PollFlags::empty());
    assert_eq!(writer.publish(frame(1), b"x"), Outcome::Published);
    assert_eq!(events(&reader), PollFlags::POLLIN);
    assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Frame);
    assert_eq!(events(&reader), PollFlags::empty());
    drop(writer);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::WriterGone);
    assert!(events(&reader).contains(PollFlags::POLLHUP));
}

#[test]
fn last_frame_is_seen_before_the_writer_is_missed() {
    let mut writer = writer(3, 100);
    let mut reader = join(&writer);
    assert_eq!(writer.publish(frame(1), b"last words"), Outcome::Published);
    drop(writer);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::Frame);
    assert_eq!(reader.latest().unwrap().bytes(), b"last words");
    assert_eq!(reader.wait(SOON).unwrap(), Wait::WriterGone);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::WriterGone);
}

#[test]
fn reader_without_wakeups_looks_when_it_likes() {
    let mut writer = writer(3, 100);
    let mut reader = open(writer.add_reader(false).unwrap());
    for n in 1..=1000 {
        assert_eq!(publish_painted(&mut writer, n, 8), Outcome::Published);
    }
    assert_eq!(writer.counts().wakeups_skipped, 0);
    assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Frame);
    assert_eq!(reader.latest().unwrap().meta().frame_id, 1000);
    drop(writer);
    assert_eq!(reader.wait(SOON).unwrap(), Wait::WriterGone);
}

#[test]
fn stalled_reader_keeps_its_frame_and_slows_nobody() {
    let mut writer = writer(3, 4096);
    let mut stalled = join(&writer);
    let mut lively = join(&writer);
    assert_eq!(publish_painted(&mut writer, 1, 4096), Outcome::Published);
    let lease = stalled.latest().unwrap();
    for n in 2..=10_000 {
        // Three slots: the stalled one's, the newest, and one to write. The lively reader gives
        // its lease back each time.
        assert_eq!(publish_painted(&mut writer, n, 4096), Outcome::Published);
        assert_eq!(lively.latest().unwrap().meta().frame_id, n);
    }
    assert_eq!(lease.meta().frame_id, 1);
    assert!(is_painted(1, lease.bytes()));
}

#[test]
fn all_slots_leased_drops_the_new_frame() {
    let mut writer = writer(3, 8);
    let mut readers = [join(&writer), join(&writer)];
    let mut leases = Vec::new();
    for (n, reader) in (1..).zip(&mut readers) {
        assert_eq!(publish_painted(&mut writer, n, 8), Outcome::Published);
        leases.push(reader.latest().unwrap());
    }
    assert_eq!(publish_painted(&mut writer, 3, 8), Outcome::Published);
    let mut asked = false;
    let outcome = writer.publish_with(frame(4), 8, |_| asked = true);
    assert_eq!((outcome, asked), (Outcome::AllLeased, false));
    assert_eq!(writer.counts().all_leased, 1);
    for (n, lease) in (1..).zip(&leases) {
        assert!(is_painted(n, lease.bytes()));
    }
    leases.remove(0);
    assert_eq!(publish_painted(&mut writer, 5, 8), Outcome::Published);
    assert!(is_painted(2, leases[0].bytes()));
}

#[test]
fn slot_is_filled_to_the_last_byte_and_not_beyond() {
    for slot_bytes in [1, 7, 8, 4095, 4096, 4097, 65_536] {
        let mut writer = writer(3, slot_bytes);
        let mut reader = join(&writer);
        for (n, len) in (1..).zip([0, 1, slot_bytes - 1, slot_bytes]) {
            assert_eq!(publish_painted(&mut writer, n, len), Outcome::Published);
            let lease = reader.latest().unwrap();
            assert_eq!(lease.bytes().len(), len);
            assert!(is_painted(n, lease.bytes()), "{len} of {slot_bytes}");
        }
        let newest = 4;
        for len in [slot_bytes + 1, usize::MAX] {
            let outcome = writer.publish_with(frame(9), len, |_| unreachable!("too big"));
            assert_eq!(outcome, Outcome::TooBig);
        }
        assert_eq!(writer.counts().too_big, 2);
        assert_eq!(reader.peek().unwrap().meta().frame_id, newest);
    }
}

#[test]
fn neighbours_do_not_touch() {
    let mut writer = writer(8, 4096);
    let mut readers: Vec<_> = (0..6).map(|_| join(&writer)).collect();
    let mut leases = Vec::new();
    for (n, reader) in (1..).zip(&mut readers) {
        assert_eq!(publish_painted(&mut writer, n, 4096), Outcome::Published);
        leases.push(reader.latest().unwrap());
    }
    assert_eq!(publish_painted(&mut writer, 7, 4096), Outcome::Published);
    for (n, lease) in (1..).zip(&leases) {
        assert!(is_painted(n, lease.bytes()));
    }
}

#[test]
fn panic_while_filling_publishes_nothing() {
    let mut writer = writer(3, 8);
    let mut reader = join(&writer);
    assert_eq!(publish_painted(&mut writer, 1, 8), Outcome::Published);
    let torn = catch_unwind(AssertUnwindSafe(|| {
        writer.publish_with(frame(2), 8, |slot| {
            slot[0] = 0xff;
            panic!("the encoder gave up");
        })
    }));
    assert!(torn.is_err());
    let lease = reader.latest().unwrap();
    assert_eq!(lease.meta().frame_id, 1);
    assert!(is_painted(1, lease.bytes()));
    drop(lease);
    assert_eq!(publish_painted(&mut writer, 3, 8), Outcome::Published);
}

#[test]
fn held_frame_outlives_its_reader() {
    let mut writer = writer(4, 64);
    let mut reader = join(&writer);
    assert!(reader.hold().is_none());
    assert_eq!(publish_painted(&mut writer, 1, 64), Outcome::Published);
    let held = reader.hold().unwrap();
    assert!(reader.latest().is_none(), "a held frame counts as returned");
    assert!(reader.hold().is_none(), "one at a time");
    assert_eq!(reader.peek().unwrap().meta().frame_id, 1);
    for n in 2..100 {
        assert_eq!(publish_painted(&mut writer, n, 64), Outcome::Published);
        assert_eq!(reader.latest().unwrap().meta().frame_id, n);
    }
    drop(reader);
    assert_eq!(writer.readers(), 1, "its lease still counts");
    let held = std::thread::spawn(move || {
        assert!(is_painted(1, held.as_ref()));
        held
    });
    assert_eq!(publish_painted(&mut writer, 100, 64), Outcome::Published);
    let held = held.join().unwrap();
    assert_eq!(held.meta().frame_id, 1);
    drop(held);
    settle(&writer, 0);
}

#[test]
fn next_frame_can_be_held_after_the_last_is_dropped() {
    let mut writer = writer(3, 64);
    let mut reader = join(&writer);
    for n in 1..=100 {
        assert_eq!(publish_painted(&mut writer, n, 64), Outcome::Published);
        let held = reader.hold().unwrap();
        assert!(is_painted(n, held.bytes()));
    }
}
