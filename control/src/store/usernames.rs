//! Who has a name: a sign-up while it can be paid, then its workspace, then
//! nobody until a quarantine is over.

use shared::Username;
use sqlx::AnyConnection;

use super::error::Attempt as _;
use super::{Store, StoreError, millis};
use crate::base::clock::Moment;
use crate::model::sign_up::SignUpId;

/// Most names that one sweep frees.
const NAMES_A_SWEEP: i64 = 1_000;

impl Store {
    /// May somebody new have this name?
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_name_free(&self, username: &Username, now: Moment) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "look whether a name is free";
        let mut connection = self.pool.acquire().await.attempt(ATTEMPT)?;
        if is_in_use(&mut connection, username).await? {
            return Ok(false);
        }
        Ok(!is_spoken_for(&mut connection, username, now).await?)
    }

    /// Frees names whose reservation or quarantine is over, and forgets what ended with them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn free_names(&self, now: Moment) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "DELETE FROM usernames WHERE state <> 'held' AND until_at <= $1 AND username IN
                 (SELECT username FROM usernames WHERE until_at <= $1 LIMIT $2)",
        )
        .bind(millis(now))
        .bind(NAMES_A_SWEEP)
        .execute(&mut *write)
        .await
        .attempt("free names")?;
        sqlx::query(
            "DELETE FROM workspaces WHERE state = 'ended' AND NOT EXISTS
                 (SELECT 1 FROM usernames WHERE usernames.signup = workspaces.signup)",
        )
        .execute(&mut *write)
        .await
        .attempt("forget ended workspaces")?;
        write.commit().await
    }
}

/// `false` when somebody else has it. A sign-up that has it already keeps it until then.
pub(super) async fn reserve(
    connection: &mut AnyConnection,
    username: &Username,
    signup: &SignUpId,
    until: Moment,
    now: Moment,
) -> Result<bool, StoreError> {
    take(connection, username, signup, "reserved", Some(until), now).await
}

/// For a workspace, for as long as it has it. `false` when somebody else has it.
pub(super) async fn hold(
    connection: &mut AnyConnection,
    username: &Username,
    signup: &SignUpId,
    now: Moment,
) -> Result<bool, StoreError> {
    take(connection, username, signup, "held", None, now).await
}

async fn take(
    connection: &mut AnyConnection,
    username: &Username,
    signup: &SignUpId,
    state: &str,
    until: Option<Moment>,
    now: Moment,
) -> Result<bool, StoreError> {
    if is_in_use(connection, username).await? {
        return Ok(false);
    }
    let taken = sqlx::query(
        "INSERT INTO usernames (username, signup, state, until_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (username) DO UPDATE SET signup = $2, state = $3, until_at = $4
         WHERE (usernames.state = 'reserved' AND usernames.signup = $2)
             OR (usernames.state <> 'held' AND usernames.until_at <= $5)",
    )
    .bind(username.as_str())
    .bind(signup.as_str())
    .bind(state)
    .bind(until.map(millis))
    .bind(millis(now))
    .execute(connection)
    .await
    .attempt("take a name")?;
    Ok(taken.rows_affected() == 1)
}

/// Is it of a sign-up that can still be paid, of a workspace, or in quarantine?
pub(super) async fn is_spoken_for(
    connection: &mut AnyConnection,
    username: &Username,
    now: Moment,
) -> Result<bool, StoreError> {
    let found = sqlx::query(
        "SELECT username FROM usernames
         WHERE username = $1 AND (state = 'held' OR until_at > $2)",
    )
    .bind(username.as_str())
    .bind(millis(now))
    .fetch_optional(connection)
    .await
    .attempt("look whether a name is spoken for")?;
    Ok(found.is_some())
}

/// Operators give names by hand as well, and to routes without a customer.
async fn is_in_use(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<bool, StoreError> {
    let found = sqlx::query(
        "SELECT username FROM customers WHERE username = $1
         UNION ALL SELECT username FROM routes WHERE username = $1",
    )
    .bind(username.as_str())
    .fetch_all(connection)
    .await
    .attempt("look who uses a name")?;
    Ok(!found.is_empty())
}

/// Gives back what `signup` had reserved, except `kept`.
pub(super) async fn release(
    connection: &mut AnyConnection,
    signup: &SignUpId,
    kept: Option<&Username>,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM usernames WHERE signup = $1 AND state = 'reserved' AND username <> $2",
    )
    .bind(signup.as_str())
    .bind(kept.map_or("", Username::as_str))
    .execute(connection)
    .await
    .attempt("give back a name")?;
    Ok(())
}

pub(super) async fn prolong(
    connection: &mut AnyConnection,
    signup: &SignUpId,
    until: Moment,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE usernames SET until_at = $2 WHERE signup = $1 AND state = 'reserved'")
        .bind(signup.as_str())
        .bind(millis(until))
        .execute(connection)
        .await
        .attempt("keep a name reserved")?;
    Ok(())
}

/// Nobody gets the name of a workspace that has ended before this is over.
pub(super) async fn quarantine(
    connection: &mut AnyConnection,
    username: &Username,
    until: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE usernames SET state = 'quarantined', until_at = $2
         WHERE username = $1 AND state = 'held'",
    )
    .bind(username.as_str())
    .bind(millis(until))
    .execute(connection)
    .await
    .attempt("put a name into quarantine")?;
    Ok(())
}
