//! Proofs of life: which sprites were last seen to work, and when.

use sqlx::AssertSqlSafe;

use super::journal::note;
use super::pool;
use super::sprites::{self, COLUMNS};
use crate::base::clock::Moment;
use crate::model::pool::{PoolSprite, SpriteState};
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::{Store, StoreError, Topic};
use vendors::sprites::SpriteName;

/// What a look at a sprite found.
#[derive(Debug, Clone, Copy)]
pub struct Examined<'a> {
    pub from: SpriteState,
    pub to: SpriteState,
    pub why: Option<&'a str>,
    /// Whether it was away while others answered.
    pub is_setback: bool,
}

impl Store {
    /// Up to `limit` sprites that are available and were not proved since `before`, in the
    /// order in which they are handed out.
    pub async fn unproved_sprites(
        &self,
        before: Moment,
        limit: u32,
    ) -> Result<Vec<PoolSprite>, StoreError> {
        const ATTEMPT: &str = "list sprites to be proved";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM sprites WHERE state = $1 AND COALESCE(proved_at, 0) <= $2
             ORDER BY COALESCE(proved_at, 0) DESC, created_at, name LIMIT $3"
        )))
        .bind(SpriteState::Available.as_str())
        .bind(millis(before))
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(sprites::parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Notes what a look at a sprite found, unless somebody else moved it meanwhile. One that
    /// is available was proved now.
    pub async fn examined_sprite(
        &self,
        name: &SpriteName,
        found: &Examined<'_>,
        now: Moment,
    ) -> Result<(), StoreError> {
        let Examined { from, to, why, is_setback } = *found;
        let mut write = self.begin().await?;
        let is_proved = to == SpriteState::Available;
        let examined = sqlx::query(
            "UPDATE sprites SET state = $3, last_error = $4,
                 proved_at = CASE $5 WHEN 1 THEN $6 ELSE proved_at END,
                 setbacks = setbacks + $7,
                 changed_at = CASE WHEN state = $3 THEN changed_at ELSE $6 END
             WHERE name = $1 AND state = $2",
        )
        .bind(name.as_str())
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(why)
        .bind(i64::from(is_proved))
        .bind(millis(now))
        .bind(i64::from(is_setback))
        .execute(&mut *write)
        .await
        .attempt("note what a look at a sprite found")?;
        if from != to && examined.rows_affected() > 0 {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            let act = format!("{} → {}{why}", from.as_str(), to.as_str());
            note(&mut write, "pool", name, None, &act, now).await?;
        }
        if is_proved && from != to && examined.rows_affected() > 0 {
            pool::give_turn(&mut write, now).await?;
            write.announce(Topic::TasksDue).await?;
        }
        write.commit().await
    }

    /// The newest proof of life of any sprite.
    pub async fn newest_proof(&self) -> Result<Option<Moment>, StoreError> {
        const ATTEMPT: &str = "read the newest proof of life";
        let row = sqlx::query("SELECT MAX(proved_at) AS proved_at FROM sprites")
            .fetch_one(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.optional_moment("proved_at").attempt(ATTEMPT)
    }
}
