//! What to ask of a camera, out of what it offers. Pure: a function on data.

use crate::picture::Format;

/// Rates at one size.
#[derive(Debug, Clone, PartialEq)]
pub enum Rates {
    /// Exactly these, frames a second.
    Each(Vec<f64>),
    /// Anything between.
    Between(f64, f64),
    /// The device does not say.
    Unknown,
}

/// One size in one format.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Layout of the pictures.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How often.
    pub rates: Rates,
}

/// What we would like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Greatest width.
    pub width: u32,
    /// Greatest height.
    pub height: u32,
    /// Frames a second.
    pub rate: f64,
}

/// What is asked for, and then what was agreed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Layout of the pictures.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub rate: f64,
    /// Bytes from line to line, 0 before it is agreed and for JPEG.
    pub stride: u32,
}

/// The best of `offers`: near to the wanted size but rather smaller, fast enough, MJPEG when it
/// costs neither, since that passes through without being encoded.
pub fn best(offers: &[Offer], wanted: Wanted) -> Option<Choice> {
    let scored = offers
        .iter()
        .filter(|offer| offer.width > 0 && offer.height > 0)
        .map(|offer| {
            let rate = nearest_rate(&offer.rates, wanted.rate);
            (score(offer, rate, wanted), offer, rate)
        });
    let (_, offer, rate) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Choice {
        format: offer.format,
        width: offer.width,
        height: offer.height,
        rate,
        stride: 0,
    })
}

/// The slowest rate that is fast enough, else the fastest.
fn nearest_rate(rates: &Rates, wanted: f64) -> f64 {
    match rates {
        Rates::Unknown => wanted,
        Rates::Between(least, most) => wanted.min(*most).max(*least),
        Rates::Each(rates) => {
            let enough = rates.iter().copied().filter(|&rate| rate >= wanted - 0.01);
            let most = rates.iter().copied().fold(0.0, f64::max);
            enough
                .fold(None, |best: Option<f64>, rate| {
                    Some(best.map_or(rate, |best| best.min(rate)))
                })
                .unwrap_or(most)
        }
    }
}

/// Share of the wanted pixels, times the share of the wanted rate squared: a smooth small picture
/// beats a large one that stutters. Larger than wanted costs more than smaller.
fn score(offer: &Offer, rate: f64, wanted: Wanted) -> f64 {
    let area = |width: u32, height: u32| f64::from(width) * f64::from(height);
    let (have, want) = (
        area(offer.width, offer.height),
        area(wanted.width, wanted.height),
    );
    let fits = offer.width <= wanted.width && offer.height <= wanted.height;
    let size = if fits {
        have / want
    } else {
        0.6 * (want / have).min(1.0)
    };
    let pace = (rate / wanted.rate).min(1.0);
    let passes_through = if offer.format == Format::Mjpg {
        1.1
    } else {
        1.0
    };
    size * pace * pace * passes_through
}

#[cfg(test)]
mod tests {
    use super::*;
    use Format::{Mjpg, Yuyv};

    const WANTED: Wanted = Wanted {
        width: 1280,
        height: 720,
        rate: 15.0,
    };

    fn offer(format: Format, width: u32, height: u32, rates: &[f64]) -> Offer {
        Offer {
            format,
            width,
            height,
            rates: Rates::Each(rates.to_vec()),
        }
    }

    fn chosen(offers: &[Offer]) -> (Format, u32, f64) {
        let choice = best(offers, WANTED).unwrap();
        (choice.format, choice.width, choice.rate)
    }

    #[test]
    fn a_webcam_gives_mjpeg_at_the_wanted_size_and_rate() {
        let c920 = [
            offer(Yuyv, 640, 480, &[30.0, 15.0, 5.0]),
            offer(Yuyv, 1280, 720, &[10.0, 5.0]),
            offer(Mjpg, 640, 480, &[30.0]),
            offer(Mjpg, 1280, 720, &[30.0, 24.0, 15.0, 5.0]),
            offer(Mjpg, 1920, 1080, &[30.0]),
        ];
        assert_eq!(chosen(&c920), (Mjpg, 1280, 15.0));
    }

    #[test]
    fn a_smooth_smaller_picture_beats_one_that_stutters() {
        let old = [
            offer(Yuyv, 640, 480, &[30.0]),
            offer(Yuyv, 1280, 720, &[5.0]),
        ];
        assert_eq!(chosen(&old), (Yuyv, 640, 30.0));
    }

    #[test]
    fn takes_what_there_is() {
        assert_eq!(
            chosen(&[offer(Mjpg, 3840, 2160, &[30.0])]),
            (Mjpg, 3840, 30.0)
        );
        assert_eq!(chosen(&[offer(Yuyv, 160, 120, &[2.0])]), (Yuyv, 160, 2.0));
        assert_eq!(best(&[], WANTED), None);
        let silent = Offer {
            rates: Rates::Unknown,
            ..offer(Yuyv, 640, 480, &[])
        };
        assert_eq!(chosen(&[silent]), (Yuyv, 640, 15.0));
        let range = Offer {
            rates: Rates::Between(1.0, 120.0),
            ..offer(Mjpg, 640, 480, &[])
        };
        assert_eq!(chosen(&[range]), (Mjpg, 640, 15.0));
    }

    proptest::proptest! {
        #[test]
        fn any_offers_give_one_of_them(sizes: Vec<(u32, u32, Vec<f64>)>) {
            let offers: Vec<_> = sizes.iter().map(|(w, h, r)| offer(Mjpg, *w, *h, r)).collect();
            if let Some(choice) = best(&offers, WANTED) {
                proptest::prop_assert!(sizes.iter().any(|s| (s.0, s.1) == (choice.width, choice.height)));
            }
        }
    }
}
