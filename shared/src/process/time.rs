//! The wall clock. Only the outermost layer asks it; everything else is given `now`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970; zero on a machine whose clock is before that.
pub fn unix_seconds() -> u64 {
    since_1970().as_secs()
}

/// Milliseconds since 1970; zero on a machine whose clock is before that.
pub fn unix_millis() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the programs' clock")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
