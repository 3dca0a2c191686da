//! Ground truth out of a synthetic picture: the model `truth`.
//!
//! The synthetic camera knows what it drew and says so in the JPEG itself, as an APP11 segment
//! `VIGLA-TRUTH\0` followed by `[{"label":"car","box":[l,t,r,b]},...]`. Reading it needs no
//! inference library, so the demo counts on any machine, and a test can compare counts with the
//! truth exactly. A frame without the segment is an error, never "nothing there".

use serde::Deserialize;

/// The name of this model in the settings and in the property `Model`.
pub const NAME: &str = "truth";

/// What the segment begins with.
const PREFIX: &[u8] = b"VIGLA-TRUTH\0";

/// More objects than this in one frame are a fault, not a crowd.
const MOST_OBJECTS: usize = 1000;

/// One object that was drawn.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Truth {
    /// What it is (`car`, `person`).
    pub label: String,
    /// `[left, top, right, bottom]`, shares of the picture, 0..=1.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
}

/// Why a frame told no truth.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not a JPEG, or end inside its header.
    #[error("the frame is not a JPEG")]
    NotJpeg,
    /// A picture of another source.
    #[error("the frame carries no ground truth")]
    Absent,
    /// The segment is not the JSON agreed on.
    #[error("read the ground truth of the frame")]
    Parse(#[source] serde_json::Error),
    /// A box is outside the picture, or there are too many.
    #[error("the ground truth of the frame is out of range")]
    Range,
}

/// The objects that the synthetic camera drew into `jpeg`.
pub fn read(jpeg: &[u8]) -> Result<Vec<Truth>, Error> {
    let json = segment(jpeg)?;
    let objects: Vec<Truth> = serde_json::from_slice(json).map_err(Error::Parse)?;
    if objects.len() > MOST_OBJECTS || !objects.iter().all(valid) {
        return Err(Error::Range);
    }
    Ok(objects)
}

fn valid(object: &Truth) -> bool {
    let [left, top, right, bottom] = object.bounds;
    let share = |v: f32| (0.0..=1.0).contains(&v);
    object.bounds.into_iter().all(share) && left <= right && top <= bottom
}

/// Walks the header segments up to the start of scan; never looks at the picture itself.
fn segment(jpeg: &[u8]) -> Result<&[u8], Error> {
    const START: u8 = 0xd8;
    const SCAN: u8 = 0xda;
    const APP11: u8 = 0xeb;
    let mut rest = jpeg.strip_prefix(&[0xff, START]).ok_or(Error::NotJpeg)?;
    loop {
        let [0xff, marker, high, low, after @ ..] = rest else {
            return Err(Error::NotJpeg);
        };
        if *marker == SCAN {
            return Err(Error::Absent);
        }
        // The length counts its own two bytes.
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let body = length.checked_sub(2).and_then(|n| after.get(..n));
        let body = body.ok_or(Error::NotJpeg)?;
        if *marker == APP11
            && let Some(json) = body.strip_prefix(PREFIX)
        {
            return Ok(json);
        }
        rest = &after[body.len()..];
    }
}

/// A JPEG header with `json` as its ground truth, for tests.
#[cfg(test)]
pub(crate) fn jpeg_with(json: &str) -> Vec<u8> {
    let length = u16::try_from(2 + PREFIX.len() + json.len()).unwrap();
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, b'J', b'F', 0xff, 0xeb];
    jpeg.extend(length.to_be_bytes());
    jpeg.extend(PREFIX);
    jpeg.extend(json.as_bytes());
    jpeg.extend([0xff, 0xda, 0, 2]);
    jpeg
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_was_drawn() {
        let jpeg = jpeg_with(r#"[{"label":"car","box":[0.1,0.2,0.3,0.4]}]"#);
        let objects = read(&jpeg).unwrap();
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0].label, "car");
        assert!((objects[0].bounds[3] - 0.4).abs() < f32::EPSILON);
    }

    #[test]
    fn an_empty_scene_is_a_truth_too() {
        assert_eq!(read(&jpeg_with("[]")).unwrap(), []);
    }

    #[test]
    fn tells_a_foreign_picture_from_a_broken_one() {
        assert!(matches!(
            read(&[0xff, 0xd8, 0xff, 0xda, 0, 2]),
            Err(Error::Absent)
        ));
        assert!(matches!(read(b"GIF89a"), Err(Error::NotJpeg)));
        assert!(matches!(read(&jpeg_with("[{}]")), Err(Error::Parse(_))));
        let outside = r#"[{"label":"car","box":[0.5,0,1.5,1]}]"#;
        assert!(matches!(read(&jpeg_with(outside)), Err(Error::Range)));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_errors(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut jpeg = vec![0xff, 0xd8];
            jpeg.extend(tail);
            let _ = read(&jpeg);
        }

        #[test]
        fn a_truncated_header_is_an_error(cut in 0usize..60) {
            let jpeg = jpeg_with(r#"[{"label":"car","box":[0,0,1,1]}]"#);
            prop_assert!(read(&jpeg[..cut.min(jpeg.len() - 5)]).is_err());
        }
    }

    #[test]
    fn any_damage_to_a_frame_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "truth", |jpeg| {
            for object in read(jpeg).unwrap_or_default() {
                assert!(valid(&object));
            }
        });
    }
}
