//! Which bases were tried, and which workspaces were brought to them.
//!
//! What is begun is decided under the lock of the pool's row: two processes never
//! begin the same.

mod bases;
mod updates;

use crate::base::clock::Moment;
use crate::model::fleet::{Fleet, Next, Trial, UpdateState};
use crate::model::task::NewTask;
use crate::model::task::kinds::TryBase;
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::machines::pool;
use crate::store::tasks::enqueue;
use crate::store::{Store, StoreError, Write};

impl Store {
    pub async fn count_fleet(&self, base: &str) -> Result<Fleet, StoreError> {
        let mut connection = self.read().await?;
        updates::count(&mut connection, base).await
    }

    /// Since when nothing new is begun, if so.
    pub async fn fleet_paused(&self) -> Result<Option<Moment>, StoreError> {
        const ATTEMPT: &str = "read whether the fleet is paused";
        let row = sqlx::query("SELECT fleet_paused_at FROM pool WHERE id = 1")
            .fetch_one(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.optional_moment("fleet_paused_at").attempt(ATTEMPT)
    }

    /// `None` lets it go on. Says whether it was paused before.
    pub async fn pause_fleet(&self, since: Option<Moment>) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        pool::lock(&mut write).await?;
        let was = paused(&mut write).await?;
        sqlx::query("UPDATE pool SET fleet_paused_at = $1 WHERE id = 1")
            .bind(since.map(millis))
            .execute(&mut *write)
            .await
            .attempt("pause the fleet")?;
        write.commit().await?;
        Ok(was)
    }

    /// Begins what `decide` says, if anything, and says what it was.
    pub async fn advance_fleet(
        &self,
        wanted: (&str, &str),
        decide: impl FnOnce(Option<Trial>, Fleet, bool, bool) -> Next,
        now: Moment,
    ) -> Result<Next, StoreError> {
        let (base, version) = wanted;
        let mut write = self.begin().await?;
        pool::lock(&mut write).await?;
        let (trial, is_first) = bases::trial_of(&mut write, base).await?;
        let fleet = updates::count(&mut write, base).await?;
        let is_paused = paused(&mut write).await?;
        let next = decide(trial, fleet, is_paused, is_first);
        match next {
            Next::Nothing => return Ok(next),
            Next::Accept => bases::insert(&mut write, wanted, Trial::Accepted, now).await?,
            Next::Try => {
                updates::forget_others(&mut write, base).await?;
                bases::insert(&mut write, wanted, Trial::Trying, now).await?;
                let cause = format!("trial/{base}/{version}/{}", now.millis());
                let new = NewTask::new(cause, None, &TryBase { base: base.to_owned() });
                enqueue(&mut write, &new, now).await?;
            }
            Next::Update(more) => updates::begin(&mut write, base, more, now).await?,
            Next::Refuse => {
                let why = "too many workspaces went back from it";
                bases::judge(&mut write, base, Some(why), now).await?;
            }
        }
        write.commit().await?;
        Ok(next)
    }

    /// Lets a base that was refused be tried again. `false` when it was not refused.
    pub async fn retry_base(&self, base: &str) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let removed = sqlx::query("DELETE FROM fleet_bases WHERE base = $1 AND state = $2")
            .bind(base)
            .bind(Trial::Refused.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget that a base was refused")?;
        sqlx::query("DELETE FROM fleet_updates WHERE base = $1 AND state = $2")
            .bind(base)
            .bind(UpdateState::WentBack.as_str())
            .execute(&mut *write)
            .await
            .attempt("forget who went back from a base")?;
        write.commit().await?;
        Ok(removed.rows_affected() > 0)
    }
}

async fn paused(write: &mut Write) -> Result<bool, StoreError> {
    const ATTEMPT: &str = "read whether the fleet is paused";
    let row = sqlx::query("SELECT fleet_paused_at FROM pool WHERE id = 1")
        .fetch_one(&mut **write)
        .await
        .attempt(ATTEMPT)?;
    Ok(row.optional_moment("fleet_paused_at").attempt(ATTEMPT)?.is_some())
}
