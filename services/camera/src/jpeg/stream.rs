//! Cuts a stream of JPEG files (`.mjpeg`, or what ffmpeg writes) into its files.
//!
//! Knows just enough of the format to find the end: segments have lengths, and inside a scan
//! `ff d9` is the only way to end, since data bytes of `ff` are stuffed with `00`. Thumbnails inside
//! segments are therefore skipped. What makes no sense is skipped up to the next start.

use super::{END, SCAN, START};

/// A file larger than this is not a picture; the cutter starts over.
const MOST_BYTES: usize = 32 << 20;

/// Collects bytes and gives out files.
#[derive(Debug, Default)]
pub struct Cutter {
    buffer: Vec<u8>,
    /// The file found last.
    file: std::ops::Range<usize>,
    /// Everything before this has been looked at and goes when more is fed.
    spent: usize,
    /// Up to here (from `spent`) no end was found, so a search goes on from there.
    seen: usize,
    inside_scan: bool,
}

impl Cutter {
    /// Adds bytes at the end.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.spent.max(self.file.end));
        (self.file, self.spent) = (0..0, 0);
        if self.buffer.len() + bytes.len() > MOST_BYTES {
            self.buffer.clear();
            self.restart();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Moves on to the next whole file, if there is one; [`file`](Self::file) is then that.
    pub fn cut(&mut self) -> bool {
        self.spent = self.spent.max(self.file.end);
        if self.seen == 0 && self.find_start().is_none() {
            return false;
        }
        let Some(end) = self.find_end() else {
            return false;
        };
        self.file = self.spent..self.spent + end;
        self.restart();
        true
    }

    /// The file of the last [`cut`](Self::cut) that found one.
    pub fn file(&self) -> &[u8] {
        self.buffer.get(self.file.clone()).unwrap_or_default()
    }

    fn restart(&mut self) {
        self.seen = 0;
        self.inside_scan = false;
    }

    /// Moves `spent` to the next start of a file; keeps a last `ff` that may be half of one.
    fn find_start(&mut self) -> Option<()> {
        let rest = &self.buffer[self.spent..];
        let Some(at) = rest.windows(2).position(|pair| pair == [0xff, START]) else {
            self.spent += rest.len() - usize::from(rest.last() == Some(&0xff));
            return None;
        };
        self.spent += at;
        self.seen = 2;
        Some(())
    }

    /// The length of the file that starts at `spent`, once its end is in the buffer.
    fn find_end(&mut self) -> Option<usize> {
        loop {
            let rest = self.buffer.get(self.spent + self.seen..)?;
            if self.inside_scan {
                let Some(at) = rest.iter().position(|&byte| byte == 0xff) else {
                    self.seen += rest.len();
                    return None;
                };
                self.seen += at;
            }
            let rest = &self.buffer[self.spent + self.seen..];
            let [0xff, marker, ..] = rest else {
                if rest.len() < 2 {
                    return None;
                }
                // Garbage where a marker should be: this was no file.
                self.spent += self.seen;
                self.restart();
                self.find_start()?;
                continue;
            };
            match *marker {
                END => return Some(self.seen + 2),
                0xff => self.seen += 1,
                // Stuffing and restart markers belong to the scan; alone they are skipped too.
                0x00 | 0x01 | 0xd0..=0xd7 => self.seen += 2,
                START => {
                    // The file before was cut off.
                    self.spent += self.seen;
                    self.inside_scan = false;
                    self.seen = 2;
                }
                marker => {
                    let [_, _, high, low, ..] = rest else {
                        return None;
                    };
                    let length = usize::from(u16::from_be_bytes([*high, *low])).max(2);
                    self.seen += 2 + length;
                    self.inside_scan = marker == SCAN;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tag: u8) -> Vec<u8> {
        let mut jpeg = vec![0xff, 0xd8];
        // A segment that holds a whole little JPEG, as EXIF thumbnails do.
        jpeg.extend([0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9]);
        jpeg.extend([0xff, 0xda, 0, 3, 0]);
        jpeg.extend([tag, 0xff, 0x00, 0xff, 0xd0, 7, 0xff, 0xd9]);
        jpeg
    }

    fn cut_all(stream: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut cutter = Cutter::default();
        let mut files = Vec::new();
        for piece in stream.chunks(step) {
            cutter.feed(piece);
            while cutter.cut() {
                files.push(cutter.file().to_vec());
            }
        }
        files
    }

    #[test]
    fn finds_each_file_however_the_bytes_arrive() {
        let stream = [file(1), b"noise".to_vec(), file(2), file(3)].concat();
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(
                cut_all(&stream, step),
                [file(1), file(2), file(3)],
                "{step}"
            );
        }
    }

    #[test]
    fn a_file_cut_off_costs_only_itself() {
        let mut half = file(1);
        half.truncate(half.len() - 2);
        let stream = [half, file(2)].concat();
        assert_eq!(cut_all(&stream, 5), [file(2)]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_before_a_file_neither_panic_nor_hang(noise: Vec<u8>, step in 1usize..50) {
            let stream = [noise, vec![0; 70_000], file(9), file(9)].concat();
            cut_all(&stream, step);
        }
    }

    #[test]
    fn any_damage_to_a_stream_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "mjpeg", |stream| {
            for step in [1 + stream.len() / 7, 4096] {
                let files = cut_all(stream, step);
                let cut: usize = files.iter().map(Vec::len).sum();
                assert!(cut <= stream.len());
            }
        });
    }
}
