//! The way into a workspace: opened, closed for a while, closed for good.

use shared::{Generation, Route, RouteState, Username};

use super::customers::{end_account_sessions, raise_epoch};
use super::error::Attempt as _;
use super::table::TableChange;
use super::{Store, StoreError, routes};

impl Store {
    /// Suspends or resumes a workspace; `None` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_suspended(
        &self,
        username: &Username,
        suspended: bool,
    ) -> Result<Option<Generation>, StoreError> {
        let mut table = self.change_table().await?;
        if !suspend(&mut table, username, suspended).await? {
            return Ok(None);
        }
        Ok(Some(table.commit().await?.generation))
    }
}

/// `false` when there is no such customer.
pub(super) async fn suspend(
    table: &mut TableChange,
    username: &Username,
    suspended: bool,
) -> Result<bool, StoreError> {
    let updated = sqlx::query("UPDATE customers SET suspended = $2 WHERE username = $1")
        .bind(username.as_str())
        .bind(i64::from(suspended))
        .execute(&mut *table.write)
        .await
        .attempt("suspend or resume a customer")?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(route) = routes::find(&mut table.write, username).await? {
        let state = match (suspended, route.state) {
            (true, _) => RouteState::Suspended,
            (false, RouteState::Suspended) => RouteState::Live,
            (false, state) => state,
        };
        table.put(Route { state, ..route }).await?;
    }
    Ok(true)
}

/// For good: every session is over, and no route leads to the workspace any more.
pub(super) async fn close(table: &mut TableChange, username: &Username) -> Result<(), StoreError> {
    suspend(table, username, true).await?;
    raise_epoch(&mut table.write, username).await?;
    end_account_sessions(&mut table.write, username).await?;
    table.remove(username).await?;
    Ok(())
}
