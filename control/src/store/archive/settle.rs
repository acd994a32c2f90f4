//! Makes of a database that was restored one that takes nothing back that the edges know.

use shared::{Generation, Route, RouteState, Username};

use crate::base::clock::Moment;
use crate::model::restored::Difference;
use crate::model::suspension::SuspensionReason;
use crate::store::accounts::customers::raise_epoch_to;
use crate::store::accounts::workspace_access::change_suspensions;
use crate::store::connection::{Attempt as _, bigint, millis};
use crate::store::routes::{all_routes, upsert_handout};
use crate::store::{Store, StoreError, Write};
use vendors::sprites::SpriteName;

/// Above whatever a customer's epoch was raised to since the backup: it grows by one each time
/// that somebody is signed out everywhere.
const EPOCHS_TO_SPARE: u64 = 1_000_000;

impl Store {
    /// `newest` is the largest generation that any edge has.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing of it is done.
    pub async fn settle_restored(
        &self,
        differences: &[Difference],
        newest: Generation,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        for difference in differences {
            settle(&mut write, difference, now).await?;
        }
        write.commit().await?;
        self.jump_above(newest).await?;
        Ok(())
    }

    /// Ends every session of everybody: for a backup of which no edge knows what came after.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing of it is done.
    pub async fn end_all_sessions(&self) -> Result<(), StoreError> {
        const ATTEMPT: &str = "end all sessions";
        let mut write = self.begin().await?;
        write.lock_table().await?;
        for text in
            ["UPDATE customers SET epoch = epoch + $1", "DELETE FROM account_sessions WHERE $1 > 0"]
        {
            sqlx::query(text)
                .bind(bigint(EPOCHS_TO_SPARE))
                .execute(&mut *write)
                .await
                .attempt(ATTEMPT)?;
        }
        for route in all_routes(&mut write).await? {
            let raise = |present: Option<&Route>| {
                present.map(|it| Route { epoch: route.epoch + EPOCHS_TO_SPARE, ..it.clone() })
            };
            write.change_route(&route.username, raise).await?;
        }
        write.commit().await
    }
}

async fn settle(write: &mut Write, difference: &Difference, now: Moment) -> Result<(), StoreError> {
    match difference {
        Difference::SignedOut { username, epoch } => {
            raise_epoch_to(write, username, *epoch).await?;
            let raise = |present: Option<&Route>| {
                present.map(|route| Route { epoch: route.epoch.max(*epoch), ..route.clone() })
            };
            write.change_route(username, raise).await
        }
        Difference::Locked { lock } => write.put_lock(lock.clone()).await,
        Difference::Closed { username } | Difference::Gone { username } => {
            close(write, username).await
        }
        Difference::Moved { route } => {
            hand_out(write, route, now).await?;
            write
                .change_route(&route.username, |present| {
                    let state = present.map_or(route.state, |it| it.state);
                    Some(Route { state, ..route.clone() })
                })
                .await
        }
        Difference::Newcomer { route } => {
            hand_out(write, route, now).await?;
            hold_name(write, &route.username).await?;
            write.change_route(&route.username, |_| Some(route.clone())).await
        }
    }
}

/// Also where there is a route without a customer.
async fn close(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    change_suspensions(write, username, |it| it.with(SuspensionReason::Operator)).await?;
    let shut = |present: Option<&Route>| {
        present.map(|route| Route { state: RouteState::Suspended, ..route.clone() })
    };
    write.change_route(username, shut).await
}

/// The machine is theirs: the pool gives it to nobody else, and their former one is let go.
async fn hand_out(write: &mut Write, route: &Route, now: Moment) -> Result<(), StoreError> {
    const ATTEMPT: &str = "hand a machine to whom it serves";
    upsert_handout(write, route).await?;
    sqlx::query(
        "UPDATE sprites SET state = 'failed', username = NULL, task = NULL,
             last_error = 'a backup knew it as this customer''s; the edges know another one',
             changed_at = $3
         WHERE username = $1 AND name <> $2",
    )
    .bind(route.username.as_str())
    .bind(route.sprite.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    if SpriteName::parse(route.sprite.as_str()).is_err() {
        // An operator's own machine, which the pool has never had.
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO sprites (name, state, upstream, base, username, assignment, created_at,
             changed_at, proved_at)
         SELECT name, 'assigned', upstream, '', username, assignment, moment, moment, moment
         FROM (SELECT CAST($1 AS TEXT) AS name, CAST($2 AS TEXT) AS upstream,
                   CAST($3 AS TEXT) AS username, CAST($4 AS BIGINT) AS assignment,
                   CAST($5 AS BIGINT) AS moment) AS machine
         WHERE EXISTS (SELECT 1 FROM sprites WHERE sprites.name = machine.name)
             OR EXISTS (SELECT 1 FROM workspaces WHERE workspaces.username = machine.username)
         ON CONFLICT (name) DO UPDATE SET state = 'assigned', username = excluded.username,
             assignment = excluded.assignment, task = NULL, changed_at = excluded.changed_at",
    )
    .bind(route.sprite.as_str())
    .bind(route.upstream.as_str())
    .bind(route.username.as_str())
    .bind(bigint(route.assignment))
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    Ok(())
}

/// Nobody else gets it.
async fn hold_name(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO usernames (username, signup, state, until_at) VALUES ($1, '', 'held', NULL)
         ON CONFLICT (username) DO UPDATE SET state = 'held', until_at = NULL",
    )
    .bind(username.as_str())
    .execute(&mut **write)
    .await
    .attempt("hold a name")?;
    Ok(())
}
