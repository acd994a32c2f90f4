//! The queue as others see it: put in, listed, tried again, called off, forgotten.

use futures_util::future::FutureExt as _;
use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::steps;
use crate::base::clock::Moment;
use crate::model::task::{
    Kind, NewTask, Step, StepState, Task, TaskId, TaskState, with_those_to_come,
};
use crate::store::connection::{
    Attempt as _, Columns as _, Connection, json, millis, shortened, valid,
};
use crate::store::{Store, StoreError, Topic, Write};

/// What every read of a task selects.
pub(in crate::store) const COLUMNS: &str = "id, kind, dedupe_key, username, payload, state, attempts, \
     max_attempts, run_at, due_at, lease_token, last_error, created_at, changed_at, finished_at";

/// Which tasks are listed; each `None` lets all through.
#[derive(Debug, Clone, Copy, Default)]
pub struct TaskFilter {
    pub state: Option<TaskState>,
    pub kind: Option<Kind>,
    pub username: Option<Username>,
}

/// How many tasks of a kind are in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCount {
    pub kind: Kind,
    pub state: TaskState,
    pub count: u64,
    /// Since when the oldest of them could be worked at for the first time.
    pub oldest_due: Moment,
}

impl Store {
    /// As [`enqueue`], by itself.
    pub async fn enqueue(&self, new: &NewTask, now: Moment) -> Result<TaskId, StoreError> {
        let mut write = self.begin().await?;
        let id = enqueue(&mut write, new, now).await?;
        write.commit().await?;
        Ok(id)
    }

    /// Up to `limit` tasks, the newest first; those after the one of `after`.
    pub async fn tasks(
        &self,
        filter: &TaskFilter,
        after: Option<(Moment, &str)>,
        limit: u32,
    ) -> Result<Vec<Task>, StoreError> {
        const ATTEMPT: &str = "list tasks";
        let text = format!(
            "SELECT {COLUMNS} FROM tasks
             WHERE (created_at < $1 OR (created_at = $1 AND id < $2))
                 AND ($3 = '' OR state = $3) AND ($4 = '' OR kind = $4)
                 AND ($5 = '' OR username = $5)
             ORDER BY created_at DESC, id DESC LIMIT $6"
        );
        let fetch = |(created, id): (Moment, String), limit: u32| {
            let text = text.clone();
            let username = filter.username.map(|username| username.to_string());
            async move {
                sqlx::query(AssertSqlSafe(text))
                    .bind(millis(created))
                    .bind(id)
                    .bind(filter.state.map_or("", TaskState::as_str))
                    .bind(filter.kind.map_or("", Kind::as_str))
                    .bind(username.unwrap_or_default())
                    .bind(i64::from(limit))
                    .fetch_all(&mut self.read().await?)
                    .await
                    .attempt(ATTEMPT)
            }
            .boxed()
        };
        let (created, id) = after.unwrap_or((Moment::from_millis(u64::MAX), ""));
        let place = |row: &AnyRow| Ok((row.moment("created_at")?, row.text("id")?));
        let after = (created, id.to_owned());
        self.readable_page(("tasks", "id"), after, limit, fetch, place, parse).await
    }

    /// A task with all its steps, also those that are still to come.
    pub async fn task(&self, id: &TaskId) -> Result<Option<(Task, Vec<Step>)>, StoreError> {
        let mut connection = self.read().await?;
        let Some(task) = find(&mut connection, id).await? else { return Ok(None) };
        let steps = steps::of(&mut connection, id).await?;
        let steps = with_those_to_come(task.kind, steps);
        Ok(Some((task, steps)))
    }

    /// Has a task that is dead, called off or waiting tried at once, with all its
    /// attempts before it. Steps that are done stay done.
    ///
    /// `None` when there is no such task, `Some(false)` when it is done or running.
    pub async fn retry_task(&self, id: &TaskId, now: Moment) -> Result<Option<bool>, StoreError> {
        let mut write = self.begin().await?;
        let revived = revive(&mut write, id, now).await?;
        settled(write, id, revived).await
    }

    /// Calls a task off, and notes why where it is said. Whoever works at it is stopped at
    /// its next step, or when its lease is to be renewed; what is done so far stays.
    ///
    /// `None` when there is no such task, `Some(false)` when it is done or called off.
    pub async fn cancel_task(
        &self,
        id: &TaskId,
        why: Option<&str>,
        now: Moment,
    ) -> Result<Option<bool>, StoreError> {
        let mut write = self.begin().await?;
        let called_off = cancel(&mut write, id, why, now).await?;
        settled(write, id, called_off).await
    }

    /// For metrics: reads every task.
    pub async fn count_tasks(&self) -> Result<Vec<TaskCount>, StoreError> {
        const ATTEMPT: &str = "count tasks";
        let rows = sqlx::query(
            "SELECT kind, state, COUNT(*) AS count, MIN(due_at) AS oldest FROM tasks
             GROUP BY kind, state ORDER BY kind, state",
        )
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let parse = |row: &AnyRow| {
            Ok(TaskCount {
                kind: valid(row, "kind", Kind::parse)?,
                state: valid(row, "state", TaskState::parse)?,
                count: row.number("count")?,
                oldest_due: row.moment("oldest")?,
            })
        };
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }
}

