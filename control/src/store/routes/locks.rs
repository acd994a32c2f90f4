//! Locks: listed, lifted, and removed when they hold no more.

use shared::{Generation, Lock, LockKey};

use super::lock_rows;
use crate::base::clock::Moment;
use crate::store::{Store, StoreError};

impl Store {
    /// Up to `limit` locks that come after the key `after`, in the order of keys.
    pub async fn locks(&self, after: (&str, &str), limit: u32) -> Result<Vec<Lock>, StoreError> {
        lock_rows::page(&mut self.read().await?, after, limit).await
    }

    /// Counts every row: for metrics and the head of a table, not for requests.
    pub async fn count_locks(&self) -> Result<u64, StoreError> {
        lock_rows::count(&mut self.read().await?).await
    }

    /// `None` when there is no such lock.
    pub async fn remove_lock(&self, key: &LockKey) -> Result<Option<Generation>, StoreError> {
        let mut write = self.begin().await?;
        write.remove_lock(key).await?;
        write.commit_routes().await
    }

    /// Removes up to `limit` locks that hold no more; `None` when there was none.
    pub async fn remove_expired_locks(
        &self,
        now: Moment,
        limit: u32,
    ) -> Result<Option<Generation>, StoreError> {
        let expired = lock_rows::expired(&mut self.read().await?, now, limit).await?;
        if expired.is_empty() {
            return Ok(None);
        }
        let mut write = self.begin().await?;
        write.lock_table().await?;
        for key in &expired {
            // It may have been prolonged since it was found.
            let lock = lock_rows::find(&mut write, key).await?;
            if lock.is_some_and(|lock| !lock.holds_at(now.seconds())) {
                write.remove_lock(key).await?;
            }
        }
        write.commit_routes().await
    }
}
