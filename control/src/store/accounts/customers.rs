//! Customers: who they are, and what signing in is checked against.

use futures_util::future::FutureExt as _;
use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::base::language::Language;
use crate::model::mail::Recipient;
use crate::model::route_change::first_epoch;
use crate::model::suspension::Suspensions;
use crate::store::billing::usernames;
use crate::store::connection::{Attempt as _, Columns as _, Connection, bigint, millis, valid};
use crate::store::routes::find_route;
use crate::store::{Store, StoreError, Write};

/// What every read of a customer selects.
const COLUMNS: &str = "username, email, language, password_hash, suspensions, created_at";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    pub username: Username,
    pub email: String,
    /// In which they used the site last.
    pub language: Language,
    pub has_password: bool,
    /// Why the workspace is closed for a while.
    pub suspensions: Suspensions,
    pub created: Moment,
}

#[derive(Debug)]
pub struct NewCustomer<'a> {
    pub username: Username,
    pub email: &'a str,
    /// In PHC form; without one nobody can sign in yet.
    pub password_hash: Option<&'a str>,
    pub language: Language,
}

impl Customer {
    pub fn recipient(&self) -> Recipient<'_> {
        Recipient { username: self.username, email: &self.email, language: self.language }
    }
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
    pub async fn add_customer(
        &self,
        customer: &NewCustomer<'_>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        if usernames::is_spoken_for(&mut write, &customer.username, now).await? {
            return Ok(false);
        }
        let is_new = insert(&mut write, customer, now).await?;
        write.commit().await?;
        Ok(is_new)
    }

    pub async fn customer(&self, username: &Username) -> Result<Option<Customer>, StoreError> {
        find(&mut self.read().await?, username).await
    }

    /// Up to `limit` customers whose names come after `after`, in the order of names.
    pub async fn customers(&self, after: &str, limit: u32) -> Result<Vec<Customer>, StoreError> {
        const ATTEMPT: &str = "list customers";
        let text = format!(
            "SELECT {COLUMNS} FROM customers WHERE username > $1 ORDER BY username LIMIT $2"
        );
        let fetch = |after: String, limit: u32| {
            let text = text.clone();
            async move {
                sqlx::query(AssertSqlSafe(text))
                    .bind(after)
                    .bind(i64::from(limit))
                    .fetch_all(&mut self.read().await?)
                    .await
                    .attempt(ATTEMPT)
            }
            .boxed()
        };
        let place = |row: &AnyRow| row.text("username");
        let after = after.to_owned();
        self.readable_page(("customers", "username"), after, limit, fetch, place, parse).await
    }

    /// Up to `limit` customers of this address, whatever its capitals.
    pub async fn customers_of_email(
        &self,
        email: &Email,
        limit: u32,
    ) -> Result<Vec<Customer>, StoreError> {
        const ATTEMPT: &str = "look for an address";
        let places: Vec<_> = (2..).map(|at| format!("${at}")).take(Email::SPELLINGS).collect();
        let places = places.join(", ");
        let mut query = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM customers WHERE LOWER(email) IN ({places})
             ORDER BY username LIMIT $1"
        )))
        .bind(i64::from(limit));
        for spelling in email.spellings() {
            query = query.bind(spelling);
        }
        let rows = query.fetch_all(&mut self.read().await?).await.attempt(ATTEMPT)?;
        Ok(self.readable("customers", "username", &rows, parse))
    }

    /// `None` when there is no such customer.
    pub async fn credentials(
        &self,
        username: &Username,
    ) -> Result<Option<Credentials>, StoreError> {
        const ATTEMPT: &str = "read a customer's credentials";
        let row = sqlx::query("SELECT password_hash, epoch FROM customers WHERE username = $1")
            .bind(username.as_str())
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        let parse = |row: AnyRow| {
            Ok(Credentials {
                password_hash: row.optional_text("password_hash")?,
                epoch: row.number("epoch")?,
            })
        };
        row.map(parse).transpose().attempt(ATTEMPT)
    }

    /// Keeps `new`, a stronger hash of the same password, unless the password changed meanwhile.
    pub async fn rehash_password(
        &self,
        username: &Username,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
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
}

/// `false` when the name is taken.
pub async fn insert(
    connection: &mut Connection,
    customer: &NewCustomer<'_>,
    now: Moment,
) -> Result<bool, StoreError> {
    // An operator may have put the route first: tokens of its epoch must stay good.
    let route = find_route(connection, &customer.username).await?;
    let inserted = sqlx::query(
        "INSERT INTO customers (username, email, password_hash, epoch, created_at, language)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (username) DO NOTHING",
    )
    .bind(customer.username.as_str())
    .bind(customer.email)
    .bind(customer.password_hash)
    .bind(bigint(route.map_or_else(|| first_epoch(now), |route| route.epoch)))
    .bind(millis(now))
    .bind(customer.language.tag())
    .execute(connection)
    .await
    .attempt("add a customer")?;
    Ok(inserted.rows_affected() == 1)
}

