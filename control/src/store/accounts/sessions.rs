//! Signed-in browsers on the site, and the workspace session each has handed over.

use std::time::Duration;

use shared::{LockKey, SessionId, Username};
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::language::Language;
use crate::base::token::TokenHash;
use crate::model::sign_in::Proven;
use crate::model::user_agent::{BrowserFamily, OperatingSystem, UserAgent};
use crate::store::accounts::customers;
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, millis, valid};
use crate::store::routes::find_lock;
use crate::store::{Store, StoreError, Write};

/// How exact "last seen" is: a page view must not cost a write each time.
const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);

/// Browsers that a customer may be signed in with: more than anybody has, and
/// little enough to be kept of everybody.
const KEPT: i64 = 50;

/// A signed-in browser on the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSession {
    pub id: TokenHash,
    pub username: Username,
}

impl Store {
    /// `false`, and none is opened, when every session of the customer was ended since
    /// the password was read: it may have been another one.
    pub async fn open_account_session(
        &self,
        id: &TokenHash,
        proven: &Proven,
        user_agent: UserAgent,
        now: Moment,
        lifetime: Duration,
    ) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "open an account session";
        let mut write = self.begin().await?;
        // Writes what is there: on PostgreSQL, whoever ends all sessions is waited for,
        // or waits for this one and ends it.
        let is_still_proven =
            sqlx::query("UPDATE customers SET epoch = epoch WHERE username = $1 AND epoch = $2")
                .bind(proven.username.as_str())
                .bind(bigint(proven.epoch))
                .execute(&mut *write)
                .await
                .attempt(ATTEMPT)?;
        if is_still_proven.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO account_sessions
                 (id_hash, username, created_at, last_seen_at, expires_at, browser, system)
             VALUES ($1, $2, $3, $3, $4, $5, $6)",
        )
        .bind(id.as_str())
        .bind(proven.username.as_str())
        .bind(millis(now))
        .bind(millis(now.after(lifetime)))
        .bind(user_agent.browser.map(BrowserFamily::as_str))
        .bind(user_agent.system.map(OperatingSystem::as_str))
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        write.commit().await?;
        Ok(true)
    }

    /// The oldest sessions of a customer that are too many beside `newest`; none
    /// while it has no more than 50.
    pub async fn surplus_account_sessions(
        &self,
        newest: &AccountSession,
    ) -> Result<Vec<AccountSession>, StoreError> {
        const ATTEMPT: &str = "look for too many account sessions";
        let rows = sqlx::query(
            "SELECT id_hash FROM account_sessions WHERE username = $1 AND id_hash <> $2
             ORDER BY created_at DESC, id_hash LIMIT $3 OFFSET $4",
        )
        .bind(newest.username.as_str())
        .bind(newest.id.as_str())
        .bind(KEPT)
        .bind(KEPT - 1)
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let id = |row: &AnyRow| valid(row, "id_hash", TokenHash::parse);
        let session = |row| Ok(AccountSession { id: id(row)?, username: newest.username });
        rows.iter().map(session).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// The session with this id, unless it is over or was idle for longer than `idle`. The
    /// `language` of its page, where one is asked for, is its customer's from now on.
    pub async fn account_session(
        &self,
        id: &TokenHash,
        language: Option<Language>,
        now: Moment,
        idle: Duration,
    ) -> Result<Option<AccountSession>, StoreError> {
        const ATTEMPT: &str = "read an account session";
        let row = sqlx::query(
            "SELECT username, last_seen_at, language
             FROM account_sessions JOIN customers USING (username)
             WHERE id_hash = $1 AND expires_at > $2 AND last_seen_at > $3",
        )
        .bind(id.as_str())
        .bind(millis(now))
        .bind(millis(now.before(idle)))
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let Some(row) = row else { return Ok(None) };
        let username = valid(&row, "username", Username::parse).attempt(ATTEMPT)?;
        if now.since(row.moment("last_seen_at").attempt(ATTEMPT)?) >= SEEN_EVERY {
            self.saw_account_session(id, now).await?;
        }
        let kept = Language::from_stored(&row.text("language").attempt(ATTEMPT)?);
        if let Some(language) = language.filter(|language| *language != kept) {
            let mut write = self.begin().await?;
            customers::write_language(&mut write, &username, language).await?;
            write.commit().await?;
        }
        Ok(Some(AccountSession { id: id.clone(), username }))
    }

    async fn saw_account_session(&self, id: &TokenHash, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE account_sessions SET last_seen_at = $2 WHERE id_hash = $1")
            .bind(id.as_str())
            .bind(millis(now))
            .execute(&mut *write)
            .await
            .attempt("note that an account session was seen")?;
        write.commit().await
    }
}

