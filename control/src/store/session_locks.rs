//! Locks of single sessions: what else ends with one, and how many are kept.

use shared::{Lock, Route, SessionId, Username};

use super::error::Attempt as _;
use super::table::TableChange;
use super::{StoreError, customers, locks, routes};

/// Session locks that one workspace may have.
///
/// More than anybody signs out of in a week. An edge takes a million locks in
/// all, and refuses everybody's changes beyond that.
const KEPT: u64 = 64;

impl TableChange {
    /// Locks a session, and ends the account session that it came from: that one
    /// would only hand the locked session over again.
    ///
    /// Beyond [`KEPT`] locks the epoch takes their place.
    pub(super) async fn lock_session(
        &mut self,
        id: SessionId,
        username: Username,
        until: Option<u64>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM account_sessions WHERE id_hash IN
                 (SELECT account_session FROM workspace_sessions WHERE id = $1)",
        )
        .bind(id.to_string())
        .execute(&mut *self.write)
        .await
        .attempt("end an account session")?;
        self.lock(Lock { username, session: Some(id), until }).await?;
        if locks::count_sessions(&mut self.write, &username).await? > KEPT {
            self.replace_session_locks(&username).await?;
        }
        Ok(())
    }

    /// Ends every token of a workspace by a raised epoch, and drops the locks that
    /// say so of single ones.
    ///
    /// Browsers whose account session is open get a new token without being asked.
    /// The epoch comes first in the log: no edge is ever without both.
    async fn replace_session_locks(&mut self, username: &Username) -> Result<(), StoreError> {
        let route = routes::find(&mut self.write, username).await?;
        let epoch = match customers::raise_epoch(&mut self.write, username).await? {
            Some(epoch) => epoch,
            None => match &route {
                Some(route) => route.epoch + 1,
                // Only an operator locks sessions of nobody, and has nothing to put
                // in the locks' place.
                None => return Ok(()),
            },
        };
        if let Some(route) = route {
            self.put(Route { epoch, ..route }).await?;
        }
        for key in locks::of_sessions(&mut self.write, username).await? {
            self.unlock(&key).await?;
        }
        Ok(())
    }
}
