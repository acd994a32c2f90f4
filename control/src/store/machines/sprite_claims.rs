//! Who gets which sprite. A claim is durable, and for one task always the same.

use shared::{Generation, RouteState, Username};
use sqlx::AssertSqlSafe;

use super::journal::note;
use super::sprites;
use crate::base::clock::Moment;
use crate::model::pool::{Assigned, Claim, PoolSprite, SpriteState};
use crate::model::route_change::RouteOrder;
use crate::model::task::{Kind, Lease, TaskState};
use crate::store::accounts::{customers, workspace_access};
use crate::store::billing::workspaces;
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::tasks::check_lease;
use crate::store::{Actor, LeaseError, Store, StoreError, Write, journal};
use vendors::sprites::SpriteName;

/// Why and where to a sprite is set aside.
#[derive(Debug, Clone, Copy)]
pub struct SetAside<'a> {
    /// `Failed`, to be destroyed, or `Unreachable`, to be examined.
    pub to: SpriteState,
    pub is_touched: bool,
    pub why: &'a str,
}

impl Store {
    /// Gives `username` a sprite: the one it has, or the one whose last proof of life is
    /// the newest.
    ///
    /// Those prepared with `base` come first; one whose base is under trial, or was refused,
    /// is given to nobody. Tasks that asked earlier and wait are
    /// served before: for each of them one of the available ones is left.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn claim_sprite(
        &self,
        lease: &Lease,
        username: &Username,
        base: &str,
        now: Moment,
    ) -> Result<Claim, LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        if !is_wanted(&mut write, username).await? {
            return Ok(Claim::Unwanted);
        }
        let existing = sprites::find_of(&mut write, username).await?;
        if let Some(assigned) = existing.map(assigned).transpose()? {
            return Ok(Claim::Taken(assigned));
        }
        let counts = sprites::count(&mut write).await?;
        if counts.available <= count_earlier(&mut write, lease).await? {
            return Ok(Claim::Empty);
        }
        let statement = format!(
            "UPDATE sprites SET state = $1, username = $2, task = $3, changed_at = $4,
                 assignment = assignment + 1, services = 'running', services_at = $4
             WHERE state = $5 AND name = (
                 SELECT name FROM sprites WHERE state = $5
                     AND base NOT IN (SELECT base FROM fleet_bases WHERE state <> 'accepted')
                 ORDER BY CASE WHEN base = $6 THEN 0 ELSE 1 END,
                     COALESCE(proved_at, 0) DESC, created_at, name LIMIT 1 {})
             RETURNING {}",
            self.dialect().skip_locked(),
            sprites::COLUMNS
        );
        let row = sqlx::query(AssertSqlSafe(statement))
            .bind(SpriteState::Assigned.as_str())
            .bind(username.as_str())
            .bind(lease.task.as_str())
            .bind(millis(now))
            .bind(SpriteState::Available.as_str())
            .bind(base)
            .fetch_optional(&mut *write)
            .await
            .attempt(CLAIM)?;
        let Some(row) = row else { return Ok(Claim::Empty) };
        let taken = assigned(sprites::parse(&row).attempt(CLAIM)?)?;
        let act = format!("available → assigned to {username}, assignment {}", taken.assignment);
        note(&mut write, lease.task.as_str(), &taken.name, Some(username), &act, now).await?;
        write.commit().await?;
        Ok(Claim::Taken(taken))
    }

    /// Takes a sprite that is of no use away from the workspace, for the keeper to destroy;
    /// or, one that left a call unanswered, for the keeper to examine. `is_touched` says
    /// whether something of the customer's is on it.
    ///
    /// Called again, does nothing.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn set_sprite_aside(
        &self,
        lease: &Lease,
        username: &Username,
        name: &SpriteName,
        aside: &SetAside<'_>,
        now: Moment,
    ) -> Result<(), LeaseError> {
        let SetAside { to, is_touched, why } = *aside;
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        let aside = sqlx::query(
            "UPDATE sprites SET state = $3, username = NULL, last_error = $4, changed_at = $5,
                 task = CASE $7 WHEN 1 THEN task ELSE NULL END
             WHERE name = $1 AND username = $2 AND state = $6",
        )
        .bind(name.as_str())
        .bind(username.as_str())
        .bind(to.as_str())
        .bind(why)
        .bind(millis(now))
        .bind(SpriteState::Assigned.as_str())
        .bind(i64::from(is_touched))
        .execute(&mut *write)
        .await
        .attempt("set a sprite aside")?;
        if aside.rows_affected() > 0 {
            let act = format!("assigned → {}: {why}", to.as_str());
            note(&mut write, lease.task.as_str(), name, Some(username), &act, now).await?;
        }
        Ok(write.commit().await?)
    }

    /// Puts the workspace's route to its sprite; `None` when the workspace has ended.
    ///
    /// Putting the same again changes nothing and says the table's generation.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn route_workspace(
        &self,
        lease: &Lease,
        username: &Username,
        sprite: &Assigned,
        state: RouteState,
        now: Moment,
    ) -> Result<Option<Generation>, LeaseError> {
        let mut write = self.begin().await?;
        check_lease(&mut write, lease).await?;
        if !is_wanted(&mut write, username).await? {
            return Ok(None);
        }
        let customer = customers::lock_row(&mut write, username).await?;
        let is_suspended = customer.is_some_and(|customer| !customer.suspensions.is_empty());
        let order = RouteOrder {
            sprite: Some(sprite.id()),
            assignment: Some(sprite.assignment),
            state: Some(if is_suspended { RouteState::Suspended } else { state }),
            ..RouteOrder::new(*username, sprite.upstream.clone())
        };
        workspace_access::put_order(&mut write, &order, now).await?;
        if write.table().is_some() {
            let shown = order.state.unwrap_or(state).as_str();
            let act = format!("leads to {} with {}, {shown}", sprite.upstream, sprite.name);
            let subject = format!("route {username}");
            let by = Actor::System(lease.task.as_str());
            journal::note(&mut write, by, (&subject, Some(username)), &act, now).await?;
        }
        Ok(Some(write.commit_with_generation().await?))
    }
}

