//! Machines that are kept from everybody: how they come there, and how they leave.

use super::journal::note;
use crate::base::clock::Moment;
use crate::model::pool::SpriteState;
use crate::model::task::Lease;
use crate::store::connection::{Attempt as _, millis};
use crate::store::tasks::check_lease;
use crate::store::{LeaseError, Store, StoreError, Write};
use vendors::sprites::SpriteName;

/// Keeps a machine that is being recycled from everybody, because of `why`. It is nobody's from
/// now on; the task that took it down stays written on it.
///
/// Called again, does nothing. `true` when it is kept.
///
/// # Errors
/// [`LeaseError`]
pub async fn quarantine_sprite(
    write: &mut Write,
    lease: &Lease,
    name: &SpriteName,
    why: &str,
    now: Moment,
) -> Result<bool, LeaseError> {
    check_lease(write, lease).await?;
    let kept = sqlx::query(
        "UPDATE sprites SET state = $3, username = NULL, last_error = $4, changed_at = $5
         WHERE name = $1 AND state = $6 AND task = $2",
    )
    .bind(name.as_str())
    .bind(lease.task.as_str())
    .bind(SpriteState::Quarantined.as_str())
    .bind(why)
    .bind(millis(now))
    .bind(SpriteState::Recycling.as_str())
    .execute(&mut **write)
    .await
    .attempt("quarantine a sprite")?;
    if kept.rows_affected() == 0 {
        return Ok(false);
    }
    let act = format!("recycling → quarantined: {why}");
    note(write, lease.task.as_str(), name, None, &act, now).await?;
    Ok(true)
}

impl Store {
    /// Has a quarantined machine destroyed. What it was kept for stays said, and `why` is added.
    ///
    /// `false`, and nothing is changed, when it is not in quarantine (any more).
    pub async fn destroy_quarantined(
        &self,
        name: &SpriteName,
        why: &str,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE sprites SET state = $2, changed_at = $3 WHERE name = $1 AND state = $4",
        )
        .bind(name.as_str())
        .bind(SpriteState::Failed.as_str())
        .bind(millis(now))
        .bind(SpriteState::Quarantined.as_str())
        .execute(&mut *write)
        .await
        .attempt("end the quarantine of a sprite")?
        .rows_affected()
            > 0;
        if ended {
            let act = format!("quarantined → failed: {why}");
            note(&mut write, "pool", name, None, &act, now).await?;
        }
        write.commit().await?;
        Ok(ended)
    }
}
