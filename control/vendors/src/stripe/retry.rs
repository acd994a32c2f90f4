//! The rule by which Stripe's own libraries repeat a call. Pure.

use std::time::Duration;

use reqwest::StatusCode;
use shared::retry::Backoff;

/// How often and how far apart.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// After the first call.
    pub most: u32,
    pub first_delay: Duration,
    pub longest_delay: Duration,
}

impl Default for Retries {
    /// The numbers of stripe-node 23.
    fn default() -> Self {
        Self {
            most: 2,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(5),
        }
    }
}

/// What a call came to, as far as the rule asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// `None` when there was no answer.
    pub status: Option<StatusCode>,
    /// The header `stripe-should-retry`.
    pub should_retry: Option<&'a str>,
}

impl Retries {
    /// A 429 is not repeated unless Stripe asks for it: it would add to the flood.
    pub fn allow(&self, retries: u32, outcome: Outcome<'_>) -> bool {
        if retries >= self.most {
            return false;
        }
        let Some(status) = outcome.status else { return true };
        match outcome.should_retry {
            Some("true") => true,
            Some("false") => false,
            _ => status == StatusCode::CONFLICT || status.is_server_error(),
        }
    }

    /// Before the next call, when `retries` have already been made.
    ///
    /// `chance`, 0 to 1, spreads callers over the upper half of the delay; it is never
    /// less than the first.
    pub fn delay(&self, retries: u32, chance: f64) -> Duration {
        let backoff = Backoff::new(self.first_delay, self.longest_delay);
        backoff.delay(retries, chance).max(self.first_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_rule() {
        let check = |retries, status: Option<u16>, should_retry, expected| {
            let status = status.map(|status| StatusCode::from_u16(status).unwrap());
            let outcome = Outcome { status, should_retry };
            assert_eq!(Retries::default().allow(retries, outcome), expected, "{outcome:?}");
        };
        check(0, None, None, true);
        check(1, None, None, true);
        check(2, None, None, false);
        check(0, Some(409), None, true);
        check(0, Some(500), None, true);
        check(0, Some(503), None, true);
        check(0, Some(503), Some("false"), false);
        check(0, Some(429), None, false);
        check(0, Some(429), Some("true"), true);
        check(0, Some(400), None, false);
        check(0, Some(400), Some("true"), true);
        check(2, Some(400), Some("true"), false);
        check(0, Some(402), Some("perhaps"), false);
        check(0, Some(302), None, false);
    }

    #[test]
    fn delays_double_up_to_the_longest_and_never_fall_below_the_first() {
        let check = |retries, chance, expected: u64| {
            let delay = Retries::default().delay(retries, chance);
            assert_eq!(delay, Duration::from_millis(expected), "{retries} {chance}");
        };
        check(0, 0.0, 500);
        check(0, 1.0, 500);
        check(1, 1.0, 500);
        check(2, 0.0, 500);
        check(2, 1.0, 1_000);
        check(3, 1.0, 2_000);
        check(3, 0.0, 1_000);
        check(5, 1.0, 5_000);
        check(u32::MAX, 1.0, 5_000);
    }
}
