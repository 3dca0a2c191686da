//! Writing `multipart/*` streams, once for all clients.
//!
//! A part is written *with the boundary that follows it*: a client then knows at once that the
//! picture is whole, and does not wait for the next one. Because every client of a camera gets
//! the same headers, a part is built once, in the same copy that takes the picture out of shared
//! memory, and then only counted up ([`Bytes`]): sixteen clients cost sixteen `writev`s, no copy.

use bytes::{BufMut, Bytes, BytesMut};

/// The boundary of all our streams.
pub(crate) const BOUNDARY: &str = "vigla";

/// What opens a stream; after it come parts.
pub(crate) const OPENING: &[u8] = b"--vigla\r\n";

/// The end of every part: the boundary of the next.
const CLOSING: &[u8] = b"\r\n--vigla\r\n";

/// Bytes of a part below which the server asks for the next one; see `server`.
pub(crate) const ENDING: usize = 16 << 10;

/// Which frame a part is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The camera's id of the frame.
    pub(crate) frame_id: u64,
    /// When it was captured, microseconds since the epoch.
    pub(crate) time_usec: u64,
}

impl Stamp {
    /// Seconds since the epoch with six decimals, as uStreamer writes `X-Timestamp`.
    pub(crate) fn seconds(self) -> String {
        format!(
            "{}.{:06}",
            self.time_usec / 1_000_000,
            self.time_usec % 1_000_000
        )
    }
}

/// One finished part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Headers, payload and the boundary that follows.
    pub(crate) wire: Bytes,
    /// The payload alone: a view into `wire`.
    pub(crate) payload: Bytes,
}

impl Part {
    /// Writes one part; `payload` is copied exactly once.
    pub(crate) fn new(content_type: &str, stamp: Stamp, payload: &[u8]) -> Self {
        let head = format!(
            "Content-Type: {content_type}\r\nContent-Length: {}\r\nX-Frame-Id: {}\r\nX-Timestamp: {}\r\n\r\n",
            payload.len(),
            stamp.frame_id,
            stamp.seconds(),
        );
        let mut wire = BytesMut::with_capacity(head.len() + payload.len() + CLOSING.len());
        wire.put_slice(head.as_bytes());
        wire.put_slice(payload);
        wire.put_slice(CLOSING);
        let wire = wire.freeze();
        let payload = wire.slice(head.len()..head.len() + payload.len());
        Self { wire, payload }
    }

    /// The part as it goes to one client. To one that is `behind`, its end goes as a copy: the server
    /// asks for the next part while the last bytes of this one still wait, and would hold two pictures for
    /// who takes them slowly.
    pub(crate) fn pieces(&self, behind: bool) -> impl Iterator<Item = Bytes> + use<> {
        let cut = self.wire.len().saturating_sub(ENDING);
        let (body, end) = if behind && cut > 0 {
            let end = Bytes::copy_from_slice(&self.wire[cut..]);
            (self.wire.slice(..cut), Some(end))
        } else {
            (self.wire.clone(), None)
        };
        std::iter::once(body).chain(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp {
        frame_id: 7,
        time_usec: 1_700_000_000_000_042,
    };

    #[test]
    fn a_part_carries_its_headers_and_the_next_boundary() {
        let part = Part::new("image/jpeg", STAMP, b"abc");
        assert_eq!(
            part.wire,
            "Content-Type: image/jpeg\r\nContent-Length: 3\r\nX-Frame-Id: 7\r\n\
             X-Timestamp: 1700000000.000042\r\n\r\nabc\r\n--vigla\r\n"
        );
    }

    #[test]
    fn the_payload_shares_the_memory_of_the_wire() {
        let part = Part::new("image/jpeg", STAMP, b"abc");
        assert_eq!(part.payload, "abc");
        assert!(part.wire.as_ptr_range().contains(&part.payload.as_ptr()));
    }

    #[test]
    fn who_is_behind_holds_no_picture_for_its_end() {
        let part = Part::new("image/jpeg", STAMP, &vec![7; 3 * ENDING]);
        let ours = part.wire.as_ptr_range();
        let whole: Vec<_> = part.pieces(false).collect();
        assert_eq!(whole.concat(), part.wire);
        assert!(ours.contains(&whole[0].as_ptr()), "nothing is copied");
        let pieces: Vec<_> = part.pieces(true).collect();
        assert_eq!(pieces.concat(), part.wire);
        assert_eq!(pieces[1].len(), ENDING);
        assert!(!ours.contains(&pieces[1].as_ptr()));
        let short = Part::new("image/jpeg", STAMP, b"abc");
        assert_eq!(short.pieces(true).count(), 1);
    }

    #[test]
    fn opening_and_closing_agree_with_the_boundary() {
        let line = format!("--{BOUNDARY}\r\n");
        assert_eq!(OPENING, line.as_bytes());
        assert!(CLOSING.ends_with(OPENING));
    }
}
