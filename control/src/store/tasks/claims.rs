//! The queue as its workers see it: what is due, claimed, renewed and settled.
//!
//! A claim raises the task's token, and every later write names it: whoever lost
//! the lease changes nothing any more, wherever it is late.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::lease::{LeaseError, check_lease};
use super::queue::{COLUMNS, parse};
use super::steps;
use crate::base::clock::Moment;
use crate::model::task::{Kind, Lease, Outcome, Step, StepState, Task, TaskId};
use crate::store::connection::{Attempt as _, Columns as _, bigint, millis, shortened, valid};
use crate::store::{Store, StoreError, Topic, Write};

/// A task, the right to work at it, and what was done of it before.
#[derive(Debug)]
pub struct Claimed {
    pub task: Task,
    pub lease: Lease,
    /// Those that were begun.
    pub steps: Vec<Step>,
}

impl Store {
    /// For each kind that has something to do: since when, or when there will be.
    pub async fn tasks_due(&self) -> Result<Vec<(Kind, Moment)>, StoreError> {
        const ATTEMPT: &str = "look what is due";
        // A crowd that waits is not counted through: its first stands first in an index.
        let first = |kind: Kind| {
            let kind = kind.as_str();
            format!(
                "SELECT '{kind}' AS kind, MIN(run_at) AS due_at
                 FROM tasks WHERE state = 'waiting' AND kind = '{kind}'
                 UNION ALL SELECT '{kind}', MIN(lease_until)
                 FROM tasks WHERE state = 'running' AND kind = '{kind}'"
            )
        };
        let firsts: Vec<_> = Kind::ALL.into_iter().map(first).collect();
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT kind, MIN(due_at) AS due_at FROM ({}) AS firsts
             GROUP BY kind HAVING MIN(due_at) IS NOT NULL ORDER BY due_at",
            firsts.join(" UNION ALL ")
        )))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let due = |row| Ok((valid(row, "kind", Kind::parse)?, row.moment("due_at")?));
        rows.iter().map(due).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Takes a task of `kind` whose worker let its lease run out, or else the one that
    /// is due longest; nobody else has it until `until`.
    ///
    /// One that cannot be read is dead at once, and the next one is taken.
    pub async fn claim(
        &self,
        kind: Kind,
        now: Moment,
        until: Moment,
    ) -> Result<Option<Claimed>, StoreError> {
        loop {
            let mut write = self.begin().await?;
            let Some(row) = take_due(&mut write, kind, now, until).await? else {
                return Ok(None);
            };
            let claimed = match read_claimed(&mut write, &row).await {
                Ok(claimed) => Some(claimed),
                Err(error) => {
                    let Some(why) = error.unreadable() else { return Err(error) };
                    let id = row.text("id").attempt("read a task")?;
                    give_up(&mut write, &id, &why.to_string(), now).await?;
                    self.note_unreadable("tasks", id, why);
                    None
                }
            };
            write.announce(Topic::TasksChanged).await?;
            write.commit().await?;
            if claimed.is_some() {
                return Ok(claimed);
            }
        }
    }

    /// # Errors
    /// When it is lost, or the database does not answer.
    pub async fn renew(&self, lease: &Lease, until: Moment) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        let renewed = sqlx::query(
            "UPDATE tasks SET lease_until = $3
             WHERE id = $1 AND lease_token = $2 AND state = 'running'",
        )
        .bind(lease.task.as_str())
        .bind(bigint(lease.token))
        .bind(millis(until))
        .execute(&mut *write)
        .await
        .attempt("renew a lease")?;
        if renewed.rows_affected() == 0 {
            return Err(LeaseError::Lost);
        }
        Ok(write.commit().await?)
    }

    /// Writes down what became of an attempt, and ends its lease.
    ///
    /// # Errors
    /// When it was lost before, or the database does not answer.
    pub async fn settle(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let (state, at, counts, why) = match outcome {
            Outcome::Done => ("done", None, true, None),
            Outcome::Later { at, counts, why } => ("waiting", Some(*at), *counts, Some(why)),
            Outcome::Dead { why } => ("dead", None, true, Some(why)),
            Outcome::Lost => return Err(LeaseError::Lost),
        };
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        // One attempt more than there are is counted where a worker died in the last one.
        sqlx::query(
            "UPDATE tasks SET state = $2, lease_owner = NULL, lease_until = NULL,
                 attempts = CASE WHEN attempts > max_attempts THEN max_attempts
                                 ELSE attempts - $3 END,
                 run_at = COALESCE($4, run_at), last_error = $5, changed_at = $6,
                 finished_at = CASE $2 WHEN 'waiting' THEN NULL ELSE $6 END
             WHERE id = $1",
        )
        .bind(lease.task.as_str())
        .bind(state)
        .bind(i64::from(!counts))
        .bind(at.map(millis))
        .bind(why.map(|why| shortened(why)))
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("settle an attempt at a task")?;
        let left = if at.is_some() { StepState::Waiting } else { StepState::Failed };
        end(write, &lease.task, left).await
    }

    /// Ends a lease as if the attempt had never begun; the task is due at once.
    ///
    /// # Errors
    /// When it was lost before, or the database does not answer.
    pub async fn give_back(&self, lease: &Lease, now: Moment) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        sqlx::query(
            "UPDATE tasks SET state = 'waiting', attempts = attempts - 1, run_at = $2,
                 lease_owner = NULL, lease_until = NULL, changed_at = $2
             WHERE id = $1",
        )
        .bind(lease.task.as_str())
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("give a task back")?;
        write.announce(Topic::TasksDue).await?;
        end(write, &lease.task, StepState::Waiting).await
    }
}

