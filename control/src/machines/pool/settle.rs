//! Preparations that came to nothing: their sprites are given up, and after many of
//! them in a row the pool is paused and the operator told, in one transaction.

use super::alarm;
use crate::base::clock::Moment;
use crate::store::machines::pool;
use crate::store::messages::tickets;
use crate::store::{Settled, Store, StoreError};

/// # Errors
/// [`StoreError`]
pub async fn settle_preparations(
    store: &Store,
    failure_limit: u64,
    now: Moment,
) -> Result<Settled, StoreError> {
    let mut write = store.begin().await?;
    let settled = pool::settle_preparations(&mut write, failure_limit, now).await?;
    if let Some(why) = &settled.paused {
        tickets::open(&mut write, &alarm::paused(why, now), now).await?;
    }
    write.commit().await?;
    Ok(settled)
}
