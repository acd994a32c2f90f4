//! Domains that a customer added and another one has added since: of the former it is kept what
//! they have to know, never whose it is now.

use shared::{Domain, Username};

use crate::base::clock::Moment;
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Store, StoreError, Write};

/// Shown at most, the latest: a customer may add no more than a few.
const SHOWN_MAX: i64 = 10;

impl Store {
    /// The latest first, and when that was.
    pub async fn lost_domains(
        &self,
        username: &Username,
    ) -> Result<Vec<(Domain, Moment)>, StoreError> {
        let rows = sqlx::query(
            "SELECT domain, lost_at FROM lost_domains WHERE username = $1
             ORDER BY lost_at DESC, domain LIMIT $2",
        )
        .bind(username.as_str())
        .bind(SHOWN_MAX)
        .fetch_all(&mut self.read().await?)
        .await
        .attempt("list lost domains")?;
        Ok(self.readable("lost_domains", "domain", &rows, |row| {
            Ok((valid(row, "domain", Domain::parse)?, row.moment("lost_at")?))
        }))
    }
}

pub(super) async fn note(
    write: &mut Write,
    domain: &Domain,
    former: &Username,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lost_domains (domain, username, lost_at) VALUES ($1, $2, $3)
         ON CONFLICT (username, domain) DO UPDATE SET lost_at = $3",
    )
    .bind(domain.as_str())
    .bind(former.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("note a lost domain")?;
    Ok(())
}

/// It is theirs again, or they have read of it.
pub(super) async fn forget(
    write: &mut Write,
    domain: &Domain,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM lost_domains WHERE username = $1 AND domain = $2")
        .bind(username.as_str())
        .bind(domain.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget a lost domain")?;
    Ok(())
}

pub(super) async fn forget_all(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM lost_domains WHERE username = $1")
        .bind(username.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget the lost domains of a workspace")?;
    Ok(())
}