/// A step that was interrupted is not running any more.
async fn end(mut write: Write, task: &TaskId, left: StepState) -> Result<(), LeaseError> {
    steps::stop_running(&mut write, task, left).await?;
    write.announce(Topic::TasksChanged).await?;
    Ok(write.commit().await?)
}

async fn take_due(
    write: &mut Write,
    kind: Kind,
    now: Moment,
    until: Moment,
) -> Result<Option<AnyRow>, StoreError> {
    const IS_LOST: &str = "kind = $1 AND state = 'running' AND lease_until <= $2";
    const IS_DUE: &str = "kind = $1 AND state = 'waiting' AND run_at <= $2";
    let hint = write.store().dialect().skip_locked();
    let owner = format!("{:016x}", write.store().process());
    // Two looks: the first at the few that run, the second along an index. Asked again
    // outside: another one may have taken the task while we waited for its row.
    sqlx::query(AssertSqlSafe(format!(
        "UPDATE tasks SET state = 'running', attempts = attempts + 1, lease_owner = $3,
             lease_until = $4, lease_token = lease_token + 1, changed_at = $2
         WHERE id = COALESCE(
                 (SELECT id FROM tasks WHERE {IS_LOST} ORDER BY lease_until LIMIT 1 {hint}),
                 (SELECT id FROM tasks WHERE {IS_DUE}
                  ORDER BY run_at, created_at, id LIMIT 1 {hint}))
             AND (({IS_LOST}) OR ({IS_DUE}))
         RETURNING {COLUMNS}"
    )))
    .bind(kind.as_str())
    .bind(millis(now))
    .bind(owner)
    .bind(millis(until))
    .fetch_optional(&mut **write)
    .await
    .attempt("claim a task")
}

async fn read_claimed(write: &mut Write, row: &AnyRow) -> Result<Claimed, StoreError> {
    const ATTEMPT: &str = "read a claimed task";
    let task = parse(row).attempt(ATTEMPT)?;
    let token = row.number("lease_token").attempt(ATTEMPT)?;
    let steps = steps::of(write, &task.id).await?;
    let lease = Lease { task: task.id.clone(), token };
    Ok(Claimed { task, lease, steps })
}

/// Nobody can work at it: it waits for an operator.
async fn give_up(write: &mut Write, id: &str, why: &str, now: Moment) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE tasks SET state = 'dead', lease_owner = NULL, lease_until = NULL,
             last_error = $2, changed_at = $3, finished_at = $3
         WHERE id = $1",
    )
    .bind(id)
    .bind(shortened(why))
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("give a task up")?;
    Ok(())
}
