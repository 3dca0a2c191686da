//! Who is let in, how many, and how they are missed.

use vigla_frames::{Config, Door, Error, MAX_READERS, MAX_SLOT_BYTES, Outcome, Writer};

use crate::{frame, join, open, settle, writer};

#[test]
fn size_out_of_range_is_refused() {
    let create = |slots, slot_bytes| Writer::create("test", Config { slots, slot_bytes });
    for slots in [0, 1, 2, 65, u32::MAX] {
        assert!(matches!(create(slots, 1), Err(Error::Slots(n)) if n == slots));
    }
    for slot_bytes in [0, MAX_SLOT_BYTES + 1, usize::MAX] {
        assert!(matches!(create(3, slot_bytes), Err(Error::SlotBytes(n)) if n == slot_bytes));
    }
    // Memory is given when it is touched: 64 GiB of slots can be made on any machine.
    assert!(create(64, MAX_SLOT_BYTES).is_ok());
}

#[test]
fn name_the_kernel_refuses_is_an_error() {
    let config = Config {
        slots: 3,
        slot_bytes: 1,
    };
    for name in ["a\0b", &"n".repeat(250)] {
        let error = Writer::create(name, config).unwrap_err();
        assert_eq!(error.to_string(), "create memory for the ring");
    }
    assert!(Writer::create("", config).is_ok());
}

#[test]
fn readers_are_counted_as_they_come_and_go() {
    let writer = writer(3, 8);
    let door = writer.door();
    assert_eq!((writer.readers(), door.readers()), (0, 0));
    let first = join(&writer);
    let second = open(door.add_reader(false).unwrap());
    assert_eq!((writer.readers(), door.readers()), (2, 2));
    drop(first);
    settle(&writer, 1);
    assert_eq!(door.readers(), 1);
    drop(second);
    settle(&writer, 0);
    assert_eq!(door.readers(), 0);
}

#[test]
fn handles_nobody_took_are_a_reader_that_left() {
    let mut writer = writer(3, 8);
    drop(writer.door().add_reader(true).unwrap());
    settle(&writer, 0);
    assert_eq!(writer.publish(frame(1), b"x"), Outcome::NobodyLooks);
}

#[test]
fn crowd_is_refused_until_someone_leaves() {
    let mut writer = writer(3, 8);
    let door = writer.door();
    let mut readers: Vec<_> = (0..MAX_READERS).map(|_| join(&writer)).collect();
    assert!(matches!(door.add_reader(true), Err(Error::TooManyReaders)));
    assert!(matches!(
        writer.add_reader(true),
        Err(Error::TooManyReaders)
    ));
    assert_eq!(writer.publish(frame(1), b"for all"), Outcome::Published);
    for reader in &mut readers {
        assert_eq!(reader.latest().unwrap().bytes(), b"for all");
    }
    readers.pop();
    settle(&writer, readers.len());
    assert_eq!(writer.publish(frame(2), b""), Outcome::Published);
    assert!(door.add_reader(true).is_ok());
}

#[test]
fn door_is_shut_when_the_writer_is_gone() {
    let writer = writer(3, 8);
    let door = writer.door();
    let mut waiting = open(door.add_reader(true).unwrap());
    drop(writer);
    assert!(matches!(door.add_reader(true), Err(Error::WriterGone)));
    assert_eq!(door.readers(), 0);
    // Let in, but never seen by the writer: it learns of the end all the same.
    let wait = waiting.wait(crate::SOON).unwrap();
    assert_eq!(wait, vigla_frames::Wait::WriterGone);
}

#[test]
fn door_opens_from_many_threads_while_frames_flow() {
    let mut writer = writer(3, 8);
    let door = writer.door();
    let come_and_go = |door: Door| {
        for _ in 0..200 {
            match door.add_reader(true) {
                Ok(handles) => drop(open(handles).latest().map(|lease| lease.bytes().len())),
                Err(error) => assert!(matches!(error, Error::TooManyReaders)),
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| come_and_go(door.clone())))
            .collect();
        let mut n = 0;
        while threads.iter().any(|thread| !thread.is_finished()) {
            n += 1;
            let _ = writer.publish(frame(n), b"x");
        }
    });
    settle(&writer, 0);
    assert_eq!(door.readers(), 0);
}

#[test]
fn writer_and_readers_can_change_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Writer>();
    send::<Door>();
    sync::<Door>();
    send::<vigla_frames::Reader>();
    send::<vigla_frames::Lease<'_>>();
    send::<vigla_frames::Held>();
    sync::<vigla_frames::Held>();
}
