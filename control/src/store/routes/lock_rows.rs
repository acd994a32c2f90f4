//! Rows of the locks table: refusals of workspaces and of single sessions.

use shared::{Lock, LockKey, SessionId, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::store::StoreError;
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, valid};

/// Read and written in this order.
const COLUMNS: &str = "username, session, until_seconds";

pub(in crate::store) async fn find(
    connection: &mut Connection,
    key: &LockKey,
) -> Result<Option<Lock>, StoreError> {
    const ATTEMPT: &str = "read a lock";
    let text = format!("SELECT {COLUMNS} FROM locks WHERE username = $1 AND session = $2");
    let row = sqlx::query(AssertSqlSafe(text))
        .bind(key.username.as_str())
        .bind(session_text(key.session))
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

pub(super) async fn page(
    connection: &mut Connection,
    (username, session): (&str, &str),
    limit: u32,
) -> Result<Vec<Lock>, StoreError> {
    const ATTEMPT: &str = "list locks";
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM locks
         WHERE username > $1 OR (username = $1 AND session > $2)
         ORDER BY username, session LIMIT $3"
    )))
    .bind(username)
    .bind(session)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
}

pub(super) async fn count(connection: &mut Connection) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "count locks";
    let row = sqlx::query("SELECT COUNT(*) AS locks FROM locks")
        .fetch_one(connection)
        .await
        .attempt(ATTEMPT)?;
    row.number("locks").attempt(ATTEMPT)
}

/// How many sessions of one workspace are locked.
pub(in crate::store) async fn count_sessions(
    connection: &mut Connection,
    username: &Username,
) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "count the locked sessions of a workspace";
    let row =
        sqlx::query("SELECT COUNT(*) AS locks FROM locks WHERE username = $1 AND session <> ''")
            .bind(username.as_str())
            .fetch_one(connection)
            .await
            .attempt(ATTEMPT)?;
    row.number("locks").attempt(ATTEMPT)
}

pub(in crate::store) async fn of_sessions(
    connection: &mut Connection,
    username: &Username,
) -> Result<Vec<LockKey>, StoreError> {
    const ATTEMPT: &str = "list the locked sessions of a workspace";
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM locks
         WHERE username = $1 AND session <> '' ORDER BY session"
    )))
    .bind(username.as_str())
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    let keys = rows.iter().map(|row| parse(row).map(|lock| lock.key()));
    keys.collect::<Result<_, _>>().attempt(ATTEMPT)
}

pub(in crate::store) async fn of_workspace(
    connection: &mut Connection,
    username: &Username,
    limit: u32,
) -> Result<Vec<Lock>, StoreError> {
    const ATTEMPT: &str = "list the locks of a workspace";
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM locks WHERE username = $1 ORDER BY session LIMIT $2"
    )))
    .bind(username.as_str())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
}

/// Locks that hold no more, those that ended first before the others.
pub(super) async fn expired(
    connection: &mut Connection,
    now: Moment,
    limit: u32,
) -> Result<Vec<LockKey>, StoreError> {
    const ATTEMPT: &str = "find expired locks";
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM locks WHERE until_seconds <= $1 ORDER BY until_seconds LIMIT $2"
    )))
    .bind(bigint(now.seconds()))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    let keys = rows.iter().map(|row| parse(row).map(|lock| lock.key()));
    keys.collect::<Result<_, _>>().attempt(ATTEMPT)
}

pub(super) async fn upsert(connection: &mut Connection, lock: &Lock) -> Result<(), StoreError> {
    let Lock { username, session, until } = lock;
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO locks ({COLUMNS}) VALUES ($1, $2, $3)
         ON CONFLICT (username, session) DO UPDATE SET until_seconds = $3"
    )))
    .bind(username.as_str())
    .bind(session_text(*session))
    .bind(until.map(bigint))
    .execute(connection)
    .await
    .attempt("write a lock")?;
    Ok(())
}

pub(super) async fn delete(connection: &mut Connection, key: &LockKey) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM locks WHERE username = $1 AND session = $2")
        .bind(key.username.as_str())
        .bind(session_text(key.session))
        .execute(connection)
        .await
        .attempt("remove a lock")?;
    Ok(())
}

/// Empty for a lock of the whole workspace: a part of a primary key is never null.
pub(super) fn session_text(session: Option<SessionId>) -> String {
    session.map_or_else(String::new, |session| session.to_string())
}

fn parse(row: &AnyRow) -> Result<Lock, sqlx::Error> {
    let session = |text: &str| match text {
        "" => Ok(None),
        text => SessionId::parse(text).map(Some).ok_or("not a session id"),
    };
    Ok(Lock {
        username: valid(row, "username", Username::parse)?,
        session: valid(row, "session", session)?,
        until: row.optional_number("until_seconds")?,
    })
}
