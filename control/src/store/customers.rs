//! Customers: who they are, their password, and what ends all their sessions.

use shared::{Generation, Route, Username};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::error::Attempt as _;
use super::mails::enqueue_mail;
use super::password_links::void_links;
use super::routes::{self, valid};
use super::table::TableChange;
use super::{Columns as _, Store, StoreError, bigint, millis, usernames};
use crate::base::clock::Moment;
use crate::model::mail::NewMail;
use crate::model::route_change::Standing;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub username: Username,
    pub email: String,
    pub has_password: bool,
    pub suspended: bool,
    pub created: Moment,
}

#[derive(Debug)]
pub struct NewCustomer<'a> {
    pub username: Username,
    pub email: &'a str,
    /// In PHC form; without one nobody can sign in yet.
    pub password_hash: Option<&'a str>,
}

/// What signing in is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// In PHC form; `None` while no password was set.
    pub password_hash: Option<String>,
    pub epoch: u64,
}

impl Store {
    /// `false` when the name is taken, or somebody is paying for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_customer(
        &self,
        customer: &NewCustomer<'_>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        if usernames::is_spoken_for(&mut write, &customer.username, now).await? {
            return Ok(false);
        }
        let is_new = insert(&mut write, customer, now).await?;
        write.commit().await?;
        Ok(is_new)
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn customer(&self, username: &Username) -> Result<Option<Customer>, StoreError> {
        let mut connection = self.pool.acquire().await.attempt("read a customer")?;
        find(&mut connection, username).await
    }

    /// Up to `limit` customers whose names come after `after`, in the order of names.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customers(&self, after: &str, limit: u32) -> Result<Vec<Customer>, StoreError> {
        const ATTEMPT: &str = "list customers";
        let rows = sqlx::query(
            "SELECT username, email, password_hash, suspended, created_at
             FROM customers WHERE username > $1 ORDER BY username LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// Up to `limit` customers of this address, whatever its capitals.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn customers_of_email(
        &self,
        email: &str,
        limit: u32,
    ) -> Result<Vec<Customer>, StoreError> {
        const ATTEMPT: &str = "look for an address";
        let rows = sqlx::query(
            "SELECT username, email, password_hash, suspended, created_at
             FROM customers WHERE LOWER(email) = LOWER($1) ORDER BY username LIMIT $2",
        )
        .bind(email)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// `None` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn credentials(
        &self,
        username: &Username,
    ) -> Result<Option<Credentials>, StoreError> {
        const ATTEMPT: &str = "read a customer's credentials";
        let row = sqlx::query("SELECT password_hash, epoch FROM customers WHERE username = $1")
            .bind(username.as_str())
            .fetch_optional(&self.pool)
            .await
            .attempt(ATTEMPT)?;
        let parse = |row: AnyRow| {
            Ok(Credentials { password_hash: optional_hash(&row)?, epoch: row.number("epoch")? })
        };
        row.map(parse).transpose().attempt(ATTEMPT)
    }

    /// Keeps `new`, a stronger hash of the same password, unless the password changed meanwhile.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rehash_password(
        &self,
        username: &Username,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        sqlx::query(
            "UPDATE customers SET password_hash = $3 WHERE username = $1 AND password_hash = $2",
        )
        .bind(username.as_str())
        .bind(old)
        .bind(new)
        .execute(&mut *write)
        .await
        .attempt("write a password")?;
        write.commit().await
    }

    /// Sets a password, ends every session, voids the links that could set another
    /// one, and posts `notice`; `None` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_password(
        &self,
        username: &Username,
        hash: &str,
        notice: &NewMail,
        now: Moment,
    ) -> Result<Option<SessionsEnded>, StoreError> {
        let mut table = self.change_table().await?;
        if !write_password(&mut table.write, username, hash).await? {
            return Ok(None);
        }
        void_links(&mut table.write, username, now).await?;
        enqueue_mail(&mut table.write, notice, now).await?;
        end_every_session(table, username).await
    }

    /// Ends every session; `None` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_out_everywhere(
        &self,
        username: &Username,
    ) -> Result<Option<SessionsEnded>, StoreError> {
        end_every_session(self.change_table().await?, username).await
    }
}

