//! What every attempt needs, and a worker of one kind.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::error::JobError;
use super::job::Job;
use crate::base::clock::Clock;
use crate::base::metrics::Metrics;
use crate::model::task::Task;
use crate::store::Store;

/// What every attempt needs.
pub struct WorkerContext {
    pub store: Store,
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    /// What is done around each attempt; empty where nothing is.
    pub hooks: Vec<Arc<dyn AttemptHook>>,
}

/// Done around each attempt at a task, whatever its kind.
///
/// A hook may be dropped wherever it waits, as a job may be.
pub trait AttemptHook: Send + Sync + 'static {
    /// An attempt is about to begin. An error stands for the attempt, which is not made.
    fn before<'a>(&'a self, task: &'a Task) -> BoxFuture<'a, Result<(), JobError>>;

    /// An attempt came to its own end; one that is dropped midway is not told. The
    /// returned result is what the attempt is judged by.
    fn after<'a>(
        &'a self,
        task: &'a Task,
        result: Result<(), JobError>,
    ) -> BoxFuture<'a, Result<(), JobError>>;
}

/// A job, and how many attempts at its tasks may be made at once.
pub(super) struct WorkerSlots {
    pub(super) job: Arc<dyn Job>,
    free: Arc<Semaphore>,
}

/// Held by an attempt while it is made.
pub(super) type WorkerSlot = OwnedSemaphorePermit;

impl WorkerSlots {
    pub(super) fn new(job: Arc<dyn Job>) -> Self {
        let free = Arc::new(Semaphore::new(job.max_concurrency()));
        Self { job, free }
    }

    /// `None` when all are taken.
    pub(super) fn take(&self) -> Option<WorkerSlot> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }
}

/// Until the other side says that the program stops, or is gone.
pub(super) async fn cancelled(mut stopped: watch::Receiver<bool>) {
    let _gone = stopped.wait_for(|stopped| *stopped).await;
}
