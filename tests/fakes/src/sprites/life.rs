//! When a sprite falls asleep. Pure: states and times in, a step out.

use std::time::Duration;

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing runs; only the disk is there.
    Cold,
    /// Processes stand still in memory.
    Warm,
    Running,
}

/// The next step down for a sprite that has been quiet for so long.
pub fn due(status: Status, quiet: Duration, idle: Duration, cold: Duration) -> Option<Status> {
    match status {
        Status::Running if quiet >= idle => Some(Status::Warm),
        Status::Warm if quiet >= idle + cold => Some(Status::Cold),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Status, quiet_seconds: u64, expected: Option<Status>) {
        let (idle, cold) = (Duration::from_secs(30), Duration::from_secs(600));
        assert_eq!(due(status, Duration::from_secs(quiet_seconds), idle, cold), expected);
    }

    #[test]
    fn sleep_deepens_step_by_step() {
        check(Status::Running, 29, None);
        check(Status::Running, 30, Some(Status::Warm));
        check(Status::Running, 9_000, Some(Status::Warm));
        check(Status::Warm, 629, None);
        check(Status::Warm, 630, Some(Status::Cold));
        check(Status::Cold, 9_000, None);
    }
}