/// `false` when the name is taken.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    customer: &NewCustomer<'_>,
    now: Moment,
) -> Result<bool, StoreError> {
    // An operator may have put the route first: tokens of its epoch must stay good.
    let route = routes::find(connection, &customer.username).await?;
    let inserted = sqlx::query(
        "INSERT INTO customers (username, email, password_hash, epoch, suspended, created_at)
         VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (username) DO NOTHING",
    )
    .bind(customer.username.as_str())
    .bind(customer.email)
    .bind(customer.password_hash)
    .bind(bigint(route.map_or(0, |route| route.epoch)))
    .bind(millis(now))
    .execute(connection)
    .await
    .attempt("add a customer")?;
    Ok(inserted.rows_affected() == 1)
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<Option<Customer>, StoreError> {
    const ATTEMPT: &str = "read a customer";
    let row = sqlx::query(
        "SELECT username, email, password_hash, suspended, created_at
         FROM customers WHERE username = $1",
    )
    .bind(username.as_str())
    .fetch_optional(connection)
    .await
    .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

/// `false` when there is no such customer.
pub(super) async fn write_password(
    connection: &mut AnyConnection,
    username: &Username,
    hash: &str,
) -> Result<bool, StoreError> {
    let written = sqlx::query("UPDATE customers SET password_hash = $2 WHERE username = $1")
        .bind(username.as_str())
        .bind(hash)
        .execute(connection)
        .await
        .attempt("write a password")?;
    Ok(written.rows_affected() > 0)
}

/// What ended every session of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionsEnded {
    /// That edges have to hear of.
    pub generation: Generation,
    /// From now on; what was proven before holds no more.
    pub epoch: u64,
}

/// Account sessions go at once, with their codes; tokens at the edges by the raised epoch.
pub(super) async fn end_every_session(
    mut table: TableChange,
    username: &Username,
) -> Result<Option<SessionsEnded>, StoreError> {
    let Some(epoch) = raise_epoch(&mut table.write, username).await? else { return Ok(None) };
    end_account_sessions(&mut table.write, username).await?;
    if let Some(route) = routes::find(&mut table.write, username).await? {
        table.put(Route { epoch, ..route }).await?;
    }
    let generation = table.commit().await?.generation;
    Ok(Some(SessionsEnded { generation, epoch }))
}

pub(super) async fn end_account_sessions(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM account_sessions WHERE username = $1")
        .bind(username.as_str())
        .execute(connection)
        .await
        .attempt("end all sessions of a customer")?;
    Ok(())
}

/// The new epoch of tokens; `None` when there is no such customer.
pub(super) async fn raise_epoch(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<Option<u64>, StoreError> {
    const ATTEMPT: &str = "raise the epoch of a customer";
    let raised =
        sqlx::query("UPDATE customers SET epoch = epoch + 1 WHERE username = $1 RETURNING epoch")
            .bind(username.as_str())
            .fetch_optional(connection)
            .await
            .attempt(ATTEMPT)?;
    raised.map(|row| row.number("epoch")).transpose().attempt(ATTEMPT)
}

pub(super) async fn standing(
    connection: &mut AnyConnection,
    username: &Username,
) -> Result<Option<Standing>, StoreError> {
    const ATTEMPT: &str = "read a customer's standing";
    let row = sqlx::query("SELECT epoch, suspended FROM customers WHERE username = $1")
        .bind(username.as_str())
        .fetch_optional(connection)
        .await
        .attempt(ATTEMPT)?;
    let parse = |row: AnyRow| {
        Ok(Standing { epoch: row.number("epoch")?, suspended: row.flag("suspended")? })
    };
    row.map(parse).transpose().attempt(ATTEMPT)
}

fn parse(row: &AnyRow) -> Result<Customer, sqlx::Error> {
    Ok(Customer {
        username: valid(row, "username", Username::parse)?,
        email: row.text("email")?,
        has_password: optional_hash(row)?.is_some(),
        suspended: row.flag("suspended")?,
        created: row.moment("created_at")?,
    })
}

fn optional_hash(row: &AnyRow) -> Result<Option<String>, sqlx::Error> {
    use sqlx::Row as _;
    row.try_get("password_hash")
}
