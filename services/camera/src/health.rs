//! What a picture is like: black, dark, torn, frozen. Pure judgement on a small grey picture.
//!
//! About once a second one frame is decoded to brightness at an eighth of its size, which costs a
//! fraction of a full decode. [`Sample::of`] measures it, [`Judge`] decides: a verdict must be seen three times
//! before it is believed, so a lorry before the lens or one broken frame changes nothing.

use std::collections::VecDeque;

use crate::jpeg::turbo::{Decoder, Soundness};
use crate::picture::{Format, Picture};

/// Microseconds between two looks.
const EVERY_USEC: u64 = 1_000_000;
/// Looks that must agree.
const AGREE: usize = 3;
/// The looks remembered for torn pictures, and how many of them must be torn.
const TORN: (usize, usize) = (10, 3);

/// What the picture is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// Nothing was seen yet.
    #[default]
    Unknown,
    /// Nothing to remark.
    Ok,
    /// No light at all.
    Black,
    /// Too little light.
    Dark,
    /// Nothing moves, not even the noise of the sensor.
    Frozen,
    /// Frames arrive damaged.
    Torn,
}

impl Look {
    /// The word on the bus.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Black => "black",
            Self::Dark => "dark",
            Self::Frozen => "frozen",
            Self::Torn => "torn",
        }
    }

    /// The code of the problem that this is, if it is one.
    pub const fn problem(self) -> Option<&'static str> {
        match self {
            Self::Unknown | Self::Ok => None,
            Self::Black => Some("picture-black"),
            Self::Dark => Some("picture-dark"),
            Self::Frozen => Some("picture-frozen"),
            Self::Torn => Some("picture-torn"),
        }
    }
}

/// What one look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Mean brightness, 0..=255.
    pub mean: u8,
    /// Brightness that 98 % of the pixels do not exceed.
    pub high: u8,
    /// A number that changes when any pixel does.
    pub print: u64,
    /// Whether the decoder missed data.
    pub damaged: bool,
}

impl Sample {
    /// Measures the pixels of `luma` that are not hidden. `None` when all are.
    pub fn of(luma: &[u8], hidden: Option<&[bool]>, damaged: bool) -> Option<Self> {
        let mut histogram = [0u32; 256];
        let mut print: u64 = 0xcbf2_9ce4_8422_2325;
        let is_hidden = |i: usize| hidden.and_then(|h| h.get(i)).copied().unwrap_or(false);
        for (_, &y) in luma.iter().enumerate().filter(|&(i, _)| !is_hidden(i)) {
            histogram[usize::from(y)] += 1;
            print = (print ^ u64::from(y)).wrapping_mul(0x0100_0000_01b3);
        }
        let count: u32 = histogram.iter().sum();
        let weighed = (0u64..).zip(histogram).map(|(y, n)| y * u64::from(n));
        let mean = weighed.sum::<u64>().checked_div(u64::from(count))?;
        let mut left = count / 50;
        let high = (0u8..=255).rev().find(|&y| {
            let here = histogram[usize::from(y)];
            let found = here > left;
            left = left.saturating_sub(here);
            found
        });
        Some(Self {
            mean: u8::try_from(mean).unwrap_or(u8::MAX),
            high: high.unwrap_or(0),
            print,
            damaged,
        })
    }

    /// What this look says by itself. Full-range JPEG has black at 0, a sensor's dark noise a bit above.
    fn light(self) -> Look {
        match (self.mean, self.high) {
            (0..=20, 0..=40) => Look::Black,
            (0..=40, 0..=110) => Look::Dark,
            _ => Look::Ok,
        }
    }
}

/// Believes what several looks agree on.
#[derive(Debug)]
pub struct Judge {
    frozen_after_usec: u64,
    believed: Look,
    lights: VecDeque<Look>,
    damage: VecDeque<bool>,
    print: Option<(u64, u64)>,
}

impl Judge {
    /// A judge that calls a picture frozen after it was the same for so long; 0 is never.
    pub fn new(frozen_after_usec: u64) -> Self {
        Self {
            frozen_after_usec,
            believed: Look::Unknown,
            lights: VecDeque::new(),
            damage: VecDeque::new(),
            print: None,
        }
    }

    /// Takes a look at `now_usec` into account.
    pub fn weigh(&mut self, sample: Sample, now_usec: u64) -> Look {
        remember(&mut self.damage, sample.damaged, TORN.0);
        remember(&mut self.lights, sample.light(), AGREE);
        let since = match self.print {
            Some((print, since)) if print == sample.print => since,
            _ => now_usec,
        };
        self.print = Some((sample.print, since));
        let still = now_usec.saturating_sub(since);
        let frozen = self.frozen_after_usec > 0 && still >= self.frozen_after_usec;
        let torn = self.damage.iter().filter(|&&damaged| damaged).count() >= TORN.1;
        let light = sample.light();
        let agreed = self.lights.len() >= AGREE && self.lights.iter().all(|&l| l == light);
        self.believed = match (torn, light) {
            (true, _) => Look::Torn,
            // Nothing moves in the dark: what is black is not called frozen.
            (false, Look::Ok | Look::Dark) if frozen => Look::Frozen,
            (false, light) if agreed => light,
            (false, _) if matches!(self.believed, Look::Unknown | Look::Frozen | Look::Torn) => {
                Look::Ok
            }
            (false, _) => self.believed,
        };
        self.believed
    }
}

fn remember<T>(past: &mut VecDeque<T>, now: T, most: usize) {
    past.push_back(now);
    while past.len() > most {
        past.pop_front();
    }
}

/// Looks at pictures now and then.
#[derive(Debug)]
pub struct Examiner {
    decoder: Decoder,
    luma: Vec<u8>,
    judge: Judge,
    look: Look,
    last: Sample,
    next_usec: u64,
    damaged: bool,
}

