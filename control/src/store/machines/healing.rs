//! What Pflaster found and did, round by round.

use shared::Username;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::healing::{CheckName, Entry, Phase, Round, StoredEntry};
use crate::model::task::{Task, TaskId};
use crate::store::connection::{Attempt as _, Columns as _, bigint, millis, shortened, valid};
use crate::store::messages::tickets;
use crate::store::{Store, StoreError, tasks};

impl Store {
    /// Keeps a round of checks, and takes off the patches of `well`, whose checks are well
    /// again. Also the proof that the database takes writes.
    pub async fn note_healing(
        &self,
        task: &TaskId,
        phase: Phase,
        entries: &[Entry],
        well: &[CheckName],
        now: Moment,
    ) -> Result<(), StoreError> {
        const ATTEMPT: &str = "keep a round of checks";
        let drawn = getrandom::u64().expect("the operating system gives random bytes");
        let id = format!("{:013x}{drawn:016x}", now.millis());
        let mut write = self.begin().await?;
        sqlx::query("INSERT INTO pflaster_log (id, task, phase, at) VALUES ($1, $2, $3, $4)")
            .bind(&id)
            .bind(task.as_str())
            .bind(phase.as_str())
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        for (position, entry) in (0_u64..).zip(entries) {
            sqlx::query(
                "INSERT INTO pflaster_entries (log, position, task, check_name, action, detail, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(&id)
            .bind(bigint(position))
            .bind(task.as_str())
            .bind(entry.check.as_str())
            .bind(entry.action.as_str())
            .bind(shortened(&entry.detail))
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        }
        for check in well {
            sqlx::query(
                "UPDATE pflaster_entries SET removed_at = $2
                 WHERE check_name = $1 AND action = 'patch' AND removed_at IS NULL AND at < $2",
            )
            .bind(check.as_str())
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("take a patch off")?;
        }
        write.commit().await
    }

    /// How often something was done for a check since `since`.
    pub async fn count_healings(&self, check: CheckName, since: Moment) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "count what was done for a check";
        let row = sqlx::query(
            "SELECT COUNT(*) AS healings FROM pflaster_entries
             WHERE check_name = $1 AND action IN ('patch', 'fix') AND at > $2",
        )
        .bind(check.as_str())
        .bind(millis(since))
        .fetch_one(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.number("healings").attempt(ATTEMPT)
    }

    /// How often a check was not well around one task.
    pub async fn count_findings(&self, check: CheckName, task: &TaskId) -> Result<u64, StoreError> {
        const ATTEMPT: &str = "count what was found around a task";
        let row = sqlx::query(
            "SELECT COUNT(*) AS findings FROM pflaster_entries WHERE check_name = $1 AND task = $2",
        )
        .bind(check.as_str())
        .bind(task.as_str())
        .fetch_one(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.number("findings").attempt(ATTEMPT)
    }

    /// The last `limit` rounds, the newest first.
    pub async fn healing_rounds(&self, limit: u32) -> Result<Vec<Round>, StoreError> {
        self.rounds("", limit).await
    }

    /// The last `limit` rounds around tasks of one workspace, the newest first.
    pub async fn healing_rounds_of(
        &self,
        username: &Username,
        limit: u32,
    ) -> Result<Vec<Round>, StoreError> {
        self.rounds(username.as_str(), limit).await
    }

    async fn rounds(&self, username: &str, limit: u32) -> Result<Vec<Round>, StoreError> {
        const ATTEMPT: &str = "list rounds of checks";
        let rows = sqlx::query(
            "SELECT id, task, phase, at FROM pflaster_log
             WHERE $2 = '' OR task IN (SELECT id FROM tasks WHERE username = $2)
             ORDER BY at DESC, id DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .bind(username)
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let mut rounds = Vec::with_capacity(rows.len());
        for row in &rows {
            let entries = sqlx::query(
                "SELECT task, check_name, action, detail, at FROM pflaster_entries
                 WHERE log = $1 ORDER BY position",
            )
            .bind(row.text("id").attempt(ATTEMPT)?)
            .fetch_all(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
            let round = Round {
                task: valid(row, "task", TaskId::parse).attempt(ATTEMPT)?,
                phase: valid(row, "phase", Phase::parse).attempt(ATTEMPT)?,
                at: row.moment("at").attempt(ATTEMPT)?,
                entries: entries.iter().map(entry).collect::<Result<_, _>>().attempt(ATTEMPT)?,
            };
            rounds.push(round);
        }
        Ok(rounds)
    }

    /// Patches that still stand, the newest first.
    pub async fn standing_patches(&self, limit: u32) -> Result<Vec<StoredEntry>, StoreError> {
        const ATTEMPT: &str = "list patches";
        let rows = sqlx::query(
            "SELECT task, check_name, action, detail, at FROM pflaster_entries
             WHERE action = 'patch' AND removed_at IS NULL ORDER BY at DESC, log DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(entry).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Tasks but `own` whose worker has had them since before `before`.
    pub async fn stale_tasks(&self, own: &TaskId, before: Moment) -> Result<Vec<Task>, StoreError> {
        const ATTEMPT: &str = "list stale tasks";
        let columns = tasks::COLUMNS;
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT {columns} FROM tasks
             WHERE state = 'running' AND changed_at < $1 AND id <> $2 ORDER BY changed_at LIMIT 20"
        )))
        .bind(millis(before))
        .bind(own.as_str())
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("tasks", "id", &rows, tasks::parse))
    }

    /// Gives up a task that its worker has had since `since`: whatever it still writes in
    /// the task's name is refused. `false` when it moved on meanwhile.
    pub async fn give_up_task(
        &self,
        task: &Task,
        why: &str,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let given_up = sqlx::query(
            "UPDATE tasks SET state = 'dead', lease_owner = NULL, lease_until = NULL,
                 last_error = $3, changed_at = $4, finished_at = $4
             WHERE id = $1 AND state = 'running' AND changed_at = $2",
        )
        .bind(task.id.as_str())
        .bind(millis(task.changed))
        .bind(shortened(why))
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("give up a stale task")?;
        if given_up.rows_affected() == 0 {
            return Ok(false);
        }
        let incident = crate::model::incident::Incident::of_dead_task(task, why);
        tickets::open(&mut write, &incident, now).await?;
        write.commit().await?;
        Ok(true)
    }
}

fn entry(row: &AnyRow) -> Result<StoredEntry, sqlx::Error> {
    Ok(StoredEntry {
        task: row.text("task")?,
        check: row.text("check_name")?,
        action: row.text("action")?,
        detail: row.text("detail")?,
        at: row.moment("at")?,
    })
}
