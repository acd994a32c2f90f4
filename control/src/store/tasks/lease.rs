//! Whether a worker may still write: a claim raises the task's token, and every later
//! write names it.

use crate::model::task::Lease;
use crate::store::connection::{Attempt as _, bigint};
use crate::store::{StoreError, Write};

/// Why a worker's write was not made.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else has the task now, or it was called off.
    #[error("the lease was lost")]
    Lost,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lets `write` go on only while `lease` holds, and nobody claim its task before
/// `write` is over.
///
/// # Errors
/// [`LeaseError`].
pub async fn check_lease(write: &mut Write, lease: &Lease) -> Result<(), LeaseError> {
    let held = sqlx::query(
        "UPDATE tasks SET lease_token = lease_token
         WHERE id = $1 AND lease_token = $2 AND state = 'running'",
    )
    .bind(lease.task.as_str())
    .bind(bigint(lease.token))
    .execute(&mut **write)
    .await
    .attempt("check a lease")?;
    if held.rows_affected() == 0 { Err(LeaseError::Lost) } else { Ok(()) }
}
