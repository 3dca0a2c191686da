//! How long to wait: full jitter between bounds, so that a fleet does not ask in step.

use std::time::Duration;

use crate::wire::LONGEST_WAIT;

/// No device asks more often.
pub(super) const SHORTEST: Duration = Duration::from_secs(5);
/// Nor less often, as long as it is not told to.
pub(super) const LONGEST: Duration = Duration::from_mins(10);
/// Nobody is waited for longer than this between two questions, as long as the registrar does not say so.
pub(super) const PATIENT: Duration = Duration::from_mins(5);
/// Over this time the first requests after a start are spread.
pub(super) const START: Duration = Duration::from_secs(10);

/// After so many failures in a row: between the shortest wait and one that doubles each time. Never before the
/// server wants.
pub(super) fn backoff(failures: u32, after: Option<Duration>, random: u64) -> Duration {
    let ceiling = SHORTEST.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    let wait = SHORTEST + up_to(ceiling.min(LONGEST).saturating_sub(SHORTEST), random);
    after.map_or(wait, |told| wait.max(self::after(told, random)))
}

/// As the server told us, within reason, and up to a tenth more.
pub(super) fn after(told: Duration, random: u64) -> Duration {
    let told = told.clamp(SHORTEST, Duration::from_secs(LONGEST_WAIT));
    told + up_to(told / 10, random)
}

/// When others are waited for and nothing is wrong: twice as long each time.
pub(super) fn longer(wait: Duration, times: u32) -> Duration {
    let grown = wait.saturating_mul(2_u32.saturating_pow(times.min(16)));
    grown.min(PATIENT).max(wait)
}

/// When only a person can change something.
pub(super) fn rarely(told: Option<Duration>, random: u64) -> Duration {
    after(told.unwrap_or(LONGEST).max(LONGEST), random)
}

/// From nine tenths of it to eleven.
pub(super) fn spread(wait: Duration, random: u64) -> Duration {
    wait * 9 / 10 + up_to(wait / 5, random)
}

/// From nothing to all of it.
pub(super) fn up_to(most: Duration, random: u64) -> Duration {
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random % most.saturating_add(1))
}
