//! Moments in unix milliseconds, and where they come from.

use std::sync::Arc;
use std::time::Duration;

/// Tells the present time. The outermost layers ask it; the rest is given `now`.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The wall clock.
pub fn system() -> Clock {
    Arc::new(|| Moment::from_millis(shared::process::time::unix_millis()))
}

/// A point in time, in unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    pub const fn millis(self) -> u64 {
        self.0
    }

    pub const fn seconds(self) -> u64 {
        self.0 / 1_000
    }

    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Zero when `earlier` is in fact later: clocks are set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
