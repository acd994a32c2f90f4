//! The two limits that answer 429, with their different meanings.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;

use super::refusal::Refusal;
use crate::clock;

/// So many creations per window.
#[derive(Debug)]
pub struct Creations {
    limit: usize,
    window: Duration,
    /// Oldest first.
    taken: VecDeque<Instant>,
}

/// How long until the next creation is allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany(pub Duration);

impl Creations {
    pub fn new(limit: usize, window: Duration) -> Self {
        Self { limit, window, taken: VecDeque::new() }
    }

    /// # Errors
    /// [`TooMany`], and nothing is counted.
    pub fn take(&mut self, now: Instant) -> Result<(), TooMany> {
        while self.taken.front().is_some_and(|&at| now.duration_since(at) >= self.window) {
            self.taken.pop_front();
        }
        if self.taken.len() >= self.limit {
            let oldest = self.taken.front().map_or(now, |&at| at);
            return Err(TooMany(self.window.saturating_sub(now.duration_since(oldest))));
        }
        self.taken.push_back(now);
        Ok(())
    }

    /// Try again later: the limit is one of speed.
    pub fn refusal(&self, TooMany(wait): &TooMany) -> Refusal {
        // Rounded up: a client that waits as told must succeed.
        let seconds = wait.as_secs() + 1;
        Refusal {
            status: StatusCode::TOO_MANY_REQUESTS,
            body: json!({
                "error": "sprite_creation_rate_limited",
                "message": "Sprite creation rate limit exceeded",
                "limit": self.limit,
                "window_seconds": self.window.as_secs(),
                "retry_after_seconds": seconds,
                "current_count": self.taken.len(),
                "upgrade_available": true,
                "upgrade_url": "https://sprites.dev/upgrade",
            }),
            headers: vec![
                ("retry-after", seconds.to_string()),
                ("x-ratelimit-limit", self.limit.to_string()),
                ("x-ratelimit-remaining", "0".to_owned()),
                ("x-ratelimit-reset", (clock::unix_seconds() + seconds).to_string()),
            ],
        }
    }
}

/// Do not try again: something that runs must stop first.
pub fn too_many_running(limit: usize) -> Refusal {
    Refusal {
        status: StatusCode::TOO_MANY_REQUESTS,
        body: json!({
            "error": "concurrent_sprite_limit_exceeded",
            "message": "Concurrent sprite limit exceeded",
            "limit": limit,
            "current_count": limit,
            "upgrade_available": true,
            "upgrade_url": "https://sprites.dev/upgrade",
        }),
        headers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_says_when_to_come_back() {
        let mut creations = Creations::new(2, Duration::from_secs(60));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(creations.take(at(0)), Ok(()));
        assert_eq!(creations.take(at(10)), Ok(()));
        assert_eq!(creations.take(at(20)), Err(TooMany(Duration::from_secs(40))));
        assert_eq!(creations.take(at(60)), Ok(()));
        assert_eq!(creations.take(at(61)), Err(TooMany(Duration::from_secs(9))));
    }

    #[test]
    fn the_two_refusals_can_be_told_apart() {
        let creations = Creations::new(10, Duration::from_secs(60));
        let speed = creations.refusal(&TooMany(Duration::from_secs(29)));
        assert_eq!(speed.body["error"], "sprite_creation_rate_limited");
        assert_eq!(speed.body["retry_after_seconds"], 30);
        assert_eq!(speed.headers[0], ("retry-after", "30".to_owned()));
        let size = too_many_running(3);
        assert_eq!(size.body["error"], "concurrent_sprite_limit_exceeded");
        assert!(size.headers.is_empty());
    }
}
