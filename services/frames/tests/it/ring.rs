//! One writer and readers in one process: what is published, what is seen, what is dropped.

use std::time::Duration;

use vigla_frames::{Config, Meta, Outcome, Reader, Wait, Writer};

const SOON: Duration = Duration::from_secs(20);

fn writer(slots: u32, slot_bytes: usize) -> Writer {
    Writer::create("test", Config { slots, slot_bytes }).unwrap()
}

fn join(writer: &Writer) -> Reader {
    let handles = writer.add_reader(true).unwrap();
    Reader::open(handles.ring, handles.leases, handles.wakeup).unwrap()
}

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
