//! How much may be asked in an hour.

/// An hour, in milliseconds: the window of both limits.
const WINDOW_MS: u64 = 60 * 60 * 1000;

/// Points a query may cost in an hour.
pub const COMPLEXITY_PER_HOUR: u32 = 3_000_000;

/// What this fake says every query costs.
pub const COMPLEXITY: u32 = 10;

/// Requests of the current hour.
#[derive(Debug, Default)]
pub struct Quota {
    began_ms: u64,
    used: u32,
}

/// What the headers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limit: u32,
    pub remaining: u32,
    /// Unix milliseconds.
    pub reset_ms: u64,
    pub used: u32,
    pub allowed: bool,
}

impl Quota {
    /// Counts one request.
    pub fn take(&mut self, limit: u32, now_ms: u64) -> Standing {
        if now_ms >= self.began_ms + WINDOW_MS {
            *self = Self { began_ms: now_ms, used: 0 };
        }
        let allowed = self.used < limit;
        self.used = self.used.saturating_add(1);
        Standing {
            limit,
            remaining: limit.saturating_sub(self.used),
            reset_ms: self.began_ms + WINDOW_MS,
            used: self.used,
            allowed,
        }
    }

    /// A new hour begins.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_takes_so_many_requests_and_no_more() {
        let mut quota = Quota::default();
        assert!(quota.take(1, WINDOW_MS).allowed);
        let refused = quota.take(1, WINDOW_MS + 1);
        assert!(!refused.allowed);
        assert_eq!(refused.reset_ms, 2 * WINDOW_MS);
        assert!(quota.take(1, 2 * WINDOW_MS).allowed);
    }
}
