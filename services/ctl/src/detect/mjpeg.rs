//! JPEG pictures out of a stream of them, one after the other.
//!
//! The markers are walked, so that an end marker inside of a segment (a thumbnail, a comment) ends
//! nothing. Whatever stands between two pictures is skipped.

/// A stream without an end marker for so long is not one, in bytes.
const LARGEST: usize = 64 << 20;

/// Cuts a stream into pictures.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    buffer: Vec<u8>,
    at: usize,
    /// Inside of a picture's scan data, rather than at a marker.
    scanning: bool,
    started: bool,
}

/// The stream holds no sound picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Splitter {
    /// Adds bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole picture, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        if !self.started && !self.find_start() {
            return Ok(None);
        }
        while let Some(end) = self.step()? {
            if end {
                let rest = self.buffer.split_off(self.at);
                let picture = std::mem::replace(&mut self.buffer, rest);
                (self.at, self.started) = (0, false);
                return Ok(Some(picture));
            }
        }
        if self.buffer.len() > LARGEST {
            Err(Broken)
        } else {
            Ok(None)
        }
    }

    fn find_start(&mut self) -> bool {
        let start = self.buffer.windows(2).position(|pair| pair == [0xff, 0xd8]);
        // The last byte may be the first half of a start.
        let skip = start.unwrap_or(self.buffer.len().saturating_sub(1));
        self.buffer.drain(..skip);
        if start.is_some() {
            (self.at, self.scanning, self.started) = (2, false, true);
        }
        start.is_some()
    }

    /// One segment, or a run of scan data, further: whether it was the end; `None` when more bytes
    /// are needed.
    fn step(&mut self) -> Result<Option<bool>, Broken> {
        let rest = &self.buffer[self.at..];
        if self.scanning {
            let Some(run) = rest.iter().position(|byte| *byte == 0xff) else {
                self.at = self.buffer.len();
                return Ok(None);
            };
            let Some(next) = rest.get(run + 1) else {
                self.at += run;
                return Ok(None);
            };
            // Stuffed bytes and restart markers belong to the scan.
            let inside = matches!(next, 0x00 | 0xd0..=0xd7);
            self.at += if inside { run + 2 } else { run };
            self.scanning = inside;
            return Ok(Some(false));
        }
        let (Some(first), Some(code)) = (rest.first(), rest.get(1)) else {
            return Ok(None);
        };
        match (first, code) {
            (0xff, 0xd9) => {
                self.at += 2;
                Ok(Some(true))
            }
            (0xff, 0xff) => {
                self.at += 1;
                Ok(Some(false))
            }
            (0xff, 0x01 | 0xd0..=0xd8) => {
                self.at += 2;
                Ok(Some(false))
            }
            (0xff, code) => {
                let Some(length) = rest.get(2..4) else {
                    return Ok(None);
                };
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                if length < 2 {
                    return Err(Broken);
                }
                if rest.len() < 2 + length {
                    return Ok(None);
                }
                self.scanning = *code == 0xda;
                self.at += 2 + length;
                Ok(Some(false))
            }
            _ => Err(Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A comment that holds an end marker, a scan with a stuffed byte and a restart, the end.
    const PICTURE: &[u8] =
        b"\xff\xd8\xff\xfe\0\x04\xff\xd9\xff\xda\0\x03x\x01\xff\0\x02\xff\xd3\x03\xff\xff\xd9";

    #[test]
    fn cuts_at_real_ends_however_the_bytes_arrive() {
        let stream = [b"noise", PICTURE, PICTURE, b"\0\0", PICTURE].concat();
        for piece in [1, 2, 3, 7, stream.len()] {
            let mut splitter = Splitter::default();
            let mut found = Vec::new();
            for bytes in stream.chunks(piece) {
                splitter.push(bytes);
                while let Some(picture) = splitter.next().unwrap() {
                    found.push(picture);
                }
            }
            assert_eq!(found, [PICTURE; 3], "in pieces of {piece}");
        }
    }

    #[test]
    fn a_segment_without_length_is_broken() {
        let mut splitter = Splitter::default();
        splitter.push(b"\xff\xd8\xff\xfe\0\0");
        assert_eq!(splitter.next(), Err(Broken));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_makes_bytes_up(stream in proptest::collection::vec(prop_oneof![Just(0xff_u8), Just(0xd8), Just(0xd9), Just(0xda), any::<u8>()], 0..400)) {
            let mut splitter = Splitter::default();
            let mut total = 0;
            for bytes in stream.chunks(9) {
                splitter.push(bytes);
                while let Ok(Some(picture)) = splitter.next() {
                    total += picture.len();
                }
            }
            prop_assert!(total <= stream.len());
        }
    }

    #[test]
    fn any_damage_to_a_stream_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "mjpeg", |stream| {
            let mut splitter = Splitter::default();
            for piece in stream.chunks(1 + stream.len() / 5) {
                splitter.push(piece);
                while let Ok(Some(picture)) = splitter.next() {
                    assert!(picture.ends_with(&[0xff, 0xd9]));
                }
            }
        });
    }
}
