//! How the keeper of the pool is woken, and what it has learnt of the provider.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use vendors::sprites::SpriteName;

use crate::base::clock::Moment;

/// What the keeper learnt of the provider, for decisions and for the operator.
#[derive(Debug, Clone, Default)]
pub struct InventoryReport {
    /// Sprites that may run beside those that do; `None` when the provider does not say.
    pub room: Option<u64>,
    pub orphans: Vec<SpriteName>,
    /// When the provider's list was compared with ours; `None` before the first time.
    pub at: Option<Moment>,
    /// Why the latest comparison failed, if it did.
    pub error: Option<String>,
    /// Since when comparisons fail, while they do.
    pub failing_since: Option<Moment>,
    /// When one failed last; it stays when others have not.
    pub failed_at: Option<Moment>,
}

/// How the keeper is woken, and what it knows. Shared by everybody who needs either.
#[derive(Debug)]
pub struct PoolHandle {
    pub wake: Notify,
    /// How many are to stand ready, by the sign-ups of the last hours.
    pub wanted: AtomicU64,
    is_suspicious: AtomicBool,
    survey: Mutex<InventoryReport>,
}

impl PoolHandle {
    pub fn new(wanted: u64) -> Self {
        Self {
            wake: Notify::new(),
            wanted: AtomicU64::new(wanted),
            is_suspicious: AtomicBool::new(false),
            survey: Mutex::default(),
        }
    }

    /// A machine left a call unanswered: those that stand ready are to be looked at before
    /// the next customer finds out the same.
    pub fn suspect(&self) {
        self.is_suspicious.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// Whether somebody said so since it was asked before.
    pub fn take_suspicion(&self) -> bool {
        self.is_suspicious.swap(false, Ordering::SeqCst)
    }

    pub fn survey(&self) -> InventoryReport {
        self.survey.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn update(&self, change: impl FnOnce(&mut InventoryReport)) {
        change(&mut self.survey.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
