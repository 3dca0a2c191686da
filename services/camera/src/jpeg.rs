//! JPEG files seen from outside: size, end, segments. Pure, and safe on any bytes.
//!
//! Every captured frame passes here, so nothing in this file decodes: it walks the marker segments
//! up to the scan. Decoding and encoding is in [`turbo`]; cutting a byte stream into files in [`stream`].

pub mod stream;
pub mod turbo;

const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const APP0: u8 = 0xe0;

/// The marker of the segment that carries ground truth.
pub const APP11: u8 = 0xeb;

/// Width and height that the header promises, or `None` when these bytes are no JPEG.
pub fn size(jpeg: &[u8]) -> Option<(u32, u32)> {
    segments(jpeg).find_map(|segment| {
        let frame =
            matches!(segment.marker, 0xc0..=0xcf) && !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc);
        let [_, h1, h0, w1, w0, ..] = segment.body else {
            return None;
        };
        let width = u32::from(u16::from_be_bytes([*w1, *w0]));
        let height = u32::from(u16::from_be_bytes([*h1, *h0]));
        (frame && width > 0 && height > 0).then_some((width, height))
    })
}

/// Whether the file ends as a JPEG ends. Cameras pad with zeros, so those do not count.
pub fn is_complete(jpeg: &[u8]) -> bool {
    let zeros = jpeg.iter().rev().take_while(|&&byte| byte == 0).count();
    jpeg[..jpeg.len() - zeros].ends_with(&[0xff, END])
}

/// A copy of `jpeg` with one more segment, behind the JFIF header if there is one.
///
/// `None` when `jpeg` is no JPEG or `body` is longer than a segment can be (65,533 bytes).
pub fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(body.len() + 2).ok()?;
    let first = segments(jpeg).next()?;
    let at = match first.marker {
        APP0 => 2 + 4 + first.body.len(),
        _ => 2,
    };
    let mut out = Vec::with_capacity(jpeg.len() + body.len() + 4);
    out.extend_from_slice(&jpeg[..at]);
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&jpeg[at..]);
    Some(out)
}

struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
}

/// The segments before the first scan; ends at the first byte that makes no sense.
fn segments(jpeg: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = jpeg.strip_prefix(&[0xff, START]).unwrap_or_default();
    std::iter::from_fn(move || {
        // Any number of 0xff may stand before a marker.
        while let [0xff, 0xff, ..] = rest {
            rest = &rest[1..];
        }
        let [0xff, marker, high, low, after @ ..] = rest else {
            return None;
        };
        if matches!(*marker, SCAN | END | START | 0x00) {
            return None;
        }
        // The length counts its own two bytes.
        let length = usize::from(u16::from_be_bytes([*high, *low])).checked_sub(2)?;
        let body = after.get(..length)?;
        rest = &after[length..];
        Some(Segment {
            marker: *marker,
            body,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest bytes that have a size: start, JFIF, frame header, scan, end.
    fn tiny() -> Vec<u8> {
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, b'J', b'F'];
        jpeg.extend([0xff, 0xc0, 0, 11, 8, 0, 16, 0, 32, 1, 1, 0x11, 0]);
        jpeg.extend([0xff, 0xda, 0, 2, 0x12, 0xff, 0xd9]);
        jpeg
    }

    #[test]
    fn reads_the_size_behind_other_segments() {
        assert_eq!(size(&tiny()), Some((32, 16)));
        assert_eq!(size(&tiny()[..12]), None);
        assert_eq!(size(b"GIF89a"), None);
    }

    #[test]
    fn padding_is_no_damage_but_a_missing_end_is() {
        let mut jpeg = tiny();
        assert!(is_complete(&jpeg));
        jpeg.extend([0; 40]);
        assert!(is_complete(&jpeg));
        assert!(!is_complete(&tiny()[..22]));
        assert!(!is_complete(&[]));
    }

    #[test]
    fn a_new_segment_stands_behind_jfif() {
        let jpeg = with_segment(&tiny(), APP11, b"hello").unwrap();
        let found: Vec<_> = segments(&jpeg).map(|s| s.marker).collect();
        assert_eq!(found, [APP0, APP11, 0xc0]);
        assert_eq!(size(&jpeg), Some((32, 16)));
        assert!(with_segment(&tiny(), APP11, &vec![0; 70_000]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_can_panic(mut bytes: Vec<u8>) {
            size(&bytes);
            is_complete(&bytes);
            bytes.splice(0..0, [0xff, 0xd8]);
            size(&bytes);
            with_segment(&bytes, APP11, b"x");
        }
    }
}
