//! What a picture is like: black, dark, torn, frozen. Pure judgement on a small grey picture.
//!
//! About once a second one frame is decoded to brightness at an eighth of its size, which costs a
//! fraction of a full decode. [`Sample::of`] measures it, [`Judge`] decides: a verdict must be seen three times
//! before it is believed, so a lorry before the lens or one broken frame changes nothing.

mod examiner;

use std::collections::VecDeque;

pub use examiner::Examiner;

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

#[cfg(test)]
mod tests;