/// Puts a task into the queue with everything else that `write` changes; a cause
/// that is known already gives the task it has.
///
/// Workers here and elsewhere are woken when `write` is committed.
pub async fn enqueue(write: &mut Write, new: &NewTask, now: Moment) -> Result<TaskId, StoreError> {
    const ATTEMPT: &str = "put a task into the queue";
    /// Two ids of one day are equal once in four thousand million; thrice is a fault of ours.
    const DRAWS: u32 = 3;
    for _ in 0..DRAWS {
        let id = TaskId::random(new.kind, now);
        let inserted = sqlx::query(
            "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,
                 max_attempts, run_at, due_at, lease_token, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $7, $7, 0, $8, $8)
             ON CONFLICT DO NOTHING",
        )
        .bind(id.as_str())
        .bind(new.kind.as_str())
        .bind(new.dedupe.as_str())
        .bind(new.username.map(|username| username.to_string()))
        .bind(new.payload.to_string())
        .bind(i64::from(new.kind.spec().max_attempts))
        .bind(millis(new.run_at.unwrap_or(now)))
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt(ATTEMPT)?;
        if inserted.rows_affected() > 0 {
            write.announce(Topic::TasksDue).await?;
            write.announce(Topic::TasksChanged).await?;
            return Ok(id);
        }
        let row = sqlx::query("SELECT id FROM tasks WHERE dedupe_key = $1")
            .bind(new.dedupe.as_str())
            .fetch_optional(&mut **write)
            .await
            .attempt(ATTEMPT)?;
        if let Some(row) = row {
            return valid(&row, "id", TaskId::parse).attempt(ATTEMPT);
        }
    }
    Err(StoreError::corrupt(ATTEMPT, &new.dedupe))
}

/// As [`Store::retry_task`], with everything else that `write` changes. Returns how many
/// are tried again: one or none.
pub async fn revive(write: &mut Write, id: &TaskId, now: Moment) -> Result<u64, StoreError> {
    let updated = sqlx::query(
        "UPDATE tasks SET state = 'waiting', attempts = 0, run_at = $2, changed_at = $2,
             finished_at = NULL
         WHERE id = $1 AND state IN ('waiting', 'dead', 'cancelled')",
    )
    .bind(id.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("have a task tried again")?;
    write.announce(Topic::TasksDue).await?;
    Ok(updated.rows_affected())
}

/// As [`Store::cancel_task`], with everything else that `write` changes. Returns how
/// many were called off: one or none.
pub async fn cancel(
    write: &mut Write,
    id: &TaskId,
    why: Option<&str>,
    now: Moment,
) -> Result<u64, StoreError> {
    let updated = sqlx::query(
        "UPDATE tasks SET state = 'cancelled', lease_owner = NULL, lease_until = NULL,
             changed_at = $2, finished_at = $2, last_error = COALESCE($3, last_error)
         WHERE id = $1 AND state IN ('waiting', 'running', 'dead')",
    )
    .bind(id.as_str())
    .bind(millis(now))
    .bind(why.map(|why| shortened(&format!("called off: {why}"))))
    .execute(&mut **write)
    .await
    .attempt("call a task off")?;
    steps::stop_running(write, id, StepState::Waiting).await?;
    Ok(updated.rows_affected())
}

/// Nobody else claims or settles this task before `write` is over.
pub async fn lock_row(write: &mut Write, id: &TaskId) -> Result<(), StoreError> {
    sqlx::query("UPDATE tasks SET lease_token = lease_token WHERE id = $1")
        .bind(id.as_str())
        .execute(&mut **write)
        .await
        .attempt("lock a task")?;
    Ok(())
}

/// Says whether a change of a task's state was possible.
async fn settled(mut write: Write, id: &TaskId, updated: u64) -> Result<Option<bool>, StoreError> {
    if updated == 0 {
        let exists = find(&mut write, id).await?.is_some();
        return Ok(exists.then_some(false));
    }
    write.announce(Topic::TasksChanged).await?;
    write.commit().await?;
    Ok(Some(true))
}

pub async fn find(connection: &mut Connection, id: &TaskId) -> Result<Option<Task>, StoreError> {
    const ATTEMPT: &str = "read a task";
    let row = sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM tasks WHERE id = $1")))
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

pub(in crate::store) fn parse(row: &AnyRow) -> Result<Task, sqlx::Error> {
    Ok(Task {
        id: valid(row, "id", TaskId::parse)?,
        kind: valid(row, "kind", Kind::parse)?,
        dedupe: row.text("dedupe_key")?,
        username: row.optional("username", Username::parse)?,
        payload: json(row, "payload")?,
        state: valid(row, "state", TaskState::parse)?,
        attempts: row.small("attempts")?,
        max_attempts: row.small("max_attempts")?,
        run_at: row.moment("run_at")?,
        due: row.moment("due_at")?,
        last_error: row.optional_text("last_error")?,
        created: row.moment("created_at")?,
        changed: row.moment("changed_at")?,
        finished: row.optional_moment("finished_at")?,
    })
}
