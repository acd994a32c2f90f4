//! What is true of the pool as a whole, and the beginning and end of preparations.
//!
//! One row stands for the pool. Who changes how many sprites are being prepared
//! locks it first: two processes never begin the same ones.

use sqlx::any::AnyRow;

use super::journal::note;
use super::sprites::{self, Prepared};
use crate::base::clock::Moment;
use crate::model::pool::{Counts, Labels, Pause, SpriteState, Standing};
use crate::model::task::kinds::PrepareSprite;
use crate::model::task::{Kind, Lease, NewTask, TaskId, TaskState};
use crate::store::connection::{Attempt as _, Columns as _, bigint, millis};
use crate::store::tasks::{check_lease, enqueue};
use crate::store::{Actor, LeaseError, Store, StoreError, Topic, Write, journal};
use vendors::sprites::SpriteName;

/// What became of preparations that ended without a sprite.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    pub failed: u64,
    /// Why it is paused from now on, if it is because of them.
    pub paused: Option<String>,
}

impl Store {
    /// Eight hexadecimal digits that were drawn for this database; `drawn` the first time.
    pub async fn installation(&self, drawn: &str) -> Result<String, StoreError> {
        const ATTEMPT: &str = "read the installation's mark";
        let mut write = self.begin().await?;
        let row = sqlx::query(
            "UPDATE pool SET installation = CASE installation WHEN '' THEN $1 ELSE installation END
             WHERE id = 1 RETURNING installation",
        )
        .bind(drawn)
        .fetch_one(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        write.commit().await?;
        row.text("installation").attempt(ATTEMPT)
    }

    pub async fn pool_standing(&self) -> Result<Standing, StoreError> {
        const ATTEMPT: &str = "read how the pool stands";
        let row = sqlx::query("SELECT failures, paused_at, paused_why FROM pool WHERE id = 1")
            .fetch_one(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        standing(&row).attempt(ATTEMPT)
    }

    /// Begins as many preparations as `decide` says: for each a row and a task.
    pub async fn begin_preparations(
        &self,
        decide: impl FnOnce(Counts, &Standing) -> u64,
        labels: &Labels,
        base: &str,
        now: Moment,
    ) -> Result<Vec<TaskId>, StoreError> {
        let mut write = self.begin().await?;
        let standing = lock(&mut write).await?;
        let counts = sprites::count(&mut write).await?;
        let mut begun = Vec::new();
        for _ in 0..decide(counts, &standing) {
            begun.push(begin(&mut write, labels, base, now).await?);
        }
        write.commit().await?;
        Ok(begun)
    }

    /// Puts a prepared sprite into the pool, and gives whoever waits longest the turn.
    ///
    /// Called again, does nothing.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn offer_sprite(
        &self,
        lease: &Lease,
        prepared: &Prepared,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        lock(&mut write).await?;
        check_lease(&mut write, lease).await?;
        let offered = sqlx::query(
            "UPDATE sprites SET state = $2, upstream = $3, checkpoint = $4, changed_at = $5,
                 proved_at = $5
             WHERE name = $1 AND state = $6 AND task = $7",
        )
        .bind(prepared.name.as_str())
        .bind(SpriteState::Available.as_str())
        .bind(prepared.upstream.as_str())
        .bind(prepared.checkpoint.as_str())
        .bind(millis(now))
        .bind(SpriteState::Preparing.as_str())
        .bind(lease.task.as_str())
        .execute(&mut *write)
        .await
        .attempt("offer a sprite")?;
        if offered.rows_affected() > 0 {
            set_failures(&mut write, 0).await?;
            let by = lease.task.as_str();
            note(&mut write, by, &prepared.name, None, "preparing → available", now).await?;
            give_turn(&mut write, now).await?;
            write.announce(Topic::TasksDue).await?;
        }
        Ok(write.commit().await?)
    }

    /// Puts a sprite that was wiped back into the pool, and gives whoever waits longest the
    /// turn. Its number stays: the next assignment has another one, and other keys.
    ///
    /// Called again, does nothing, whoever has it by then.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn release_sprite(
        &self,
        lease: &Lease,
        name: &SpriteName,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let mut write = self.begin().await?;
        lock(&mut write).await?;
        check_lease(&mut write, lease).await?;
        let released = sqlx::query(
            "UPDATE sprites SET state = $2, username = NULL, task = NULL, last_error = NULL,
                 setbacks = 0, proved_at = NULL, changed_at = $3
             WHERE name = $1 AND state = $4 AND task = $5",
        )
        .bind(name.as_str())
        .bind(SpriteState::Available.as_str())
        .bind(millis(now))
        .bind(SpriteState::Recycling.as_str())
        .bind(lease.task.as_str())
        .execute(&mut *write)
        .await
        .attempt("release a sprite")?;
        if released.rows_affected() > 0 {
            let act = "recycling → available: wiped, and searched";
            note(&mut write, lease.task.as_str(), name, None, act, now).await?;
            give_turn(&mut write, now).await?;
            write.announce(Topic::TasksDue).await?;
        }
        Ok(write.commit().await?)
    }

