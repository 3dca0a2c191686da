//! What handing one frame over costs, in CPU time:
//! `cargo test --release -p vigla-frames -- --ignored --nocapture handover`.
//!
//! One thread plays the writer and all readers, so that nothing but the work is in the figure: no
//! switch of threads, no idling. Each reader takes its wake-up and a lease, looks at the first
//! byte, and lets go. Beside it, in the same run, what it is measured against: the 8-byte message
//! alone, and a copy of the payload.

use std::{hint::black_box, os::fd::AsRawFd, time::Duration};

use nix::{
    sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair},
    time::{ClockId, clock_gettime},
};
use vigla_frames::{Meta, Outcome, Wait};

use crate::{join, writer};

const ROUNDS: u32 = 20_000;
/// A 720p JPEG, and 720p as RGB.
const SIZES: [usize; 2] = [57_000, 1280 * 720 * 3];

#[test]
#[ignore = "a measurement, not a test"]
#[allow(clippy::print_stdout, reason = "it prints its table")]
fn handover() {
    println!();
    println!(
        "{:>10} {:>9} {:>8}  CPU per frame",
        "what", "bytes", "readers"
    );
    row("message", 8, 1, message());
    for bytes in SIZES {
        row("copy", bytes, 1, copy(bytes));
        for readers in [0, 1, 4, 16] {
            row("ring", bytes, readers, ring(bytes, readers));
        }
    }
}

#[allow(clippy::print_stdout, reason = "a line of the table")]
fn row(what: &str, bytes: usize, readers: usize, cost: Duration) {
    println!("{what:>10} {bytes:>9} {readers:>8}  {cost:?}");
}

/// CPU time of this process per call of `work`, the least of five runs.
fn measure(mut work: impl FnMut()) -> Duration {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap());
    let run = |_| {
        let start = now();
        (0..ROUNDS).for_each(|_| work());
        now().saturating_sub(start) / ROUNDS
    };
    (0..5).map(run).min().unwrap()
}

fn message() -> Duration {
    let flags = SockFlag::SOCK_NONBLOCK;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags).unwrap();
    let mut message = [0; 8];
    measure(|| {
        send(ours.as_raw_fd(), &message, MsgFlags::MSG_NOSIGNAL).unwrap();
        recv(theirs.as_raw_fd(), &mut message, MsgFlags::empty()).unwrap();
    })
}

fn copy(bytes: usize) -> Duration {
    let from = vec![1u8; bytes];
    let mut to = vec![0u8; bytes];
    measure(|| black_box(&mut to).copy_from_slice(black_box(&from)))
}

fn ring(bytes: usize, readers: usize) -> Duration {
    let mut writer = writer(18, bytes);
    let mut readers: Vec<_> = (0..readers).map(|_| join(&writer)).collect();
    measure(|| {
        let outcome = writer.publish_with(Meta::default(), bytes, |slot| slot[0] ^= 1);
        assert_eq!(outcome == Outcome::NobodyLooks, readers.is_empty());
        for reader in &mut readers {
            assert_eq!(reader.wait(Duration::ZERO).unwrap(), Wait::Frame);
            black_box(reader.latest().unwrap().bytes()[0]);
        }
    })
}
