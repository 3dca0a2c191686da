//! P6: what handing a frame over costs, whatever its size. The picture is in the ring already, as a
//! camera's driver or a decoder would have put it there: filling it is not ours to save.

use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use vigla_frames::{Config, Meta, Outcome, Reader, Wait, Writer};

use crate::gauge::{cost, pairs};
use crate::row::{Goal, Row};

const ROUNDS: u32 = 20_000;
const SMALL: usize = 57_000;
const LARGE: usize = 2_764_800;

/// A writer with one reader.
struct Ring {
    writer: Writer,
    reader: Reader,
    bytes: usize,
}

impl Ring {
    fn new(bytes: usize) -> anyhow::Result<Self> {
        let writer = Writer::create(
            "bench",
            Config {
                slots: 4,
                slot_bytes: bytes,
            },
        )?;
        let handles = writer.add_reader(true)?;
        let reader = Reader::open(handles.ring, handles.leases, handles.wakeup)?;
        Ok(Self {
            writer,
            reader,
            bytes,
        })
    }

    fn run(&mut self) -> anyhow::Result<f64> {
        cost(|| {
            for _ in 0..ROUNDS {
                let outcome = self
                    .writer
                    .publish_with(Meta::default(), self.bytes, |slot| slot[0] ^= 1);
                anyhow::ensure!(outcome == Outcome::Published, "the frame was not published");
                anyhow::ensure!(
                    self.reader.wait(Duration::ZERO)? == Wait::Frame,
                    "no wake-up came"
                );
                black_box(self.reader.latest().context("no frame came")?.bytes()[0]);
            }
            Ok(())
        })
    }
}

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let (mut small, mut large) = (Ring::new(SMALL)?, Ring::new(LARGE)?);
    let sizes = pairs(|| large.run(), || small.run())?;
    let (ours, theirs) = socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_NONBLOCK,
    )?;
    let mut token = [0; 8];
    let mut message = || {
        cost(|| {
            for _ in 0..ROUNDS {
                send(ours.as_raw_fd(), &token, MsgFlags::MSG_NOSIGNAL)?;
                recv(theirs.as_raw_fd(), &mut token, MsgFlags::empty())?;
            }
            Ok(())
        })
    };
    let against = pairs(|| large.run(), &mut message)?;
    Ok(vec![
        Row::ratio(
            "P6",
            "hand-over of 2.76 MB / of 57 kB",
            sizes.micros(ROUNDS),
            Goal::AtMost(1.1),
            format!("us of CPU per frame; {}", sizes.control()),
        ),
        Row::ratio(
            "P6",
            "hand-over of 2.76 MB / an 8-byte token alone",
            against.micros(ROUNDS),
            Goal::AtMost(2.0),
            format!("us of CPU; token by a socket pair; {}", against.control()),
        ),
    ])
}
