//! Does the database take writes? Said once when it stops, and once when it does again.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{error, info};

use super::error::is_failure;

#[derive(Debug, Default)]
pub(super) struct WriteHealth {
    is_refusing: AtomicBool,
}

impl WriteHealth {
    pub(super) fn is_refusing(&self) -> bool {
        self.is_refusing.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self) {
        if self.is_refusing.swap(false, Ordering::Relaxed) {
            info!("the database takes writes again");
        }
    }

    /// Only failures of the database count, not those of the statement or of waiting.
    pub(super) fn failed(&self, why: &sqlx::Error) {
        if is_failure(why) && !is_contention(why) && !self.is_refusing.swap(true, Ordering::Relaxed)
        {
            error!("the database takes no writes: {why}");
        }
    }
}

/// Others were in the way: the next one may be luckier.
fn is_contention(error: &sqlx::Error) -> bool {
    /// `PostgreSQL`'s `serialization_failure`, `deadlock_detected`, `lock_not_available`
    /// and `query_canceled`.
    const CONTENTION: [&str; 4] = ["40001", "40P01", "55P03", "57014"];
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| CONTENTION.contains(&code.as_ref()))
        }
        _ => false,
    }
}
