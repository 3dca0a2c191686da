//! One stored message as bytes: 20 bytes of head, the topic, the payload.
//!
//! ```text
//! crc u32 | magic u16 | topic length u16 | payload length u32 | order u32 | second u32 | topic | payload
//! ```
//!
//! Little endian. The sum (CRC-32, IEEE) covers everything behind it. A file of records can be read
//! from any offset: a damaged record fails its sum, and the search goes on byte by byte for the next
//! place where everything fits, so damage costs the records that it touches and no others.

/// Bytes in front of the topic.
pub(super) const HEAD: usize = 20;
const MAGIC: [u8; 2] = *b"vq";

/// A message as it lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Place in the order of acceptance, less the first one of the segment.
    pub order: u32,
    /// Second of the queue's own clock in which it was accepted.
    pub second: u32,
    /// Where it goes.
    pub topic: &'a str,
    /// What goes there.
    pub payload: &'a [u8],
}

impl Record<'_> {
    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        HEAD + self.topic.len() + self.payload.len()
    }

    /// Writes it behind what is in `bytes`. The topic is shorter than 64 KiB, the payload than 4 GiB:
    /// the queue refuses longer ones at its door.
    pub(super) fn append(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        let topic = u16::try_from(self.topic.len()).unwrap_or(u16::MAX);
        let payload = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&topic.to_le_bytes());
        bytes.extend_from_slice(&payload.to_le_bytes());
        bytes.extend_from_slice(&self.order.to_le_bytes());
        bytes.extend_from_slice(&self.second.to_le_bytes());
        bytes.extend_from_slice(self.topic.as_bytes());
        bytes.extend_from_slice(self.payload);
        let sum = crc32fast::hash(&bytes[start + 4..]);
        bytes[start..start + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// What stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// A sound record.
    Sound(Record<'a>),
    /// Perhaps one, if so many bytes were there.
    Needs(usize),
    /// None.
    Damaged,
}

/// Reads the record at the start of `bytes`; longer ones than `largest` do not exist.
pub(super) fn parse(bytes: &[u8], largest: usize) -> Parsed<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Parsed::Needs(HEAD);
    };
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let topic = usize::from(u16::from_le_bytes([head[6], head[7]]));
    let length = topic.saturating_add(word(8) as usize);
    if head[4..6] != MAGIC || HEAD + length > largest {
        return Parsed::Damaged;
    }
    let Some(body) = rest.get(..length) else {
        return Parsed::Needs(HEAD + length);
    };
    if crc32fast::hash(&bytes[4..HEAD + length]) != word(0) {
        return Parsed::Damaged;
    }
    let (topic, payload) = body.split_at(topic);
    match std::str::from_utf8(topic) {
        Ok(topic) => Parsed::Sound(Record {
            order: word(12),
            second: word(16),
            topic,
            payload,
        }),
        Err(_) => Parsed::Damaged,
    }
}

/// Every sound record in the whole of a file, with its offset.
pub(super) fn all(bytes: &[u8], largest: usize) -> impl Iterator<Item = (usize, Record<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let here = at;
            if let Parsed::Sound(record) = parse(&bytes[here..], largest) {
                at += record.size();
                return Some((here, record));
            }
            at += 1;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LARGEST: usize = 1000;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (order, payload) in (0..).zip(payloads) {
            Record {
                order,
                second: 7,
                topic: "a/b",
                payload,
            }
            .append(&mut bytes);
        }
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = file(&[b"one".to_vec(), Vec::new()]);
        let records: Vec<_> = all(&bytes, LARGEST).collect();
        assert_eq!(
            records[0],
            (
                0,
                Record {
                    order: 0,
                    second: 7,
                    topic: "a/b",
                    payload: b"one"
                }
            )
        );
        assert_eq!(
            records[1],
            (
                26,
                Record {
                    order: 1,
                    second: 7,
                    topic: "a/b",
                    payload: b""
                }
            )
        );
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn says_how_many_bytes_it_needs() {
        let bytes = file(&[b"one".to_vec()]);
        assert_eq!(parse(&bytes[..5], LARGEST), Parsed::Needs(HEAD));
        assert_eq!(parse(&bytes[..=HEAD], LARGEST), Parsed::Needs(26));
        assert_eq!(parse(&bytes, 25), Parsed::Damaged);
    }

    proptest! {
        /// The promise of the format: one damaged byte costs one record.
        #[test]
        fn a_damaged_byte_costs_one_record(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..12),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..,
        ) {
            let mut bytes = file(&payloads);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let found: Vec<u32> = all(&bytes, LARGEST).map(|(_, record)| record.order).collect();
            prop_assert_eq!(found.len(), payloads.len() - 1);
        }

        #[test]
        fn a_torn_end_costs_what_is_torn(payload in proptest::collection::vec(any::<u8>(), 0..60), cut in 1_usize..23) {
            let bytes = file(&[payload.clone(), payload]);
            prop_assert_eq!(all(&bytes[..bytes.len() - cut], LARGEST).count(), 1);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = all(&bytes, LARGEST).count();
        }
    }

    #[test]
    fn any_damage_to_a_segment_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "segment", |bytes| {
            let found: usize = all(bytes, LARGEST).map(|(_, record)| record.size()).sum();
            assert!(found <= bytes.len());
        });
    }
}
