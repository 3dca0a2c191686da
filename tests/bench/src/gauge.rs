//! How cost is measured: CPU time, in pairs that take turns, and the median of their ratios.
//!
//! Ours and the peer's run one after the other, nine times and more, so that what else the machine does
//! falls on both. Beside each ratio stands the one of our runs among themselves: when that is not near
//! 1, nothing was measured.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Pairs of runs.
const PAIRS: usize = 9;

/// What the pairs have shown: costs per run in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairs {
    pub(crate) ours: f64,
    pub(crate) peer: f64,
    /// Median of the ratios of neighbouring runs of ours.
    pub(crate) same: f64,
}

impl Pairs {
    /// `(ours, peer)` in microseconds per unit, such that their ratio is the median of ratios.
    pub(crate) fn micros(self, units: u32) -> (f64, f64) {
        let each = 1e6 / f64::from(units);
        (self.ours * each, self.peer * each)
    }

    /// The sentence about ours against ours.
    pub(crate) fn control(self) -> String {
        format!("ours/ours {:.2}", self.same)
    }
}

/// CPU time of this process so far, all threads.
pub(crate) fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// Runs both in turn. Each says what it cost, in seconds.
pub(crate) fn pairs(
    mut ours: impl FnMut() -> anyhow::Result<f64>,
    mut peer: impl FnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<Pairs> {
    // The first of each is for the caches.
    ours()?;
    peer()?;
    let mut found = Vec::with_capacity(PAIRS);
    for _ in 0..PAIRS {
        found.push((ours()?, peer()?));
    }
    let ratio = median(found.iter().map(|(ours, peer)| ours / peer));
    let ours = median(found.iter().map(|(ours, _)| *ours));
    let same = median(found.windows(2).map(|two| two[0].0 / two[1].0));
    Ok(Pairs {
        ours,
        peer: ours / ratio,
        same,
    })
}

/// Lets a span of time pass.
#[allow(
    clippy::disallowed_methods,
    reason = "a figure over a span of time needs the span"
)]
pub(crate) fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// CPU seconds of `work`.
pub(crate) fn cost(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let before = cpu();
    work()?;
    Ok(cpu().saturating_sub(before).as_secs_f64())
}

/// The middle one; of an even number the upper middle one.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_ratios() {
        let (mut up, mut down) = (0.0, 0.0);
        let ours = || {
            up += 1.0;
            Ok(up)
        };
        let peer = || {
            down += 2.0;
            Ok(down)
        };
        let pairs = pairs(ours, peer).unwrap();
        assert!((pairs.ours / pairs.peer - 0.5).abs() < 1e-9);
    }
}