impl Examiner {
    /// An examiner that calls a picture frozen after it was the same for so long; 0 is never.
    pub fn new(frozen_after_usec: u64) -> Result<Self, crate::jpeg::turbo::TurboError> {
        Ok(Self {
            decoder: Decoder::new()?,
            luma: Vec::new(),
            judge: Judge::new(frozen_after_usec),
            look: Look::Unknown,
            // Stands in for a first look that never came: neither dark nor black.
            last: Sample {
                mean: 128,
                high: 128,
                print: 0,
                damaged: false,
            },
            next_usec: 0,
            damaged: false,
        })
    }

    /// Whether it is time for a look.
    pub fn is_due(&self, now_usec: u64) -> bool {
        now_usec >= self.next_usec
    }

    /// Notes that a frame had to be dropped; when only such frames come, that is a look as well.
    pub fn note_damage(&mut self, now_usec: u64) {
        self.damaged = true;
        if self.is_due(now_usec) {
            self.next_usec = now_usec + EVERY_USEC;
            let torn = Sample {
                damaged: true,
                ..self.last
            };
            self.look = self.judge.weigh(torn, now_usec);
        }
    }

    /// Takes a look; `hidden` marks the masked pixels at an eighth of the size.
    pub fn examine(&mut self, picture: &Picture<'_>, hidden: Option<&[bool]>, now_usec: u64) {
        self.next_usec = now_usec + EVERY_USEC;
        let damaged = std::mem::take(&mut self.damaged) || picture.damaged;
        let decoded = match picture.format {
            Format::Mjpg => {
                let cut = !crate::jpeg::is_complete(picture.bytes);
                let result = self.decoder.luma_eighth(picture.bytes, &mut self.luma);
                result.map(|(_, soundness)| cut || soundness == Soundness::Damaged)
            }
            Format::Yuyv => {
                thin(picture, &mut self.luma);
                Ok(false)
            }
        };
        let sample = match decoded {
            Ok(torn) => Sample::of(&self.luma, hidden, damaged || torn),
            Err(error) => {
                tracing::debug!(%error, "cannot look at a picture");
                self.damaged = true;
                None
            }
        };
        if let Some(sample) = sample {
            self.last = sample;
            self.look = self.judge.weigh(sample, now_usec);
        }
    }

    /// What the pictures are like.
    pub const fn look(&self) -> Look {
        self.look
    }
}

/// Every eighth pixel of every eighth line: enough for light, and changes with the noise.
fn thin(picture: &Picture<'_>, luma: &mut Vec<u8>) {
    luma.clear();
    let line = picture.width as usize * 2;
    for row in picture.bytes.chunks_exact(line.max(1)).step_by(8) {
        luma.extend(row.iter().step_by(16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(y: u8, print: u64) -> Sample {
        Sample {
            mean: y,
            high: y,
            print,
            damaged: false,
        }
    }

    /// Looks a second apart.
    fn judge(samples: impl IntoIterator<Item = Sample>) -> Look {
        let mut judge = Judge::new(5_000_000);
        let looks = (0..)
            .zip(samples)
            .map(|(i, s)| judge.weigh(s, i * 1_000_000));
        looks.last().unwrap()
    }

    #[test]
    fn light_is_believed_after_three_looks() {
        for (y, look) in [(3, Look::Black), (30, Look::Dark), (120, Look::Ok)] {
            assert_eq!(judge((0..3).map(|i| sample(y, i))), look);
            assert_eq!(judge((0..2).map(|i| sample(y, i))), Look::Ok);
        }
        // A hand before the lens is not the night.
        let hand = [120, 120, 120, 3, 3, 120].into_iter().zip(0..);
        assert_eq!(judge(hand.map(|(y, i)| sample(y, i))), Look::Ok);
    }

    #[test]
    fn a_night_with_lamps_is_dark_and_no_light_at_all_is_black() {
        let mut night = vec![12; 1000];
        night[..10].fill(255);
        assert_eq!(
            Sample::of(&night, None, false).unwrap().light(),
            Look::Black
        );
        night[..60].fill(100);
        assert_eq!(Sample::of(&night, None, false).unwrap().light(), Look::Dark);
        night[..60].fill(255);
        assert_eq!(Sample::of(&night, None, false).unwrap().light(), Look::Ok);
    }

    #[test]
    fn frozen_is_told_after_a_while_and_taken_back_at_once() {
        assert_eq!(judge((0..5).map(|_| sample(120, 7))), Look::Ok);
        assert_eq!(judge((0..6).map(|_| sample(120, 7))), Look::Frozen);
        assert_eq!(judge((0..7).map(|i| sample(120, 7 + i / 6))), Look::Ok);
        assert_eq!(judge((0..9).map(|_| sample(2, 7))), Look::Black);
        let mut never = Judge::new(0);
        assert!((0..99).all(|i| never.weigh(sample(120, 7), i * 1_000_000) == Look::Ok));
    }

    #[test]
    fn torn_needs_more_than_one_bad_frame() {
        let torn = |bad: &[u64]| {
            judge((0..10).map(|i| Sample {
                damaged: bad.contains(&i),
                ..sample(120, i)
            }))
        };
        assert_eq!(torn(&[2, 5]), Look::Ok);
        assert_eq!(torn(&[2, 5, 9]), Look::Torn);
    }

    #[test]
    fn what_is_masked_is_not_judged() {
        let luma = [255, 255, 4, 4];
        let sample = Sample::of(&luma, Some(&[true, true, false, false]), false).unwrap();
        assert_eq!((sample.mean, sample.high), (4, 4));
        assert_eq!(Sample::of(&luma, Some(&[true; 4]), false), None);
    }
}