const CLAIM: &str = "claim a sprite";

/// Is there a workspace that a sprite is for? From here to the end of the transaction
/// it stays so: whoever wants to end it waits.
async fn is_wanted(write: &mut Write, username: &Username) -> Result<bool, StoreError> {
    let workspace = workspaces::lock_row(write, username).await?;
    Ok(workspace.is_some_and(|workspace| !workspace.state.is_over()))
}

/// Tasks that asked for a sprite before this one and still have none.
async fn count_earlier(write: &mut Write, lease: &Lease) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "count who waits for a sprite";
    let row = sqlx::query(
        "SELECT COUNT(*) AS earlier FROM tasks, tasks AS own
         WHERE own.id = $1 AND tasks.kind = $2 AND tasks.state IN ($3, $4)
             AND (tasks.created_at < own.created_at
                 OR (tasks.created_at = own.created_at AND tasks.id < own.id))
             AND NOT EXISTS (SELECT 1 FROM sprites WHERE sprites.username = tasks.username)",
    )
    .bind(lease.task.as_str())
    .bind(Kind::Provision.as_str())
    .bind(TaskState::Waiting.as_str())
    .bind(TaskState::Running.as_str())
    .fetch_one(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    row.number("earlier").attempt(ATTEMPT)
}

/// A row of a workspace, whose address is known since it was prepared.
fn assigned(sprite: PoolSprite) -> Result<Assigned, StoreError> {
    let PoolSprite { name, upstream, assignment, .. } = sprite;
    let upstream = upstream.ok_or_else(|| StoreError::corrupt(CLAIM, name.as_str()))?;
    Ok(Assigned { name, upstream, assignment })
}
