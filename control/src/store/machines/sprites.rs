//! Our sprites: what there is, and the ways from one state to the next.
//!
//! A row is there before the provider is asked for the VM, and until it is gone for
//! certain. Claims are in `sprite_claims`, what is true of all in `pool`.

use shared::{Upstream, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::journal::note;
use crate::base::clock::Moment;
use crate::model::pool::{Counts, PoolSprite, SpriteState};
use crate::model::task::{Lease, TaskId};
use crate::store::connection::{Attempt as _, Columns as _, Connection, millis, valid};
use crate::store::tasks::check_lease;
use crate::store::{LeaseError, Store, StoreError};
use vendors::sprites::{CheckpointId, SpriteName};

/// What every read of a sprite selects.
pub(super) const COLUMNS: &str = "name, state, upstream, base, checkpoint, username, assignment, \
     task, proved_at, last_error, setbacks, created_at, changed_at";

/// What a preparation has made of its sprite.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub name: SpriteName,
    pub upstream: Upstream,
    pub checkpoint: CheckpointId,
}

impl Store {
    pub async fn sprite(&self, name: &SpriteName) -> Result<Option<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "read a sprite";
        let row =
            sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM sprites WHERE name = $1")))
                .bind(name.as_str())
                .fetch_optional(&mut self.read().await?)
                .await
                .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Up to `limit` sprites whose names come after `after`, in the order of names.
    pub async fn sprites(&self, after: &str, limit: u32) -> Result<Vec<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "list sprites";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM sprites WHERE name > $1 ORDER BY name LIMIT $2"
        )))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Up to `limit` of those in `state`, the oldest first.
    pub async fn sprites_in(
        &self,
        state: SpriteState,
        limit: u32,
    ) -> Result<Vec<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "list sprites of a state";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM sprites WHERE state = $1 ORDER BY created_at, name LIMIT $2"
        )))
        .bind(state.as_str())
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    pub async fn count_sprites(&self) -> Result<Counts, StoreError> {
        let mut connection = self.read().await?;
        count(&mut connection).await
    }

    /// The sprite of a workspace, also while it is being recycled.
    pub async fn sprite_of(&self, username: &Username) -> Result<Option<PoolSprite>, StoreError> {
        let mut connection = self.read().await?;
        find_of(&mut connection, username).await
    }

    /// Marks the workspace's sprite as one that is being destroyed, and says which it is.
    ///
    /// Called again, says the same. `None` when the workspace has none (any more).
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn recycle_sprite(
        &self,
        lease: &Lease,
        username: &Username,
        now: Moment,
    ) -> Result<Option<SpriteName>, LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        let before = find_of(&mut write, username).await?;
        if let Some(before) = before.filter(|it| it.state != SpriteState::Recycling) {
            let act = format!("{} → recycling", before.state.as_str());
            let by = lease.task.as_str();
            note(&mut write, by, &before.name, Some(username), &act, now).await?;
        }
        sqlx::query(
            "UPDATE sprites SET state = $2, task = $3, changed_at = $4 WHERE username = $1",
        )
        .bind(username.as_str())
        .bind(SpriteState::Recycling.as_str())
        .bind(lease.task.as_str())
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("mark a sprite for recycling")?;
        let sprite = find_of(&mut write, username).await?;
        write.commit().await?;
        Ok(sprite.map(|sprite| sprite.name))
    }

    /// Forgets a sprite that is gone for certain, and is nobody's that is served.
    pub async fn forget_sprite(&self, name: &SpriteName, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let forgotten = sqlx::query("DELETE FROM sprites WHERE name = $1 AND state IN ($2, $3)")
            .bind(name.as_str())
            .bind(SpriteState::Recycling.as_str())
            .bind(SpriteState::Failed.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget a sprite")?;
        if forgotten.rows_affected() > 0 {
            note(&mut write, "pool", name, None, "destroyed, and gone for certain", now).await?;
        }
        write.commit().await
    }

    /// Takes a sprite out of the pool that turned out to be of no use.
    pub async fn retire_sprite(
        &self,
        name: &SpriteName,
        why: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        let retired = sqlx::query(
            "UPDATE sprites SET state = $2, last_error = $3, changed_at = $4
             WHERE name = $1 AND state = $5",
        )
        .bind(name.as_str())
        .bind(SpriteState::Failed.as_str())
        .bind(why)
        .bind(millis(now))
        .bind(SpriteState::Available.as_str())
        .execute(&mut *write)
        .await
        .attempt("retire a sprite")?;
        if retired.rows_affected() > 0 {
            let act = format!("available → failed: {why}");
            note(&mut write, "pool", name, None, &act, now).await?;
        }
        write.commit().await
    }
}

pub(super) async fn count(connection: &mut Connection) -> Result<Counts, StoreError> {
    const ATTEMPT: &str = "count sprites";
    let rows = sqlx::query("SELECT state, COUNT(*) AS sprites FROM sprites GROUP BY state")
        .fetch_all(connection)
        .await
        .attempt(ATTEMPT)?;
    let mut counts = Counts::default();
    for row in rows {
        let state = valid(&row, "state", SpriteState::parse).attempt(ATTEMPT)?;
        counts.set(state, row.number("sprites").attempt(ATTEMPT)?);
    }
    Ok(counts)
}

/// What a task has taken out of the pool for itself.
pub(super) async fn find_of_task(
    connection: &mut Connection,
    task: &TaskId,
) -> Result<Option<PoolSprite>, StoreError> {
    const ATTEMPT: &str = "read a task's sprite";
    let text = format!("SELECT {COLUMNS} FROM sprites WHERE task = $1 AND state = $2");
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(task.as_str())
        .bind(SpriteState::Recycling.as_str())
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

pub(super) async fn find_of(
    connection: &mut Connection,
    username: &Username,
) -> Result<Option<PoolSprite>, StoreError> {
    const ATTEMPT: &str = "read a workspace's sprite";
    let row =
        sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM sprites WHERE username = $1")))
            .bind(username.as_str())
            .fetch_optional(connection)
            .await
            .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

pub(super) fn parse(row: &AnyRow) -> Result<PoolSprite, sqlx::Error> {
    Ok(PoolSprite {
        name: valid(row, "name", |text| SpriteName::parse(text))?,
        state: valid(row, "state", SpriteState::parse)?,
        upstream: row.optional("upstream", Upstream::parse)?,
        base: row.text("base")?,
        checkpoint: row.optional("checkpoint", |text| {
            CheckpointId::parse(text).ok_or("not the id of a checkpoint")
        })?,
        username: row.optional("username", Username::parse)?,
        assignment: row.number("assignment")?,
        task: row.optional("task", TaskId::parse)?,
        proved: row.optional_moment("proved_at")?,
        last_error: row.optional_text("last_error")?,
        setbacks: row.number("setbacks")?,
        created: row.moment("created_at")?,
        changed: row.moment("changed_at")?,
    })
}
