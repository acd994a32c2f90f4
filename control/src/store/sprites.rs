//! Our sprites: what there is, and the ways from one state to the next.
//!
//! A row is there before the provider is asked for the VM, and until it is gone for
//! certain. Claims are in `sprite_claims`, what is true of all in `pool`.

use shared::{Upstream, Username};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::error::Attempt as _;
use super::leases::guard;
use super::routes::valid;
use super::{Channel, Columns as _, LeaseError, Store, StoreError, millis, pool};
use crate::base::clock::Moment;
use crate::model::pool::{Counts, PoolSprite, SpriteState};
use crate::model::task::{Lease, TaskId};
use vendors::sprites::{CheckpointId, SpriteName};

/// What a preparation has made of its sprite.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub name: SpriteName,
    pub upstream: Upstream,
    pub checkpoint: CheckpointId,
}

impl Store {
    /// # Errors
    /// When the database does not answer.
    pub async fn sprite(&self, name: &SpriteName) -> Result<Option<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "read a sprite";
        let row = sqlx::query("SELECT * FROM sprites WHERE name = $1")
            .bind(name.as_str())
            .fetch_optional(&self.pool)
            .await
            .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Up to `limit` sprites whose names come after `after`, in the order of names.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sprites(&self, after: &str, limit: u32) -> Result<Vec<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "list sprites";
        let rows = sqlx::query("SELECT * FROM sprites WHERE name > $1 ORDER BY name LIMIT $2")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Up to `limit` of those in `state`, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sprites_in(
        &self,
        state: SpriteState,
        limit: u32,
    ) -> Result<Vec<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "list sprites of a state";
        let rows = sqlx::query(
            "SELECT * FROM sprites WHERE state = $1 ORDER BY created_at, name LIMIT $2",
        )
        .bind(state.as_str())
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn count_sprites(&self) -> Result<Counts, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("count sprites")?;
        count(&mut connection).await
    }

    /// The sprite of a workspace, also while it is being recycled.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sprite_of(&self, username: &Username) -> Result<Option<PoolSprite>, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("read a workspace's sprite")?;
        find_of(&mut connection, username).await
    }

    /// Marks the workspace's sprite as one that is being destroyed, and says which it is.
    ///
    /// Called again, says the same. `None` when the workspace has none (any more).
    ///
    /// # Errors
    /// When the lease is lost, or the database does not answer.
    pub async fn recycle_sprite(
        &self,
        lease: &Lease,
        username: &Username,
        now: Moment,
    ) -> Result<Option<SpriteName>, LeaseError> {
        let mut write = self.write().await?;
        guard(&mut write, lease).await?;
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
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_sprite(&self, name: &SpriteName) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query("DELETE FROM sprites WHERE name = $1 AND state IN ($2, $3)")
            .bind(name.as_str())
            .bind(SpriteState::Recycling.as_str())
            .bind(SpriteState::Failed.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget a sprite")?;
        write.commit().await
    }

    /// Takes a sprite out of the pool that turned out to be of no use.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn retire_sprite(
        &self,
        name: &SpriteName,
        why: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
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
        write.commit().await
    }
}

impl Store {
    /// Up to `limit` sprites that are available and were not proved since `before`, in the
    /// order in which they are handed out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unproved_sprites(
        &self,
        before: Moment,
        limit: u32,
    ) -> Result<Vec<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "list sprites to be proved";
        let rows = sqlx::query(
            "SELECT * FROM sprites WHERE state = $1 AND COALESCE(proved_at, 0) <= $2
             ORDER BY COALESCE(proved_at, 0) DESC, created_at, name LIMIT $3",
        )
        .bind(SpriteState::Available.as_str())
        .bind(millis(before))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Notes what a look at a sprite found: from `from` it goes to `to`, unless somebody
    /// else moved it meanwhile. One that is available was proved now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn examined_sprite(
        &self,
        name: &SpriteName,
        from: SpriteState,
        to: SpriteState,
        why: Option<&str>,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let is_proved = to == SpriteState::Available;
        let examined = sqlx::query(
            "UPDATE sprites SET state = $3, last_error = $4,
                 proved_at = CASE $5 WHEN 1 THEN $6 ELSE proved_at END,
                 changed_at = CASE WHEN state = $3 THEN changed_at ELSE $6 END
             WHERE name = $1 AND state = $2",
        )
        .bind(name.as_str())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(why)
        .bind(i64::from(is_proved))
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("note what a look at a sprite found")?;
        if is_proved && from != to && examined.rows_affected() > 0 {
            pool::give_turn(&mut write, now).await?;
            write.announce(Channel::TasksDue).await?;
        }
        write.commit().await
    }

    /// The newest proof of life of any sprite.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn newest_proof(&self) -> Result<Option<Moment>, StoreError> {
        const ATTEMPT: &str = "read the newest proof of life";
        let row = sqlx::query("SELECT MAX(proved_at) AS proved_at FROM sprites")
            .fetch_one(&self.pool)
            .await
            .attempt(ATTEMPT)?;
        row.optional_moment("proved_at").attempt(ATTEMPT)
    }
}

pub(super) async fn count(connection: &mut AnyConnection) -> Result<Counts, StoreError> {
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

pub(super) async fn find_of(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<Option<PoolSprite>, StoreError> {
    const ATTEMPT: &str = "read a workspace's sprite";
    let row = sqlx::query("SELECT * FROM sprites WHERE username = $1")
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
        upstream: maybe(row, "upstream", Upstream::parse)?,
        base: row.text("base")?,
        checkpoint: maybe(row, "checkpoint", |text| {
            CheckpointId::parse(text).ok_or("not the id of a checkpoint")
        })?,
        username: maybe(row, "username", Username::parse)?,
        assignment: row.number("assignment")?,
        task: maybe(row, "task", TaskId::parse)?,
        proved: row.optional_moment("proved_at")?,
        last_error: row.try_get("last_error")?,
        created: row.moment("created_at")?,
        changed: row.moment("changed_at")?,
    })
}

/// As [`valid`], for a column that may be empty.
fn maybe<T, E: std::fmt::Display>(
    row: &AnyRow,
    column: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, sqlx::Error> {
    let text: Option<String> = row.try_get(column)?;
    if text.is_none() { Ok(None) } else { valid(row, column, parse).map(Some) }
}
