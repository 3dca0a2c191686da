//! The ring as its users see it.

#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod admission;
mod descriptors;
mod handover;
mod killed;
mod misbehaviour;
mod process;
mod ring;
mod stress;

use std::time::{Duration, Instant};

use vigla_frames::{Config, Handles, Meta, Outcome, Reader, Writer};

/// Long enough for any event that is certain to come.
const SOON: Duration = Duration::from_secs(30);

fn writer(slots: u32, slot_bytes: usize) -> Writer {
    Writer::create("test", Config { slots, slot_bytes }).unwrap()
}

fn open(handles: Handles) -> Reader {
    Reader::open(handles.ring, handles.leases, handles.wakeup).unwrap()
}

fn join(writer: &Writer) -> Reader {
    open(writer.add_reader(true).unwrap())
}

/// Waits until the writer counts `readers`. A hang-up is not at once: while another test starts a
/// process, that one has copies of all sockets between its fork and its exec.
fn settle(writer: &Writer, readers: usize) {
    let deadline = Instant::now() + SOON;
    while writer.readers() != readers {
        assert!(Instant::now() < deadline, "{} readers", writer.readers());
        std::thread::yield_now();
    }
}

fn frame(frame_id: u64) -> Meta {
    Meta {
        frame_id,
        ..Meta::default()
    }
}

/// Fills `payload` so that a byte of another frame, or at another place, is noticed.
fn paint(frame_id: u64, payload: &mut [u8]) {
    let mut value = frame_id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for chunk in payload.chunks_mut(8) {
        chunk.copy_from_slice(&value.to_ne_bytes()[..chunk.len()]);
        value = value.wrapping_add(0x1234_5678_9abc_def1);
    }
}

/// Whether `payload` is what [`paint`] made for this frame.
fn is_painted(frame_id: u64, payload: &[u8]) -> bool {
    let mut value = frame_id.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    payload.chunks(8).all(|chunk| {
        let same = *chunk == value.to_ne_bytes()[..chunk.len()];
        value = value.wrapping_add(0x1234_5678_9abc_def1);
        same
    })
}

fn publish_painted(writer: &mut Writer, frame_id: u64, len: usize) -> Outcome {
    writer.publish_with(frame(frame_id), len, |slot| paint(frame_id, slot))
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
