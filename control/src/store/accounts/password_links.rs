//! Links with which a password is set. One at most is open for each customer.

use shared::Username;
use sqlx::any::AnyRow;

use super::customers;
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::mail::NewMail;
use crate::model::password_link::{NewLink, OpenLink, Purpose};
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::messages::mails;
use crate::store::{Store, StoreError, Write};

impl Store {
    /// Posts a letter, and keeps the link in it; the customer's earlier links work no
    /// more.
    ///
    /// `false`, and nothing has changed, when a letter of this id was posted before:
    /// the link in that one stays good.
    ///
    /// # Errors
    /// When the database does not answer, or the customer is gone.
    pub async fn enqueue_with_link(
        &self,
        mail: &NewMail,
        link: Option<&NewLink>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        if !mails::enqueue(&mut write, mail, now).await? {
            return Ok(false);
        }
        if let Some(link) = link {
            issue_link(&mut write, link, now).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// The link, while it can be used. Looking changes nothing.
    pub async fn password_link(
        &self,
        token: &TokenHash,
        now: Moment,
    ) -> Result<Option<OpenLink>, StoreError> {
        const OPEN: &str = "SELECT username, purpose, expires_at FROM password_links
             WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2";
        self.find_link(OPEN, token, now).await
    }

    /// The link, once it was used or a newer one has taken its place, until it is too old.
    pub async fn spent_password_link(
        &self,
        token: &TokenHash,
        now: Moment,
    ) -> Result<Option<OpenLink>, StoreError> {
        const SPENT: &str = "SELECT username, purpose, expires_at FROM password_links
             WHERE token_hash = $1 AND used_at IS NOT NULL AND expires_at > $2";
        self.find_link(SPENT, token, now).await
    }

    async fn find_link(
        &self,
        statement: &'static str,
        token: &TokenHash,
        now: Moment,
    ) -> Result<Option<OpenLink>, StoreError> {
        const ATTEMPT: &str = "read a password link";
        let row = sqlx::query(statement)
            .bind(token.as_str())
            .bind(millis(now))
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }
}

/// Keeps a link; the customer's earlier ones work no more.
///
/// # Errors
/// When the database does not answer, or the customer is gone.
pub(super) async fn issue_link(
    write: &mut Write,
    link: &NewLink,
    now: Moment,
) -> Result<(), StoreError> {
    // Of two at once, neither would see the other.
    customers::lock_row(write, &link.username).await?;
    void_links(write, &link.username, now).await?;
    sqlx::query(
        "INSERT INTO password_links (token_hash, username, purpose, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(link.token.hash().as_str())
    .bind(link.username.as_str())
    .bind(link.purpose.as_str())
    .bind(millis(now))
    .bind(millis(link.expires))
    .execute(&mut **write)
    .await
    .attempt("keep a password link")?;
    Ok(())
}

/// No link of this customer opens anything from now on.
pub(super) async fn void_links(
    write: &mut Write,
    username: &Username,
    now: Moment,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE password_links SET used_at = $2 WHERE username = $1 AND used_at IS NULL")
        .bind(username.as_str())
        .bind(millis(now))
        .execute(&mut **write)
        .await
        .attempt("void password links")?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<OpenLink, sqlx::Error> {
    Ok(OpenLink {
        username: valid(row, "username", Username::parse)?,
        purpose: valid(row, "purpose", Purpose::parse)?,
        expires: row.moment("expires_at")?,
    })
}