    /// Lets the keeper prepare sprites again. `false` when it was not paused.
    pub async fn resume_pool(&self) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let standing = lock(&mut write).await?;
        sqlx::query(
            "UPDATE pool SET failures = 0, paused_at = NULL, paused_why = NULL WHERE id = 1",
        )
        .execute(&mut *write)
        .await
        .attempt("resume the pool")?;
        write.commit().await?;
        Ok(standing.pause.is_some())
    }
}

/// Gives up the sprites of preparations that are over without having offered one.
///
/// After `failure_limit` of them in a row the pool is paused.
pub async fn settle_preparations(
    write: &mut Write,
    failure_limit: u64,
    now: Moment,
) -> Result<Settled, StoreError> {
    let standing = lock(write).await?;
    let failed = sqlx::query(
        "UPDATE sprites SET state = $1, changed_at = $2,
             last_error = (SELECT last_error FROM tasks WHERE tasks.id = sprites.task)
         WHERE state = $3 AND NOT EXISTS (
             SELECT 1 FROM tasks WHERE tasks.id = sprites.task AND tasks.state IN ($4, $5))",
    )
    .bind(SpriteState::Failed.as_str())
    .bind(millis(now))
    .bind(SpriteState::Preparing.as_str())
    .bind(TaskState::Waiting.as_str())
    .bind(TaskState::Running.as_str())
    .execute(&mut **write)
    .await
    .attempt("give up the sprites of failed preparations")?
    .rows_affected();
    if failed == 0 {
        return Ok(Settled::default());
    }
    let act = format!("{failed} preparations failed");
    journal::note(write, Actor::System("pool"), ("pool", None), &act, now).await?;
    let failures = standing.failures + failed;
    set_failures(write, failures).await?;
    if standing.pause.is_some() || failures < failure_limit {
        return Ok(Settled { failed, paused: None });
    }
    let why = format!("{failures} preparations in a row have failed");
    pause(write, &why, now).await?;
    let act = format!("paused: {why}");
    journal::note(write, Actor::System("pool"), ("pool", None), &act, now).await?;
    Ok(Settled { failed, paused: Some(why) })
}

/// Writes although nothing changes yet: on PostgreSQL others who would wait here.
pub(super) async fn lock(write: &mut Write) -> Result<Standing, StoreError> {
    const ATTEMPT: &str = "lock the pool";
    let row = sqlx::query(
        "UPDATE pool SET failures = failures WHERE id = 1
         RETURNING failures, paused_at, paused_why",
    )
    .fetch_one(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    standing(&row).attempt(ATTEMPT)
}

async fn begin(
    write: &mut Write,
    labels: &Labels,
    base: &str,
    now: Moment,
) -> Result<TaskId, StoreError> {
    let cause = getrandom::u64().expect("the operating system gives random bytes");
    let new = NewTask::new(format!("prepare/{cause:016x}"), None, &PrepareSprite {});
    let task = enqueue(write, &new, now).await?;
    let name = labels.name(&task).expect("the prefix was checked when it was read");
    sqlx::query(
        "INSERT INTO sprites (name, state, base, assignment, task, created_at, changed_at)
         VALUES ($1, $2, $3, 0, $4, $5, $5)",
    )
    .bind(name.as_str())
    .bind(SpriteState::Preparing.as_str())
    .bind(base)
    .bind(task.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("begin to prepare a sprite")?;
    note(write, "pool", &name, None, "it is being prepared", now).await?;
    Ok(task)
}

/// The longest waiting of those who need a sprite need not wait out their pause.
pub(super) async fn give_turn(write: &mut Write, now: Moment) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE tasks SET run_at = $1 WHERE run_at > $1 AND id = (
             SELECT id FROM tasks WHERE kind = $2 AND state = $3
                 AND NOT EXISTS (SELECT 1 FROM sprites WHERE sprites.username = tasks.username)
             ORDER BY created_at, id LIMIT 1)",
    )
    .bind(millis(now))
    .bind(Kind::Provision.as_str())
    .bind(TaskState::Waiting.as_str())
    .execute(&mut **write)
    .await
    .attempt("give the turn to who waits for a sprite")?;
    Ok(())
}

async fn set_failures(write: &mut Write, failures: u64) -> Result<(), StoreError> {
    sqlx::query("UPDATE pool SET failures = $1 WHERE id = 1")
        .bind(bigint(failures))
        .execute(&mut **write)
        .await
        .attempt("count failed preparations")?;
    Ok(())
}

async fn pause(write: &mut Write, why: &str, now: Moment) -> Result<(), StoreError> {
    sqlx::query("UPDATE pool SET paused_at = $1, paused_why = $2 WHERE id = 1")
        .bind(millis(now))
        .bind(why)
        .execute(&mut **write)
        .await
        .attempt("pause the pool")?;
    Ok(())
}

fn standing(row: &AnyRow) -> Result<Standing, sqlx::Error> {
    let pause = match row.optional_moment("paused_at")? {
        None => None,
        Some(since) => Some(Pause { since, why: row.text("paused_why")? }),
    };
    Ok(Standing { failures: row.number("failures")?, pause })
}
