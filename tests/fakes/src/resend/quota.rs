//! How many calls a second, how many mails a day and a month.

use serde::{Deserialize, Serialize};

use super::error::ApiError;

const DAY_SECONDS: u64 = 24 * 60 * 60;
const MONTH_SECONDS: u64 = 30 * DAY_SECONDS;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Per team. Resend's documents have said 2, 5 and 10.
    pub requests_per_second: u32,
    pub mails_per_day: Option<usize>,
    pub mails_per_month: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_second: 10, mails_per_day: None, mails_per_month: None }
    }
}

/// Calls of the current second.
#[derive(Debug, Default)]
pub struct Window {
    second: u64,
    used: u32,
}

/// What the rate headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub limit: u32,
    pub remaining: u32,
    pub allowed: bool,
}

impl Window {
    /// Counts one call. `second` is any count of seconds that only grows.
    pub fn take(&mut self, limit: u32, second: u64) -> Rate {
        if second != self.second {
            *self = Self { second, used: 0 };
        }
        let allowed = self.used < limit;
        self.used = self.used.saturating_add(1);
        Rate { limit, remaining: limit.saturating_sub(self.used), allowed }
    }
}

impl Limits {
    /// `sent` are the times of earlier mails, unix seconds.
    ///
    /// # Errors
    /// The quota that is used up.
    pub fn check(
        &self,
        sent: &(impl Iterator<Item = u64> + Clone),
        now: u64,
    ) -> Result<(), ApiError> {
        let today = now - now % DAY_SECONDS;
        let since = |start: u64| sent.clone().filter(|at| *at >= start).count();
        if self.mails_per_day.is_some_and(|max| since(today) >= max) {
            let message = "You have reached your daily email quota.";
            return Err(ApiError::new(429, "daily_quota_exceeded", message));
        }
        let month = now.saturating_sub(MONTH_SECONDS);
        if self.mails_per_month.is_some_and(|max| since(month) >= max) {
            let message = "You have reached your monthly email quota.";
            return Err(ApiError::new(429, "monthly_quota_exceeded", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_takes_so_many_calls_and_no_more() {
        let mut window = Window::default();
        assert_eq!(window.take(2, 7), Rate { limit: 2, remaining: 1, allowed: true });
        assert_eq!(window.take(2, 7), Rate { limit: 2, remaining: 0, allowed: true });
        assert_eq!(window.take(2, 7), Rate { limit: 2, remaining: 0, allowed: false });
        assert!(window.take(2, 8).allowed);
    }

    #[test]
    fn a_quota_comes_back_with_the_next_day() {
        let limits = Limits { mails_per_day: Some(1), ..Limits::default() };
        let sent = [DAY_SECONDS + 5];
        let check = |now| limits.check(&sent.iter().copied(), now);
        assert_eq!(check(2 * DAY_SECONDS - 1).unwrap_err().name, "daily_quota_exceeded");
        assert!(check(2 * DAY_SECONDS).is_ok());
    }
}
