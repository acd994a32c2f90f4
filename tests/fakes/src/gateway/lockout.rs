//! Locks an `Origin` out after too many wrong tokens.
//!
//! Only origins are locked: a program on this machine sends none. A locked
//! origin is refused even with the right token.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Wrong tokens before the door closes.
const ATTEMPTS_MAX: u32 = 10;

/// How long it stays closed.
const LOCKED_FOR: Duration = Duration::from_secs(300);

/// Origins watched; beyond that, new ones go unwatched.
const ORIGINS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub struct Lockout(Mutex<BTreeMap<String, Failures>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    latest: Instant,
}

impl Lockout {
    /// Time left until `origin` may try again; `None` when it may now.
    pub fn remaining(&self, origin: &str, now: Instant) -> Option<Duration> {
        let origins = self.0.lock().expect("no holder panics");
        let failures = origins.get(origin)?;
        if failures.count < ATTEMPTS_MAX {
            return None;
        }
        LOCKED_FOR.checked_sub(now.duration_since(failures.latest)).filter(|left| !left.is_zero())
    }

    /// Notes a wrong token.
    pub fn failed(&self, origin: &str, now: Instant) {
        let mut origins = self.0.lock().expect("no holder panics");
        origins.retain(|_, failures| now.duration_since(failures.latest) < LOCKED_FOR);
        if origins.len() >= ORIGINS_MAX && !origins.contains_key(origin) {
            return;
        }
        let failures =
            origins.entry(origin.to_owned()).or_insert(Failures { count: 0, latest: now });
        failures.count += 1;
        failures.latest = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tokens_lock_one_origin_for_five_minutes() {
        let lockout = Lockout::default();
        let start = Instant::now();
        for _ in 0..9 {
            lockout.failed("https://a.test", start);
        }
        assert_eq!(lockout.remaining("https://a.test", start), None);
        lockout.failed("https://a.test", start);
        assert_eq!(lockout.remaining("https://a.test", start), Some(LOCKED_FOR));
        assert_eq!(lockout.remaining("https://b.test", start), None);
        assert_eq!(lockout.remaining("https://a.test", start + LOCKED_FOR), None);
    }
}
