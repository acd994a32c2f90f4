//! Workspaces that are not at rest, and the tasks that they are given.

use shared::Username;
use sqlx::any::AnyRow;

use super::error::Attempt as _;
use super::routes::valid;
use super::{Channel, Columns as _, Store, StoreError, Write, millis, tasks};
use crate::base::clock::Moment;
use crate::model::pool::SpriteState;
use crate::model::sign_up::SignUpId;
use crate::model::task::kinds::{ProvisionWorkspace, RecycleWorkspace};
use crate::model::task::{Kind, NewTask, TaskId, TaskState};
use crate::model::workspace::Life;
use crate::model::workspace::upkeep::{LastTask, Unsettled};

/// What came of asking for a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// It has this one now, or had it already.
    Task(TaskId),
    /// There is nothing to be done for it.
    AtRest,
    NoWorkspace,
}

impl Store {
    /// Up to `limit` workspaces that are not at rest, those that have waited longest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unsettled_workspaces(&self, limit: u32) -> Result<Vec<Unsettled>, StoreError> {
        const ATTEMPT: &str = "list workspaces that are not at rest";
        let rows = sqlx::query(
            "SELECT w.username, w.signup, w.state, w.created_at, w.changed_at,
                 t.id AS task_id, t.state AS task_state, t.last_error,
                 (SELECT COUNT(*) FROM tasks AS live WHERE live.username = w.username
                      AND live.state IN ('waiting', 'running')
                      AND live.kind = CASE w.state WHEN 'ending' THEN 'RECYCLE' ELSE 'PROV' END
                 ) AS live_tasks
             FROM workspaces AS w LEFT JOIN tasks AS t ON t.id = w.task
             WHERE w.state IN ('preparing', 'ending')
             ORDER BY w.changed_at, w.username LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(unsettled).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Has a workspace prepared or taken down, as it needs: by the task that works at it,
    /// or by one of its own.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_task(&self, username: &Username, now: Moment) -> Result<Given, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = hold(&mut write, username).await? else { return Ok(Given::NoWorkspace) };
        let is_served = row.machines > 0 && matches!(row.life, Life::Live | Life::Suspended);
        if is_served || row.life == Life::Ended {
            return Ok(Given::AtRest);
        }
        let task = give(&mut write, username, &row, now).await?;
        write.commit().await?;
        Ok(Given::Task(task))
    }

    /// Takes the machine away from a workspace, for the pool to destroy, and has it given
    /// another one. What was in the machine is lost.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replace_machine(
        &self,
        username: &Username,
        why: &str,
        now: Moment,
    ) -> Result<Given, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = hold(&mut write, username).await? else { return Ok(Given::NoWorkspace) };
        if row.life.is_over() {
            return Ok(Given::AtRest);
        }
        sqlx::query(
            "UPDATE sprites SET state = $2, username = NULL, last_error = $3, changed_at = $4
             WHERE username = $1 AND state = $5",
        )
        .bind(username.as_str())
        .bind(SpriteState::Failed.as_str())
        .bind(format!("replaced by hand: {why}"))
        .bind(millis(now))
        .bind(SpriteState::Assigned.as_str())
        .execute(&mut *write)
        .await
        .attempt("take a machine away from a workspace")?;
        // Steps that are done are of the machine that it had.
        if let Some(task) = &row.task {
            tasks::call_off(&mut write, task, Some("its machine is replaced"), now).await?;
        }
        let task = give(&mut write, username, &Held { task: None, ..row }, now).await?;
        write.commit().await?;
        Ok(Given::Task(task))
    }
}

/// A workspace whose row is held.
struct Held {
    signup: SignUpId,
    life: Life,
    /// The last task that works at it.
    task: Option<TaskId>,
    machines: u64,
}

async fn hold(write: &mut Write, username: &Username) -> Result<Option<Held>, StoreError> {
    const ATTEMPT: &str = "hold a workspace";
    let row = sqlx::query(
        "UPDATE workspaces SET state = state WHERE username = $1
         RETURNING signup, state, task,
             (SELECT COUNT(*) FROM sprites WHERE sprites.username = workspaces.username)
                 AS machines",
    )
    .bind(username.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    let held = |row: &AnyRow| {
        Ok(Held {
            signup: valid(row, "signup", SignUpId::parse)?,
            life: valid(row, "state", Life::parse)?,
            task: optional_id(row, "task")?,
            machines: row.number("machines")?,
        })
    };
    row.as_ref().map(held).transpose().attempt(ATTEMPT)
}

/// The task of a workspace: the one it has, tried again where it ended without success;
/// or another one.
async fn give(
    write: &mut Write,
    username: &Username,
    held: &Held,
    now: Moment,
) -> Result<TaskId, StoreError> {
    let wanted = if held.life.is_over() { Kind::Recycle } else { Kind::Provision };
    if let Some(id) = &held.task
        && let Some(task) = tasks::find(write, id).await?
        && task.kind == wanted
    {
        match task.state {
            TaskState::Waiting | TaskState::Running => return Ok(task.id),
            TaskState::Dead | TaskState::Cancelled => {
                tasks::revive(write, id, now).await?;
                return Ok(task.id);
            }
            TaskState::Done => {}
        }
    }
    // Two who decide this at once name the same cause.
    let cause = format!("{}/{}", held.signup, now.seconds());
    let task = if held.life.is_over() {
        let payload = RecycleWorkspace { signup: held.signup.clone() };
        NewTask::new(format!("recycle/{cause}"), Some(*username), &payload)
    } else {
        let payload = ProvisionWorkspace { signup: held.signup.clone() };
        NewTask::new(format!("prov/{cause}"), Some(*username), &payload)
    };
    let id = tasks::enqueue(write, &task, now).await?;
    sqlx::query("UPDATE workspaces SET task = $2 WHERE username = $1")
        .bind(username.as_str())
        .bind(id.as_str())
        .execute(&mut **write)
        .await
        .attempt("give a workspace a task")?;
    write.announce(Channel::TasksChanged).await?;
    Ok(id)
}

fn unsettled(row: &AnyRow) -> Result<Unsettled, sqlx::Error> {
    let life = valid(row, "state", Life::parse)?;
    let task = match optional_id(row, "task_id")? {
        None => None,
        Some(id) => Some(LastTask {
            id,
            state: valid(row, "task_state", TaskState::parse)?,
            error: row.optional_text("last_error")?,
        }),
    };
    // Paid when it was made; ended when it last changed.
    let since = if life.is_over() { "changed_at" } else { "created_at" };
    Ok(Unsettled {
        username: valid(row, "username", Username::parse)?,
        signup: row.text("signup")?,
        life,
        since: row.moment(since)?,
        has_live_task: row.number("live_tasks")? > 0,
        task,
    })
}

fn optional_id(row: &AnyRow, column: &str) -> Result<Option<TaskId>, sqlx::Error> {
    match row.optional_text(column)? {
        None => Ok(None),
        Some(_) => valid(row, column, TaskId::parse).map(Some),
    }
}
