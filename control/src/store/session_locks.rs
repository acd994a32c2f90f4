//! Locks of single sessions: what else ends with one.

use shared::{Lock, SessionId, Username};

use super::StoreError;
use super::error::Attempt as _;
use super::table::TableChange;

impl TableChange {
    /// Locks a session, and ends the account session that it came from: that one
    /// would only hand the locked session over again.
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
        self.lock(Lock { username, session: Some(id), until }).await
    }
}
