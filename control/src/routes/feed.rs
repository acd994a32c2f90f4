//! The table and the log of its changes, as the tasks of all edges read them.
//!
//! One change wakes all of them, and two hundred would each ask the database for the same:
//! what was read since a task asked answers that task as well. A whole table keeps a connection of the
//! database for as long as its edge takes, so that few are sent at once and the rest
//! of control goes on.

use std::sync::Arc;
use std::time::Instant;

use shared::Generation;
use shared::wire::ChangesRequest;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::plan::{BATCH, Log, batch};
use super::unwritten::Unwritten;
use crate::store::{Snapshot, Store, StoreError, TableState};

/// Whole tables that are sent at once: less than half of the connections to the database
/// that a small configuration has.
const TABLES_MAX: usize = 3;

pub(super) struct Feed {
    store: Store,
    reach: Mutex<Option<Reach>>,
    changes: Mutex<Option<Changes>>,
    tables: Semaphore,
    pub(super) unwritten: Arc<Unwritten>,
}

struct Reach {
    /// When it began to be read: whatever was written before is in it.
    since: Instant,
    log: Result<Log, Arc<StoreError>>,
}

struct Changes {
    request: Arc<ChangesRequest>,
    /// How far the log reached at least when it was read.
    reach: Generation,
}

impl Feed {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            reach: Mutex::default(),
            changes: Mutex::default(),
            tables: Semaphore::new(TABLES_MAX),
            unwritten: Arc::default(),
        }
    }

    /// Where the table stands, not before now.
    ///
    /// # Errors
    /// When it cannot be read; all who wait for it hear of the same failure.
    pub(super) async fn log(&self) -> Result<Log, Arc<StoreError>> {
        let asked = Instant::now();
        let mut reach = self.reach.lock().await;
        if let Some(reach) = reach.as_ref().filter(|reach| reach.since > asked) {
            return reach.log.clone();
        }
        let since = Instant::now();
        let log = self.store.log_reach().await.map_err(Arc::new).map(|(state, oldest)| {
            let TableState { generation, checksum } = state;
            Log { generation, checksum, oldest }
        });
        *reach = Some(Reach { since, log: log.clone() });
        log
    }

    /// What brings an edge on from `base`, as far as one call can, when the log reaches to `reach`.
    /// `None` when the log does not reach back to `base` any more.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn changes(
        &self,
        base: Generation,
        reach: Generation,
    ) -> Result<Option<Arc<ChangesRequest>>, StoreError> {
        let mut last = self.changes.lock().await;
        let is_it = |last: &&Changes| last.request.base == base && last.reach >= reach;
        if let Some(last) = last.as_ref().filter(is_it) {
            return Ok(Some(Arc::clone(&last.request)));
        }
        let steps = self.store.changes_after(base, BATCH).await?;
        let request = batch(base, steps).map(Arc::new);
        *last = request.clone().map(|request| Changes { request, reach });
        Ok(request)
    }

    /// The whole table, and a place among those that are sent.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn table(&self) -> Result<(SemaphorePermit<'_>, Snapshot), StoreError> {
        let place = self.tables.acquire().await.expect("nobody closes it");
        Ok((place, self.store.snapshot().await?))
    }

    /// # Errors
    /// When it cannot be written.
    pub(super) async fn jump_above(&self, theirs: Generation) -> Result<TableState, StoreError> {
        self.store.jump_above(theirs).await
    }

    /// `None` when our table is what we say of it.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) async fn recount(&self) -> Result<Option<TableState>, StoreError> {
        self.store.recount_table().await
    }
}
