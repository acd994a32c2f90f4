//! The queue, for those who do not work at it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{ChangeNotifier, Store, Topic};

/// Wakes the workers, and hears of them. What a transaction puts in wakes the workers by
/// itself when it is committed.
#[derive(Clone)]
pub struct Queue {
    notifier: Arc<ChangeNotifier>,
}

impl Queue {
    pub fn of(store: &Store) -> Self {
        Self { notifier: Arc::clone(store.notifier()) }
    }

    /// Has the workers look what is due, as when the clock was set.
    pub fn wake(&self) {
        self.notifier.notify(Topic::TasksDue);
    }

    /// Changes with every task and every step that any process begins, ends or stops.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.notifier.changes()
    }
}
