//! Many readers in one process, as fast as it goes: every byte is its frame's.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::ScopedJoinHandle,
};

use vigla_frames::{Outcome, Reader, Wait};

use crate::{Dice, SOON, frame, is_painted, join, paint, publish_painted, writer};

const READERS: u32 = 6;
const FRAMES: u64 = 4000;
const SLOT_BYTES: usize = 20_000;

fn len(frame_id: u64) -> usize {
    usize::try_from(Dice(frame_id | 1).below(SLOT_BYTES as u64 + 1)).unwrap()
}

/// Reads until the writer is gone: frames seen.
fn read_all(mut reader: Reader, mut dice: Dice) -> u64 {
    let (mut last, mut seen) = (0, 0);
    loop {
        match reader.wait(SOON).unwrap() {
            Wait::Frame => {}
            Wait::WriterGone => return seen,
            Wait::Timeout => panic!("the writer fell silent after frame {last}"),
        }
        let frame_id = if dice.below(2) == 0 {
            let Some(lease) = reader.latest() else {
                continue;
            };
            let frame_id = lease.meta().frame_id;
            check(frame_id, lease.bytes());
            frame_id
        } else {
            let Some(held) = reader.hold() else { continue };
            check(held.meta().frame_id, held.bytes());
            held.meta().frame_id
        };
        assert!(frame_id >= last, "{frame_id} came after {last}");
        last = frame_id;
        seen += 1;
    }
}

fn check(frame_id: u64, bytes: &[u8]) {
    for _ in 0..2 {
        assert_eq!(bytes.len(), len(frame_id));
        assert!(is_painted(frame_id, bytes), "frame {frame_id} is torn");
    }
}

#[test]
fn payload_is_identical_for_many_readers() {
    // Enough slots that the newest, the next and both lease words of each reader always fit.
    let mut writer = writer(2 * READERS + 2, SLOT_BYTES);
    let readers: Vec<_> = (1..=READERS).map(|n| (n, join(&writer))).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = readers
            .into_iter()
            .map(|(n, reader)| scope.spawn(move || read_all(reader, Dice(u64::from(n)))))
            .collect();
        for n in 1..=FRAMES {
            assert_eq!(publish_painted(&mut writer, n, len(n)), Outcome::Published);
        }
        assert_eq!(writer.counts().published, FRAMES);
        drop(writer);
        for thread in threads {
            assert!(thread.join().unwrap() > 0);
        }
    });
}

#[test]
fn too_few_slots_cost_frames_and_nothing_else() {
    let mut writer = writer(3, SLOT_BYTES);
    let readers: Vec<_> = (1..=READERS).map(|n| (n, join(&writer))).collect();
    std::thread::scope(|scope| {
        for (n, reader) in readers {
            scope.spawn(move || read_all(reader, Dice(u64::from(n))));
        }
        for n in 1..=FRAMES {
            let outcome = writer.publish_with(frame(n), len(n), |slot| paint(n, slot));
            assert!(matches!(outcome, Outcome::Published | Outcome::AllLeased));
        }
        let counts = writer.counts();
        assert_eq!(counts.published + counts.all_leased, FRAMES);
        drop(writer);
    });
}

#[test]
fn readers_that_come_and_go_see_whole_frames() {
    let mut writer = writer(READERS + 2, SLOT_BYTES);
    let door = writer.door();
    // Somebody always looks, so that there is always a frame.
    let _looking = writer.add_reader(false).unwrap();
    let over = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let joining = || {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    // Full of readers that left, until the writer's next frame.
                    let Ok(handles) = door.add_reader(true) else {
                        continue;
                    };
                    let mut reader = crate::open(handles);
                    // The first frame after joining is the dangerous one: the writer may just
                    // now learn of this reader.
                    for _ in 0..3 {
                        if let Some(lease) = reader.peek() {
                            check(lease.meta().frame_id, lease.bytes());
                            seen.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            })
        };
        let threads: Vec<_> = (0..READERS).map(|_| joining()).collect();
        // No assertion in here: the others would read on for ever.
        let (mut n, mut fine) = (0, true);
        while fine && (n < FRAMES || seen.load(Ordering::Relaxed) < FRAMES) {
            n += 1;
            fine = publish_painted(&mut writer, n, len(n)) == Outcome::Published
                && !threads.iter().any(ScopedJoinHandle::is_finished);
        }
        over.store(true, Ordering::Relaxed);
        assert!(fine, "frame {n}: a reader ended, or a slot was missing");
    });
}
