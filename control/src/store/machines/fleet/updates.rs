//! Updates: which workspaces were brought to a base, or went back from it.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::fleet::{Fleet, UpdateState, WorkspaceUpdate};
use crate::model::pool::Services;
use crate::model::task::kinds::UpdateWorkspace;
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

    /// Whether this task still has an update to bring to an end: one that was given up and is
    /// tried again has none, as its customer goes on with what they have.
    pub async fn is_updating(&self, task: &TaskId) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT task FROM fleet_updates WHERE task = $1 AND state = $2")
            .bind(task.as_str())
            .bind(UpdateState::Updating.as_str())
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt("find an update")?;
        Ok(found.is_some())
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
}

pub(super) async fn count(connection: &mut Connection, base: &str) -> Result<Fleet, StoreError> {
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

pub(super) async fn begin(
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

/// What became of workspaces with the bases before.
pub(super) async fn forget_others(write: &mut Write, base: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM fleet_updates WHERE base <> $1 AND state <> $2")
        .bind(base)
        .bind(UpdateState::Updating.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget what became of former updates")?;
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
    if state == UpdateState::WentBack {
        // Started, and not yet known to run: looked after until it does, and told when not; or
        // stopped again, where the workspace was closed meanwhile.
        sqlx::query(
            "UPDATE sprites SET services = $2, services_at = $3
             WHERE state = 'assigned'
                 AND username = (SELECT username FROM fleet_updates WHERE task = $1)",
        )
        .bind(task.as_str())
        .bind(Services::Starting.as_str())
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("note that what runs in a machine was started")?;
    }
    Ok(())
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