pub async fn find(
    connection: &mut Connection,
    username: &Username,
) -> Result<Option<Customer>, StoreError> {
    const ATTEMPT: &str = "read a customer";
    let row =
        sqlx::query(AssertSqlSafe(format!("SELECT {COLUMNS} FROM customers WHERE username = $1")))
            .bind(username.as_str())
            .fetch_optional(connection)
            .await
            .attempt(ATTEMPT)?;
    row.as_ref().map(parse).transpose().attempt(ATTEMPT)
}

/// Most names that a letter lists.
const OTHERS_MAX: i64 = 5;

/// The other workspaces of an address, whatever its capitals.
pub async fn others_of_email(
    connection: &mut Connection,
    email: &str,
    username: &Username,
) -> Result<Vec<Username>, StoreError> {
    const ATTEMPT: &str = "look for other workspaces of an address";
    let rows = sqlx::query(
        "SELECT username FROM customers
         WHERE LOWER(email) = LOWER($1) AND username <> $2 ORDER BY username LIMIT $3",
    )
    .bind(email)
    .bind(username.as_str())
    .bind(OTHERS_MAX)
    .fetch_all(connection)
    .await
    .attempt(ATTEMPT)?;
    // A name that cannot be read is no reason to keep somebody from what they paid for.
    let name = |row: &AnyRow| valid(row, "username", Username::parse).ok();
    Ok(rows.iter().filter_map(name).collect())
}

/// What they are written to in from now on.
pub(super) async fn write_language(
    connection: &mut Connection,
    username: &Username,
    language: Language,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE customers SET language = $2 WHERE username = $1")
        .bind(username.as_str())
        .bind(language.tag())
        .execute(connection)
        .await
        .attempt("write a customer's language")?;
    Ok(())
}

/// `false` when there is no such customer.
pub(super) async fn write_password(
    connection: &mut Connection,
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

/// The new epoch of tokens; `None` when there is no such customer.
pub(super) async fn raise_epoch(
    connection: &mut Connection,
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

/// Sessions under a smaller epoch are over; one that is larger already stays.
pub(in crate::store) async fn raise_epoch_to(
    connection: &mut Connection,
    username: &Username,
    epoch: u64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE customers SET epoch = $2 WHERE username = $1 AND epoch < $2")
        .bind(username.as_str())
        .bind(bigint(epoch))
        .execute(connection)
        .await
        .attempt("raise the epoch of a customer")?;
    Ok(())
}

/// What decides about a customer's route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedCustomer {
    pub epoch: u64,
    pub suspensions: Suspensions,
}

/// Nobody else changes this customer, nor computes a route from their row, before
/// `write` is over. `None` when there is no such customer.
pub(in crate::store) async fn lock_row(
    write: &mut Write,
    username: &Username,
) -> Result<Option<LockedCustomer>, StoreError> {
    const ATTEMPT: &str = "lock a customer";
    let row = sqlx::query(
        "UPDATE customers SET epoch = epoch WHERE username = $1 RETURNING epoch, suspensions",
    )
    .bind(username.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt(ATTEMPT)?;
    let parse = |row: AnyRow| {
        let suspensions = valid(&row, "suspensions", Suspensions::parse)?;
        Ok(LockedCustomer { epoch: row.number("epoch")?, suspensions })
    };
    row.map(parse).transpose().attempt(ATTEMPT)
}

pub(super) async fn set_suspensions(
    write: &mut Write,
    username: &Username,
    suspensions: &Suspensions,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE customers SET suspensions = $2 WHERE username = $1")
        .bind(username.as_str())
        .bind(suspensions.to_string())
        .execute(&mut **write)
        .await
        .attempt("suspend or resume a customer")?;
    Ok(())
}

/// With their sessions and links.
pub async fn delete(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM customers WHERE username = $1")
        .bind(username.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget a customer")?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<Customer, sqlx::Error> {
    Ok(Customer {
        username: valid(row, "username", Username::parse)?,
        email: row.text("email")?,
        language: Language::from_stored(&row.text("language")?),
        has_password: row.optional_text("password_hash")?.is_some(),
        suspensions: valid(row, "suspensions", Suspensions::parse)?,
        created: row.moment("created_at")?,
    })
}
