//! Which bases were tried, and which workspaces were brought to them.
//!
//! What is begun is decided under the lock of the pool's row: two processes never
//! begin the same.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::pool;
use super::sprites;
use crate::base::clock::Moment;
use crate::model::fleet::{Fleet, FleetBase, Next, Trial, UpdateState, WorkspaceUpdate};
use crate::model::pool::{Assigned, SpriteState};
use crate::model::task::kinds::{TryBase, UpdateWorkspace};
use crate::model::task::{Lease, NewTask, TaskId};
use crate::store::connection::{Attempt as _, Columns as _, Connection, millis, valid};
use crate::store::tasks::{check_lease, enqueue};
use crate::store::{LeaseError, Store, StoreError, Write};

/// Whose machine may be brought to base $1: open, not on its way to any base, and it did not
/// go back from this one. One that had it once may have another by now.
const WAITING: &str = "FROM sprites AS s JOIN workspaces AS w ON w.username = s.username
     WHERE s.state = 'assigned' AND s.services = 'running' AND w.state = 'live'
         AND s.base <> $1 AND NOT EXISTS (
             SELECT 1 FROM fleet_updates AS u
             WHERE u.username = s.username
                 AND (u.state = 'updating' OR u.base = $1 AND u.state = 'went_back'))";

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

    pub async fn count_fleet(&self, base: &str) -> Result<Fleet, StoreError> {
        let mut connection = self.read().await?;
        count(&mut connection, base).await
    }

    /// Of one base, those that changed last first; at most `limit`.
    pub async fn workspace_updates(
        &self,
        base: &str,
        limit: u32,
    ) -> Result<Vec<WorkspaceUpdate>, StoreError> {
        const ATTEMPT: &str = "list updates of workspaces";
        let rows = sqlx::query(
            "SELECT username, state, why, task, changed_at FROM fleet_updates
             WHERE base = $1 ORDER BY changed_at DESC, username LIMIT $2",
        )
        .bind(base)
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(update).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Since when nothing new is begun, if so.
    pub async fn fleet_paused(&self) -> Result<Option<Moment>, StoreError> {
        const ATTEMPT: &str = "read whether the fleet is paused";
        let row = sqlx::query("SELECT fleet_paused_at FROM pool WHERE id = 1")
            .fetch_one(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.optional_moment("fleet_paused_at").attempt(ATTEMPT)
    }

    /// `None` lets it go on. Says whether it was paused before.
    pub async fn pause_fleet(&self, since: Option<Moment>) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        pool::lock(&mut write).await?;
        let was = paused(&mut write).await?;
        sqlx::query("UPDATE pool SET fleet_paused_at = $1 WHERE id = 1")
            .bind(since.map(millis))
            .execute(&mut *write)
            .await
            .attempt("pause the fleet")?;
        write.commit().await?;
        Ok(was)
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

    /// Begins what `decide` says, if anything, and says what it was.
    pub async fn advance_fleet(
        &self,
        wanted: (&str, &str),
        decide: impl FnOnce(Option<Trial>, Fleet, bool, bool) -> Next,
        now: Moment,
    ) -> Result<Next, StoreError> {
        let (base, version) = wanted;
        let mut write = self.begin().await?;
        pool::lock(&mut write).await?;
        let (trial, is_first) = trial_of(&mut write, base).await?;
        let fleet = count(&mut write, base).await?;
        let is_paused = paused(&mut write).await?;
        let next = decide(trial, fleet, is_paused, is_first);
        match next {
            Next::Nothing => return Ok(next),
            Next::Accept => insert(&mut write, wanted, Trial::Accepted, now).await?,
            Next::Try => {
                forget_others(&mut write, base).await?;
                insert(&mut write, wanted, Trial::Trying, now).await?;
                let cause = format!("trial/{base}/{version}/{}", now.millis());
                let new = NewTask::new(cause, None, &TryBase { base: base.to_owned() });
                enqueue(&mut write, &new, now).await?;
            }
            Next::Update(more) => begin_updates(&mut write, base, more, now).await?,
            Next::Refuse => {
                let why = "too many workspaces went back from it";
                judge(&mut write, base, Some(why), now).await?;
            }
        }
        write.commit().await?;
        Ok(next)
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

    /// Notes how an update ended: with `base` in the machine, or, by `why`, with what was there.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn end_update(
        &self,
        lease: &Lease,
        username: &Username,
        base: &str,
        why: Option<&str>,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        if why.is_none() {
            // The disk as it was sealed has another base: nothing may be put back to it.
            sqlx::query(
                "UPDATE sprites SET base = $1, checkpoint = NULL
                 WHERE username = $2 AND state = 'assigned'",
            )
            .bind(base)
            .bind(username.as_str())
            .execute(&mut *write)
            .await
            .attempt("note what is in a machine")?;
        }
        let state = if why.is_none() { UpdateState::Updated } else { UpdateState::WentBack };
        end(&mut write, &lease.task, state, why, now).await?;
        Ok(write.commit().await?)
    }

    /// As an update that went back, of a task that was given up.
    pub async fn give_update_up(
        &self,
        task: &TaskId,
        why: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        end(&mut write, task, UpdateState::WentBack, Some(why), now).await?;
        write.commit().await
    }

    /// Others come first: the machine is in use, by `why`.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn put_update_off(
        &self,
        lease: &Lease,
        why: &str,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        end(&mut write, &lease.task, UpdateState::PutOff, Some(why), now).await?;
        Ok(write.commit().await?)
    }

    /// An update that is not needed: the workspace has ended, or another base is wanted.
    /// Does nothing to one that was put off.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn forget_update(&self, lease: &Lease) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        sqlx::query("DELETE FROM fleet_updates WHERE task = $1 AND state = $2")
            .bind(lease.task.as_str())
            .bind(UpdateState::Updating.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget an update")?;
        Ok(write.commit().await?)
    }

    /// Lets a base that was refused be tried again. `false` when it was not refused.
    pub async fn retry_base(&self, base: &str) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let removed = sqlx::query("DELETE FROM fleet_bases WHERE base = $1 AND state = $2")
            .bind(base)
            .bind(Trial::Refused.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget that a base was refused")?;
        sqlx::query("DELETE FROM fleet_updates WHERE base = $1 AND state = $2")
            .bind(base)
            .bind(UpdateState::WentBack.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget who went back from a base")?;
        write.commit().await?;
        Ok(removed.rows_affected() > 0)
    }
}

async fn count(connection: &mut Connection, base: &str) -> Result<Fleet, StoreError> {
    const ATTEMPT: &str = "count how the fleet stands";
    let row = sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) AS waiting {WAITING}")))
        .bind(base)
        .fetch_one(&mut *connection)
        .await
        .attempt(ATTEMPT)?;
    let mut fleet = Fleet { waiting: row.number("waiting").attempt(ATTEMPT)?, ..Fleet::default() };
    let rows = sqlx::query(
        "SELECT u.state, COUNT(*) AS workspaces, COUNT(u.why) AS told FROM fleet_updates AS u
         JOIN sprites AS s ON s.username = u.username AND s.state = 'assigned'
         WHERE u.base = $1 AND CASE u.state WHEN 'updated' THEN s.base = $1
             WHEN 'updating' THEN TRUE ELSE s.base <> $1 END GROUP BY u.state",
    )
    .bind(base)
    .fetch_all(&mut *connection)
    .await
    .attempt(ATTEMPT)?;
    for row in &rows {
        let count = row.number("workspaces").attempt(ATTEMPT)?;
        match valid(row, "state", UpdateState::parse).attempt(ATTEMPT)? {
            UpdateState::Updating => {
                fleet.updating = count;
                fleet.put_off += row.number("told").attempt(ATTEMPT)?;
            }
            UpdateState::PutOff => fleet.put_off += count,
            UpdateState::Updated => fleet.updated = count,
            UpdateState::WentBack => fleet.went_back = count,
        }
    }
    Ok(fleet)
}

