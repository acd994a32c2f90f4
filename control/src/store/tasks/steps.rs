//! Steps of tasks: begun, done once, with what they found out.

use serde_json::Value;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::lease::{LeaseError, check_lease};
use crate::base::clock::Moment;
use crate::model::task::{Lease, Step, StepState, TaskId};
use crate::store::connection::{
    Attempt as _, Columns as _, Connection, bigint, json, millis, shortened, valid,
};
use crate::store::{Store, StoreError, Topic, Write};

/// What every read of a step selects.
const COLUMNS: &str = "name, position, state, attempts, result, error, started_at, finished_at";

impl Store {
    /// # Errors
    /// [`LeaseError`].
    pub async fn begin_step(
        &self,
        lease: &Lease,
        name: &str,
        position: usize,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        sqlx::query(
            "INSERT INTO task_steps (task, name, position, state, attempts, started_at)
             VALUES ($1, $2, $3, 'running', 1, $4)
             ON CONFLICT (task, name) DO UPDATE SET
                 state = 'running', attempts = task_steps.attempts + 1, finished_at = NULL",
        )
        .bind(lease.task.as_str())
        .bind(name)
        .bind(bigint(u64::try_from(position).unwrap_or(u64::MAX)))
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("begin a step")?;
        write.announce(Topic::TasksChanged).await?;
        Ok(write.commit().await?)
    }

    /// # Errors
    /// [`LeaseError`]: the step is then
    /// done once more.
    pub async fn finish_step(
        &self,
        lease: &Lease,
        name: &str,
        result: &Value,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        sqlx::query(
            "UPDATE task_steps SET state = 'done', result = $3, error = NULL, finished_at = $4
             WHERE task = $1 AND name = $2",
        )
        .bind(lease.task.as_str())
        .bind(name)
        .bind(result.to_string())
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("finish a step")?;
        write.announce(Topic::TasksChanged).await?;
        Ok(write.commit().await?)
    }

    /// Notes that a step did not come to its end, and why.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn interrupt_step(
        &self,
        lease: &Lease,
        name: &str,
        state: StepState,
        why: &str,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        sqlx::query(
            "UPDATE task_steps SET state = $3, error = $4, finished_at = $5
             WHERE task = $1 AND name = $2",
        )
        .bind(lease.task.as_str())
        .bind(name)
        .bind(state.as_str())
        .bind(shortened(why))
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("note why a step is not done")?;
        write.announce(Topic::TasksChanged).await?;
        Ok(write.commit().await?)
    }
}

/// Those of a task that were begun, in their order.
pub async fn of(connection: &mut Connection, task: &TaskId) -> Result<Vec<Step>, StoreError> {
    const ATTEMPT: &str = "read the steps of a task";
    let text = format!("SELECT {COLUMNS} FROM task_steps WHERE task = $1 ORDER BY position, name");
    let rows = sqlx::query(AssertSqlSafe(text))
        .bind(task.as_str())
        .fetch_all(connection)
        .await
        .attempt(ATTEMPT)?;
    rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
}

/// What was running when its task came to an end is `state` now.
pub(super) async fn stop_running(
    write: &mut Write,
    task: &TaskId,
    state: StepState,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE task_steps SET state = $2 WHERE task = $1 AND state = 'running'")
        .bind(task.as_str())
        .bind(state.as_str())
        .execute(&mut **write)
        .await
        .attempt("stop the steps of a task")?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<Step, sqlx::Error> {
    let result = row.optional_text("result")?.map(|_| json(row, "result"));
    Ok(Step {
        name: row.text("name")?,
        position: row.small("position")?,
        state: valid(row, "state", StepState::parse)?,
        attempts: row.small("attempts")?,
        result: result.transpose()?,
        error: row.optional_text("error")?,
        started: row.optional_moment("started_at")?,
        finished: row.optional_moment("finished_at")?,
    })
}
