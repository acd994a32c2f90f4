//! The locks table: refusals of workspaces and of single sessions.

use shared::{Generation, Lock, LockKey, SessionId, Username};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::error::Attempt as _;
use super::routes::valid;
use super::{Columns as _, Store, StoreError, bigint};
use crate::base::clock::Moment;

impl Store {
    /// Up to `limit` locks that come after the key `after`, in the order of keys.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn locks(&self, after: (&str, &str), limit: u32) -> Result<Vec<Lock>, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("list locks")?;
        page(&mut connection, after, limit).await
    }

    /// Counts every row: for metrics and the head of a table, not for requests.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_locks(&self) -> Result<u64, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("count locks")?;
        count(&mut connection).await
    }

    /// Replaces a lock of the same key. A lock of a session also ends the account
    /// session that it came from.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_lock(&self, lock: Lock) -> Result<Generation, StoreError> {
        let mut table = self.change_table().await?;
        match lock.session {
            Some(session) => table.lock_session(session, lock.username, lock.until).await?,
            None => table.lock(lock).await?,
        }
        Ok(table.commit().await?.generation)
    }

    /// `None` when there is no such lock.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_lock(&self, key: &LockKey) -> Result<Option<Generation>, StoreError> {
        let mut table = self.change_table().await?;
        if !table.unlock(key).await? {
            return Ok(None);
        }
        Ok(Some(table.commit().await?.generation))
    }

    /// Removes up to `limit` locks that hold no more; `None` when there was none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_expired_locks(
        &self,
        now: Moment,
        limit: u32,
    ) -> Result<Option<Generation>, StoreError> {
        const ATTEMPT: &str = "find expired locks";
        let rows = sqlx::query(
            "SELECT username, session, until_seconds FROM locks
             WHERE until_seconds <= $1 ORDER BY until_seconds LIMIT $2",
        )
        .bind(bigint(now.seconds()))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut table = self.change_table().await?;
        for row in &rows {
            let key = parse(row).attempt(ATTEMPT)?.key();
            // It may have been prolonged since it was found.
            let lock = find(&mut table.write, &key).await?;
            if lock.is_some_and(|lock| !lock.holds_at(now.seconds())) {
                table.unlock(&key).await?;
            }
        }
        Ok(Some(table.commit().await?.generation))
    }
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    key: &LockKey,
) -> Result<Option<Lock>, StoreError> {
    const ATTEMPT: &str = "read a lock";
    let row = sqlx::query(
        "SELECT username, session, until_seconds FROM locks WHERE username = $1 AND session = $2",
    )
    .bind(key.username.as_str())
    .bind(session_text(key.session))
    .fetch_optional(connection)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

pub(super) async fn page(
    connection: &mut AnyConnection,
    (username, session): (&str, &str),
    limit: u32,
) -> Result<Vec<Lock>, StoreError> {
    const ATTEMPT: &str = "list locks";
    let rows = sqlx::query(
        "SELECT username, session, until_seconds FROM locks
         WHERE username > $1 OR (username = $1 AND session > $2)
         ORDER BY username, session LIMIT $3",
    )
    .bind(username)
    .bind(session)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
}

pub(super) async fn count(connection: &mut AnyConnection) -> Result<u64, StoreError> {
    const ATTEMPT: &str = "count locks";
    let row = sqlx::query("SELECT COUNT(*) AS locks FROM locks")
        .fetch_one(connection)
        .await
        .attempt(ATTEMPT)?;
    row.number("locks").attempt(ATTEMPT)
}

/// How many sessions of one workspace are locked.
pub(super) async fn count_sessions(
    connection: &mut AnyConnection,
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

pub(super) async fn of_sessions(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<Vec<LockKey>, StoreError> {
    const ATTEMPT: &str = "list the locked sessions of a workspace";
    let rows = sqlx::query(
        "SELECT username, session, until_seconds FROM locks
         WHERE username = $1 AND session <> '' ORDER BY session",
    )
    .bind(username.as_str())
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    let keys = rows.iter().map(|row| parse(row).map(|lock| lock.key()));
    keys.collect::<Result<_, _>>().attempt(ATTEMPT)
}

pub(super) async fn upsert(connection: &mut AnyConnection, lock: &Lock) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO locks (username, session, until_seconds) VALUES ($1, $2, $3)
         ON CONFLICT (username, session) DO UPDATE SET until_seconds = $3",
    )
    .bind(lock.username.as_str())
    .bind(session_text(lock.session))
    .bind(lock.until.map(bigint))
    .execute(connection)
    .await
    .attempt("write a lock")?;
    Ok(())
}

pub(super) async fn delete(
    connection: &mut AnyConnection,
    key: &LockKey,
) -> Result<(), StoreError> {
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
    let until: Option<i64> = row.try_get("until_seconds")?;
    Ok(Lock {
        username: valid(row, "username", Username::parse)?,
        session: valid(row, "session", session)?,
        until: until.map(|until| u64::try_from(until).unwrap_or(0)),
    })
}
