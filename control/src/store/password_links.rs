//! Links with which a password is set. One at most is open for each customer.

use shared::Username;
use sqlx::any::AnyRow;

use super::customers::{SessionsEnded, end_every_session, write_password};
use super::error::Attempt as _;
use super::mails::enqueue_mail;
use super::routes::valid;
use super::{Columns as _, Store, StoreError, Write, millis};
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::mail::NewMail;
use crate::model::password_link::{NewLink, OpenLink, Purpose};

impl Store {
    /// The link, while it can be used. Looking changes nothing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn password_link(
        &self,
        token: &TokenHash,
        now: Moment,
    ) -> Result<Option<OpenLink>, StoreError> {
        const ATTEMPT: &str = "read a password link";
        let row = sqlx::query(
            "SELECT username, purpose, expires_at FROM password_links
             WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        )
        .bind(token.as_str())
        .bind(millis(now))
        .fetch_optional(&self.pool)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Takes a link, once: sets the password, ends every session and posts `notice`.
    ///
    /// `None`, and nothing has changed, unless the link is open and of this customer.
    ///
    /// # Errors
    /// When the database does not answer; the link is then still open.
    pub async fn redeem_password_link(
        &self,
        token: &TokenHash,
        username: &Username,
        password_hash: &str,
        notice: Option<&NewMail>,
        now: Moment,
    ) -> Result<Option<SessionsEnded>, StoreError> {
        let mut table = self.change_table().await?;
        // The customer before the link, as `issue_link` does: they would wait for each other.
        write_password(&mut table.write, username, password_hash).await?;
        let taken = sqlx::query(
            "UPDATE password_links SET used_at = $3
             WHERE token_hash = $1 AND username = $2 AND used_at IS NULL AND expires_at > $3",
        )
        .bind(token.as_str())
        .bind(username.as_str())
        .bind(millis(now))
        .execute(&mut *table.write)
        .await
        .attempt("redeem a password link")?;
        if taken.rows_affected() == 0 {
            return Ok(None);
        }
        void_links(&mut table.write, username, now).await?;
        if let Some(notice) = notice {
            enqueue_mail(&mut table.write, notice, now).await?;
        }
        end_every_session(table, username).await
    }

    /// Sets the first password of a customer, and returns the epoch that it holds for;
    /// `None`, and nothing has changed, when there is one already, or no such customer.
    ///
    /// Links that were on their way work no more: the door is closed behind whoever
    /// came first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_first_password(
        &self,
        username: &Username,
        password_hash: &str,
        now: Moment,
    ) -> Result<Option<u64>, StoreError> {
        const ATTEMPT: &str = "write a first password";
        let mut write = self.write().await?;
        let set = sqlx::query(
            "UPDATE customers SET password_hash = $2
             WHERE username = $1 AND password_hash IS NULL RETURNING epoch",
        )
        .bind(username.as_str())
        .bind(password_hash)
        .fetch_optional(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let Some(set) = set else { return Ok(None) };
        void_links(&mut write, username, now).await?;
        write.commit().await?;
        Ok(Some(set.number("epoch").attempt(ATTEMPT)?))
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
    // Nobody else issues one for this customer before `write` is over: of two,
    // neither would see the other.
    sqlx::query("UPDATE customers SET email = email WHERE username = $1")
        .bind(link.username.as_str())
        .execute(&mut **write)
        .await
        .attempt("hold a customer")?;
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
