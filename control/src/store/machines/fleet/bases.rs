//! Bases: whether each was tried, and what came of it.

use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::fleet::{FleetBase, Trial};
use crate::model::pool::{Assigned, SpriteState};
use crate::model::task::{Lease, TaskId};
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::machines::sprites;
use crate::store::tasks::check_lease;
use crate::store::{LeaseError, Store, StoreError, Write};

impl Store {
    /// Every base that was wanted, the newest first; at most `limit`.
    pub async fn fleet_bases(&self, limit: u32) -> Result<Vec<FleetBase>, StoreError> {
        const ATTEMPT: &str = "list the bases of the fleet";
        let rows = sqlx::query(
            "SELECT base, version, state, why, changed_at FROM fleet_bases
             ORDER BY began_at DESC, base LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(base).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Workspaces by what is installed in their machines, the most first.
    pub async fn count_bases(&self) -> Result<Vec<(String, u64)>, StoreError> {
        const ATTEMPT: &str = "count machines by their base";
        let rows = sqlx::query(
            "SELECT base, COUNT(*) AS machines FROM sprites WHERE state = 'assigned'
             GROUP BY base ORDER BY COUNT(*) DESC, base",
        )
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let count = |row: &AnyRow| Ok((row.text("base")?, row.number("machines")?));
        rows.iter().map(count).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// May the pool prepare machines with `base`, and customers get them? One that is not
    /// known is not under trial.
    pub async fn is_base_accepted(&self, base: &str) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "read whether a base is accepted";
        let row =
            sqlx::query("SELECT COUNT(*) AS no FROM fleet_bases WHERE base = $1 AND state <> $2")
                .bind(base)
                .bind(Trial::Accepted.as_str())
                .fetch_one(&mut self.read().await?)
                .await
                .attempt(ATTEMPT)?;
        Ok(row.number("no").attempt(ATTEMPT)? == 0)
    }

    /// An available machine with `base`, for its trial: nobody's, and to be destroyed after it.
    ///
    /// Called again, says the same. `None` when there is none yet.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn take_for_trial(
        &self,
        lease: &Lease,
        base: &str,
        now: Moment,
    ) -> Result<Option<Assigned>, LeaseError> {
        const ATTEMPT: &str = "take a machine for a trial";
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        sqlx::query(
            "UPDATE sprites SET state = $1, task = $2, assignment = assignment + 1, changed_at = $3
             WHERE state = $4 AND base = $5
                 AND NOT EXISTS (SELECT 1 FROM sprites WHERE task = $2 AND state = $1)
                 AND name = (SELECT name FROM sprites WHERE state = $4 AND base = $5
                     ORDER BY created_at, name LIMIT 1)",
        )
        .bind(SpriteState::Recycling.as_str())
        .bind(lease.task.as_str())
        .bind(millis(now))
        .bind(SpriteState::Available.as_str())
        .bind(base)
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let sprite = sprites::find_of_task(&mut write, &lease.task).await?;
        write.commit().await?;
        Ok(sprite.and_then(|sprite| {
            let upstream = sprite.upstream?;
            Some(Assigned { name: sprite.name, upstream, assignment: sprite.assignment })
        }))
    }

    /// Ends the trial of `task`: its machine is of no more use. `why` refuses the base.
    pub async fn end_trial(
        &self,
        task: &TaskId,
        base: &str,
        why: Option<&str>,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE sprites SET state = $1, changed_at = $2, last_error = $3
             WHERE task = $4 AND state = $5",
        )
        .bind(SpriteState::Failed.as_str())
        .bind(millis(now))
        .bind(why.unwrap_or("its trial is over"))
        .bind(task.as_str())
        .bind(SpriteState::Recycling.as_str())
        .execute(&mut *write)
        .await
        .attempt("give a machine of a trial back")?;
        judge(&mut write, base, why, now).await?;
        write.commit().await
    }
}

/// Where it stands; and whether no base was ever known.
pub(super) async fn trial_of(
    write: &mut Write,
    base: &str,
) -> Result<(Option<Trial>, bool), StoreError> {
    const ATTEMPT: &str = "read where a base stands";
    let rows = sqlx::query("SELECT base, state FROM fleet_bases")
        .fetch_all(&mut **write)
        .await
        .attempt(ATTEMPT)?;
    for row in &rows {
        if row.text("base").attempt(ATTEMPT)? == base {
            return Ok((Some(valid(row, "state", Trial::parse).attempt(ATTEMPT)?), false));
        }
    }
    Ok((None, rows.is_empty()))
}

pub(super) async fn insert(
    write: &mut Write,
    (base, version): (&str, &str),
    trial: Trial,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO fleet_bases (base, version, state, began_at, changed_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(base)
    .bind(version)
    .bind(trial.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("note a new base")?;
    Ok(())
}

pub(super) async fn judge(
    write: &mut Write,
    base: &str,
    why: Option<&str>,
    now: Moment,
) -> Result<(), StoreError> {
    let trial = if why.is_none() { Trial::Accepted } else { Trial::Refused };
    sqlx::query("UPDATE fleet_bases SET state = $2, why = $3, changed_at = $4 WHERE base = $1")
        .bind(base)
        .bind(trial.as_str())
        .bind(why)
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("judge a base")?;
    Ok(())
}

fn base(row: &AnyRow) -> Result<FleetBase, sqlx::Error> {
    Ok(FleetBase {
        base: row.text("base")?,
        version: row.text("version")?,
        trial: valid(row, "state", Trial::parse)?,
        why: row.optional_text("why")?,
        changed: row.moment("changed_at")?,
    })
}
