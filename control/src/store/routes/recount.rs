//! The sum of the route table, counted anew where it is not that of its rows.

use shared::Generation;

use super::snapshot;
use crate::store::{Store, StoreError, TableState};

impl Store {
    /// Counts every route and lock, and goes on above the present generation where the sum is
    /// not the one that is kept; `None` where it is.
    ///
    /// Edges refuse a table whose sum is another, and all that comes after it: access that is
    /// taken away would reach none of them.
    pub async fn recount_table(&self) -> Result<Option<TableState>, StoreError> {
        // First without keeping anybody waiting.
        if self.snapshot().await?.agrees_with_its_head().await? {
            return Ok(None);
        }
        let mut write = self.begin().await?;
        let state = write.lock_table().await?;
        let checksum = snapshot::sum(&mut write).await?;
        if checksum == state.checksum {
            return Ok(None);
        }
        let state = TableState { generation: Generation(state.generation.0 + 1), checksum };
        write.begin_log_anew(state).await?;
        write.commit().await?;
        Ok(Some(state))
    }
}
