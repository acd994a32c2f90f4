//! Signing out: the account session ends, and the workspace session is locked.

use shared::{Generation, Lock, Route, SessionId, Username};

use super::sessions::WorkspaceSession;
use super::{customers, sessions};
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::store::connection::Attempt as _;
use crate::store::routes::{count_sessions, find_route, of_sessions};
use crate::store::{Store, StoreError, Write};

/// Session locks that one workspace may have.
///
/// More than anybody signs out of in a week. An edge takes a million locks in
/// all, and refuses everybody's changes beyond that.
const KEPT: u64 = 64;

impl Store {
    /// Replaces a lock of the same key. A lock of a session also ends the account
    /// session that it came from.
    pub async fn put_lock(&self, lock: Lock) -> Result<Generation, StoreError> {
        let mut write = self.begin().await?;
        match lock.session {
            Some(session) => {
                lock_session(&mut write, session, lock.username, lock.until).await?;
            }
            None => write.put_lock(lock).await?,
        }
        write.commit_with_generation().await
    }

    /// Signs a browser out: ends its account session and locks the workspace session it has.
    ///
    /// `None` when no edge needs to hear of it. Calling again changes nothing.
    pub async fn end_account_session(
        &self,
        id: &TokenHash,
        now: Moment,
    ) -> Result<Option<Generation>, StoreError> {
        let mut write = self.begin().await?;
        lock_customer_of(&mut write, id).await?;
        sessions::lock_row(&mut write, id).await?;
        let handed_over = sessions::find_workspace_session(&mut write, id).await?;
        sessions::delete(&mut write, id).await?;
        let still_good = handed_over.filter(|session| session.expires.seconds() > now.seconds());
        let Some(WorkspaceSession { id, username, expires }) = still_good else {
            write.commit().await?;
            return Ok(None);
        };
        lock_session(&mut write, id, username, Some(expires.seconds())).await?;
        write.commit_with_generation().await.map(Some)
    }

    /// Signs out by the workspace session: locks it until it would have expired, and
    /// ends the account session that it came from.
    pub async fn end_workspace_session(
        &self,
        session: &shared::Session,
    ) -> Result<Generation, StoreError> {
        let mut write = self.begin().await?;
        lock_session(&mut write, session.id, session.username, Some(session.expires)).await?;
        write.commit_with_generation().await
    }
}

/// Customers are locked before their sessions, as by everybody who needs both.
async fn lock_customer_of(write: &mut Write, account: &TokenHash) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE customers SET epoch = epoch WHERE username IN
             (SELECT username FROM account_sessions WHERE id_hash = $1)",
    )
    .bind(account.as_str())
    .execute(&mut **write)
    .await
    .attempt("lock the customer of an account session")?;
    Ok(())
}

/// Locks a session, and ends the account session that it came from: that one
/// would only hand the locked session over again.
///
/// Beyond [`KEPT`] locks the epoch takes their place.
async fn lock_session(
    write: &mut Write,
    id: SessionId,
    username: Username,
    until: Option<u64>,
) -> Result<(), StoreError> {
    customers::lock_row(write, &username).await?;
    sqlx::query(
        "DELETE FROM account_sessions WHERE id_hash IN
             (SELECT account_session FROM workspace_sessions WHERE id = $1)",
    )
    .bind(id.to_string())
    .execute(&mut **write)
    .await
    .attempt("end an account session")?;
    write.put_lock(Lock { username, session: Some(id), until }).await?;
    if count_sessions(write, &username).await? > KEPT {
        replace_session_locks(write, &username).await?;
    }
    Ok(())
}

/// Ends every token of a workspace by a raised epoch, and drops the locks that
/// say so of single ones.
///
/// Browsers whose account session is open get a new token without being asked.
/// The epoch comes first in the log: no edge is ever without both.
async fn replace_session_locks(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    let route = find_route(write, username).await?;
    let epoch = match customers::raise_epoch(write, username).await? {
        Some(epoch) => epoch,
        None => match &route {
            Some(route) => route.epoch + 1,
            // Only an operator locks sessions of nobody, and has nothing to put
            // in the locks' place.
            None => return Ok(()),
        },
    };
    let raised = |route: Option<&Route>| route.map(|route| Route { epoch, ..route.clone() });
    write.change_route(username, raised).await?;
    for key in of_sessions(write, username).await? {
        write.remove_lock(&key).await?;
    }
    Ok(())
}
