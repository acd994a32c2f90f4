//! Who has a name: a sign-up while it can be paid, then its workspace, then
//! nobody until a quarantine is over.

use shared::Username;

use crate::base::clock::Moment;
use crate::model::sign_up::SignUpId;
use crate::store::connection::{Attempt as _, Connection, millis};
use crate::store::{Store, StoreError};

impl Store {
    /// May somebody new have this name?
    pub async fn is_name_free(&self, username: &Username, now: Moment) -> Result<bool, StoreError> {
        let mut connection = self.read().await?;
        if is_in_use(&mut connection, username).await? {
            return Ok(false);
        }
        Ok(!is_spoken_for(&mut connection, username, now).await?)
    }
}

/// `false` when somebody else has it. A sign-up that has it already keeps it until then.
pub async fn reserve(
    connection: &mut Connection,
    username: &Username,
    signup: &SignUpId,
    until: Moment,
    now: Moment,
) -> Result<bool, StoreError> {
    take(connection, username, signup, "reserved", Some(until), now).await
}

/// For a workspace, for as long as it has it. `false` when somebody else has it.
pub async fn hold(
    connection: &mut Connection,
    username: &Username,
    signup: &SignUpId,
    now: Moment,
) -> Result<bool, StoreError> {
    take(connection, username, signup, "held", None, now).await
}

async fn take(
    connection: &mut Connection,
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

impl Store {
    /// Anybody may have the name from now on; `false` when it was not in quarantine.
    pub async fn end_quarantine(&self, username: &Username) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let freed =
            sqlx::query("DELETE FROM usernames WHERE username = $1 AND state = 'quarantined'")
                .bind(username.as_str())
                .execute(&mut *write)
                .await
                .attempt("end the quarantine of a name")?;
        write.commit().await?;
        Ok(freed.rows_affected() > 0)
    }
}

/// Is it of a sign-up that can still be paid, of a workspace, or in quarantine?
pub(in crate::store) async fn is_spoken_for(
    connection: &mut Connection,
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
async fn is_in_use(connection: &mut Connection, username: &Username) -> Result<bool, StoreError> {
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
pub async fn release(
    connection: &mut Connection,
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

pub async fn prolong(
    connection: &mut Connection,
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
pub async fn quarantine(
    connection: &mut Connection,
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
