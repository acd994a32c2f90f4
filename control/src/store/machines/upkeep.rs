//! Workspaces that are not at rest, and the tasks that they are given.

use shared::Username;
use sqlx::any::AnyRow;

use super::journal::note;
use super::sprites;
use crate::base::clock::Moment;
use crate::model::pool::SpriteState;
use crate::model::sign_up::SignUpId;
use crate::model::task::kinds::{ProvisionWorkspace, RecycleWorkspace};
use crate::model::task::{Kind, NewTask, TaskId, TaskState};
use crate::model::workspace::WorkspaceState;
use crate::model::workspace::upkeep::{LastTask, Unsettled};
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Store, StoreError, Topic, Write, tasks};
use vendors::sprites::SpriteName;

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
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("workspaces", "username", &rows, unsettled))
    }

    /// Has a workspace prepared or taken down, as it needs: by the task that works at it,
    /// or by one of its own.
    pub async fn give_task(&self, username: &Username, now: Moment) -> Result<Given, StoreError> {
        let mut write = self.begin().await?;
        let Some(row) = lock(&mut write, username).await? else { return Ok(Given::NoWorkspace) };
        let is_served = row.machines > 0
            && matches!(row.state, WorkspaceState::Live | WorkspaceState::Suspended);
        if is_served || row.state == WorkspaceState::Ended {
            return Ok(Given::AtRest);
        }
        let task = give(&mut write, username, &row, now).await?;
        write.commit().await?;
        Ok(Given::Task(task))
    }

    /// Takes the machine away from a workspace, for the pool to destroy, and has it given
    /// another one. What was in the machine is lost.
    pub async fn replace_machine(
        &self,
        username: &Username,
        why: &str,
        now: Moment,
    ) -> Result<Given, StoreError> {
        let mut write = self.begin().await?;
        let why = format!("replaced by hand: {why}");
        let given = replace_machine(&mut write, username, None, &why, now).await?;
        write.commit().await?;
        Ok(given)
    }
}

/// Takes the machine away from a workspace and has it given another one. Where `machine` is
/// named and is not the one that it has, nothing is changed.
///
/// # Errors
/// [`StoreError`]
pub async fn replace_machine(
    write: &mut Write,
    username: &Username,
    machine: Option<&SpriteName>,
    why: &str,
    now: Moment,
) -> Result<Given, StoreError> {
    let Some(row) = lock(write, username).await? else { return Ok(Given::NoWorkspace) };
    if row.state.is_over() {
        return Ok(Given::AtRest);
    }
    let before = sprites::find_of(write, username).await?;
    let before = before.filter(|it| it.state == SpriteState::Assigned);
    if machine.is_some() && machine != before.as_ref().map(|it| &it.name) {
        return Ok(Given::AtRest);
    }
    if let Some(before) = before {
        sqlx::query(
            "UPDATE sprites SET state = $2, username = NULL, last_error = $3, changed_at = $4
             WHERE name = $1",
        )
        .bind(before.name.as_str())
        .bind(SpriteState::Failed.as_str())
        .bind(why)
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("take a machine away from a workspace")?;
        let act = format!("assigned → failed: {why}");
        note(write, "pool", &before.name, Some(username), &act, now).await?;
    }
    // Steps that are done are of the machine that it had.
    if let Some(task) = &row.task {
        tasks::cancel(write, task, Some("its machine is replaced"), now).await?;
    }
    let task = give(write, username, &LockedWorkspace { task: None, ..row }, now).await?;
    Ok(Given::Task(task))
}

/// A workspace whose row is workspace.
struct LockedWorkspace {
    signup: SignUpId,
    state: WorkspaceState,
    /// The last task that works at it.
    task: Option<TaskId>,
    machines: u64,
}

async fn lock(
    write: &mut Write,
    username: &Username,
) -> Result<Option<LockedWorkspace>, StoreError> {
    const ATTEMPT: &str = "lock a workspace";
    // The task before the workspace, as its worker locks them.
    sqlx::query(
        "UPDATE tasks SET lease_token = lease_token WHERE id IN
             (SELECT task FROM workspaces WHERE username = $1)",
    )
    .bind(username.as_str())
    .execute(&mut **write)
    .await
    .attempt(ATTEMPT)?;
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
    let locked = |row: &AnyRow| {
        Ok(LockedWorkspace {
            signup: valid(row, "signup", SignUpId::parse)?,
            state: valid(row, "state", WorkspaceState::parse)?,
            task: row.optional("task", TaskId::parse)?,
            machines: row.number("machines")?,
        })
    };
    row.as_ref().map(locked).transpose().attempt(ATTEMPT)
}

/// The task of a workspace: the one it has, tried again where it ended without success;
/// or another one.
async fn give(
    write: &mut Write,
    username: &Username,
    workspace: &LockedWorkspace,
    now: Moment,
) -> Result<TaskId, StoreError> {
    let wanted = if workspace.state.is_over() { Kind::Recycle } else { Kind::Provision };
    if let Some(id) = &workspace.task
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
    let cause = format!("{}/{}", workspace.signup, now.seconds());
    let task = if workspace.state.is_over() {
        let payload = RecycleWorkspace { signup: workspace.signup.clone() };
        NewTask::new(format!("recycle/{cause}"), Some(*username), &payload)
    } else {
        let payload = ProvisionWorkspace { signup: workspace.signup.clone() };
        NewTask::new(format!("prov/{cause}"), Some(*username), &payload)
    };
    let id = tasks::enqueue(write, &task, now).await?;
    sqlx::query("UPDATE workspaces SET task = $2 WHERE username = $1")
        .bind(username.as_str())
        .bind(id.as_str())
        .execute(&mut **write)
        .await
        .attempt("give a workspace a task")?;
    write.announce(Topic::TasksChanged).await?;
    Ok(id)
}

fn unsettled(row: &AnyRow) -> Result<Unsettled, sqlx::Error> {
    let state = valid(row, "state", WorkspaceState::parse)?;
    let task = match row.optional("task_id", TaskId::parse)? {
        None => None,
        Some(id) => Some(LastTask {
            id,
            state: valid(row, "task_state", TaskState::parse)?,
            error: row.optional_text("last_error")?,
        }),
    };
    // Paid when it was made; ended when it last changed.
    let since = if state.is_over() { "changed_at" } else { "created_at" };
    Ok(Unsettled {
        username: valid(row, "username", Username::parse)?,
        signup: row.text("signup")?,
        state,
        since: row.moment(since)?,
        has_live_task: row.number("live_tasks")? > 0,
        task,
    })
}