/// What an account session has handed over to its workspace.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorkspaceSession {
    pub(super) username: Username,
    pub(super) id: SessionId,
    pub(super) expires: Moment,
}

/// Lets nobody else touch an account session, its codes and what it handed over
/// before `write` is over.
///
/// SQLite has one writer anyway. On PostgreSQL signing out could otherwise miss a
/// session that is handed over at that moment, and each could wait for the other.
pub(super) async fn lock_row(write: &mut Write, id: &TokenHash) -> Result<(), StoreError> {
    sqlx::query("UPDATE account_sessions SET last_seen_at = last_seen_at WHERE id_hash = $1")
        .bind(id.as_str())
        .execute(&mut **write)
        .await
        .attempt("lock an account session")?;
    Ok(())
}

/// Notes that `account` hands a workspace session over, and returns its id.
///
/// A browser keeps the id it has: its other tabs stay signed in, and signing out
/// has one session to lock. An id that is locked would open nothing.
pub(super) async fn hand_over(
    write: &mut Write,
    account: &AccountSession,
    expires: Moment,
) -> Result<SessionId, StoreError> {
    let present = find_workspace_session(write, &account.id).await?;
    let id = match present {
        Some(session) if !is_locked(write, &session).await? => session.id,
        _ => SessionId::random(),
    };
    sqlx::query(
        "INSERT INTO workspace_sessions (id, username, account_session, expires_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (account_session) DO UPDATE SET id = $1, expires_at = $4",
    )
    .bind(id.to_string())
    .bind(account.username.as_str())
    .bind(account.id.as_str())
    .bind(millis(expires))
    .execute(&mut **write)
    .await
    .attempt("hand a session over")?;
    Ok(id)
}

async fn is_locked(
    connection: &mut Connection,
    session: &WorkspaceSession,
) -> Result<bool, StoreError> {
    let key = LockKey { username: session.username, session: Some(session.id) };
    Ok(find_lock(connection, &key).await?.is_some())
}

pub(super) async fn find_workspace_session(
    connection: &mut Connection,
    account: &TokenHash,
) -> Result<Option<WorkspaceSession>, StoreError> {
    const ATTEMPT: &str = "read a workspace session";
    let row = sqlx::query(
        "SELECT id, username, expires_at FROM workspace_sessions WHERE account_session = $1",
    )
    .bind(account.as_str())
    .fetch_optional(connection)
    .await
    .attempt(ATTEMPT)?;
    let parse = |row: AnyRow| {
        Ok(WorkspaceSession {
            username: valid(&row, "username", Username::parse)?,
            id: valid(&row, "id", |text| SessionId::parse(text).ok_or("not a session id"))?,
            expires: row.moment("expires_at")?,
        })
    };
    row.map(parse).transpose().attempt(ATTEMPT)
}

pub(super) async fn delete(connection: &mut Connection, id: &TokenHash) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM account_sessions WHERE id_hash = $1")
        .bind(id.as_str())
        .execute(connection)
        .await
        .attempt("end an account session")?;
    Ok(())
}

/// With their codes, and what they handed over.
pub(super) async fn end_all(
    connection: &mut Connection,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM account_sessions WHERE username = $1")
        .bind(username.as_str())
        .execute(connection)
        .await
        .attempt("end all sessions of a customer")?;
    Ok(())
}
