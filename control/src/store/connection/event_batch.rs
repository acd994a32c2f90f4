//! Events of Stripe's that wait for one commit.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::error::StoreError;
use crate::base::clock::Moment;
use crate::model::sync_target::SyncRequest;

/// Events that nobody has written yet. As many as the webhook lets in at once.
#[derive(Default)]
pub(in crate::store) struct EventBatch {
    waiting: Mutex<Vec<Arrived>>,
    /// Held by the one who writes what is waiting.
    turn: tokio::sync::Mutex<()>,
}

pub(in crate::store) struct Arrived {
    pub(in crate::store) request: SyncRequest,
    pub(in crate::store) at: Moment,
    /// Told whether the event is new.
    pub(in crate::store) answer: oneshot::Sender<Result<bool, StoreError>>,
}

impl EventBatch {
    pub(in crate::store) fn push(&self, arrived: Arrived) {
        self.lock().push(arrived);
    }

    pub(in crate::store) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(in crate::store) fn take(&self) -> Vec<Arrived> {
        mem::take(&mut *self.lock())
    }

    pub(in crate::store) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arrived>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