/// Where it stands; and whether no base was ever known.
async fn trial_of(write: &mut Write, base: &str) -> Result<(Option<Trial>, bool), StoreError> {
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

async fn paused(write: &mut Write) -> Result<bool, StoreError> {
    const ATTEMPT: &str = "read whether the fleet is paused";
    let row = sqlx::query("SELECT fleet_paused_at FROM pool WHERE id = 1")
        .fetch_one(&mut **write)
        .await
        .attempt(ATTEMPT)?;
    Ok(row.optional_moment("fleet_paused_at").attempt(ATTEMPT)?.is_some())
}

async fn insert(
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

/// What became of workspaces with the bases before.
async fn forget_others(write: &mut Write, base: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM fleet_updates WHERE base <> $1 AND state <> $2")
        .bind(base)
        .bind(UpdateState::Updating.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget what became of former updates")?;
    Ok(())
}

async fn judge(
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

async fn begin_updates(
    write: &mut Write,
    base: &str,
    more: u64,
    now: Moment,
) -> Result<(), StoreError> {
    const ATTEMPT: &str = "choose who is updated";
    let text = format!(
        "SELECT s.username {WAITING} ORDER BY COALESCE((
             SELECT u.changed_at FROM fleet_updates AS u
             WHERE u.username = s.username AND u.base = $1), 0), s.created_at, s.username LIMIT $2"
    );
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(base)
        .bind(i64::try_from(more).unwrap_or(i64::MAX))
        .fetch_all(&mut **write)
        .await
        .attempt(ATTEMPT)?;
    for row in &rows {
        let username = valid(row, "username", Username::parse).attempt(ATTEMPT)?;
        let cause = format!("update/{username}/{base}/{}", now.millis());
        let payload = UpdateWorkspace { base: base.to_owned() };
        let task = enqueue(write, &NewTask::new(cause, Some(username), &payload), now).await?;
        sqlx::query(
            "INSERT INTO fleet_updates (username, base, state, task, changed_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (username, base) DO UPDATE SET state = excluded.state,
                 task = excluded.task, changed_at = excluded.changed_at",
        )
        .bind(username.as_str())
        .bind(base)
        .bind(UpdateState::Updating.as_str())
        .bind(task.as_str())
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("begin an update")?;
    }
    Ok(())
}

async fn end(
    write: &mut Write,
    task: &TaskId,
    state: UpdateState,
    why: Option<&str>,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE fleet_updates SET state = $2, why = $3, changed_at = $4 WHERE task = $1")
        .bind(task.as_str())
        .bind(state.as_str())
        .bind(why)
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("end an update")?;
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

fn update(row: &AnyRow) -> Result<WorkspaceUpdate, sqlx::Error> {
    Ok(WorkspaceUpdate {
        username: valid(row, "username", Username::parse)?,
        state: valid(row, "state", UpdateState::parse)?,
        why: row.optional_text("why")?,
        task: valid(row, "task", TaskId::parse)?,
        changed: row.moment("changed_at")?,
    })
}
