//! Changes of the address at which a customer is written to. One at most is open for each.

use shared::Username;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{customers, password_links};
use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::base::token::TokenHash;
use crate::model::email_change::{NewEmailChange, OpenEmailChange};
use crate::model::mail::NewMail;
use crate::model::task::NewTask;
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::messages::mails;
use crate::store::{Actor, Store, StoreError, Write, journal, tasks};

const COLUMNS: &str = "username, email, expires_at";

impl Store {
    /// Posts the letter with the link; the customer's earlier links of this kind confirm nothing
    /// any more.
    ///
    /// # Errors
    /// When the database does not answer, or the customer is gone.
    pub async fn ask_for_email_change(
        &self,
        change: &NewEmailChange,
        letter: &NewMail,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        // The customer first, as everybody does who changes one: they would wait for each other.
        customers::lock_row(&mut write, &change.username).await?;
        sqlx::query(
            "INSERT INTO email_changes (username, token_hash, email, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (username) DO UPDATE
                 SET token_hash = $2, email = $3, created_at = $4, expires_at = $5",
        )
        .bind(change.username.as_str())
        .bind(change.token.hash().as_str())
        .bind(change.email.as_str())
        .bind(millis(now))
        .bind(millis(change.expires))
        .execute(&mut *write)
        .await
        .attempt("keep a change of address")?;
        mails::enqueue(&mut write, letter, now).await?;
        write.commit().await
    }

    /// The change with this token, while it can be confirmed. Looking changes nothing.
    pub async fn email_change(
        &self,
        token: &TokenHash,
        now: Moment,
    ) -> Result<Option<OpenEmailChange>, StoreError> {
        self.open_change("token_hash", token.as_str(), now).await
    }

    /// The change that this customer has asked for and not confirmed yet.
    pub async fn email_change_of(
        &self,
        username: &Username,
        now: Moment,
    ) -> Result<Option<OpenEmailChange>, StoreError> {
        self.open_change("username", username.as_str(), now).await
    }

    async fn open_change(
        &self,
        column: &'static str,
        value: &str,
        now: Moment,
    ) -> Result<Option<OpenEmailChange>, StoreError> {
        const ATTEMPT: &str = "read a change of address";
        let row = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM email_changes WHERE {column} = $1 AND expires_at > $2"
        )))
        .bind(value)
        .bind(millis(now))
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(parse).transpose().attempt(ATTEMPT)
    }

    /// Takes the change, once: the address is the customer's from now on, links to set a password
    /// that went to the former one open nothing any more, `notice` is posted and `task` put in.
    ///
    /// `false`, and nothing has changed, unless the change is open and of this customer.
    ///
    /// # Errors
    /// When the database does not answer; the change is then still open.
    pub async fn confirm_email_change(
        &self,
        token: &TokenHash,
        username: &Username,
        notice: &NewMail,
        task: &NewTask,
        now: Moment,
    ) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "confirm a change of address";
        let mut write = self.begin().await?;
        customers::lock_row(&mut write, username).await?;
        let taken = sqlx::query(AssertSqlSafe(format!(
            "DELETE FROM email_changes
             WHERE token_hash = $1 AND username = $2 AND expires_at > $3 RETURNING {COLUMNS}"
        )))
        .bind(token.as_str())
        .bind(username.as_str())
        .bind(millis(now))
        .fetch_optional(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        let Some(taken) = taken else { return Ok(false) };
        let change = parse(&taken).attempt(ATTEMPT)?;
        write_email(&mut write, username, &change.email, now).await?;
        mails::enqueue(&mut write, notice, now).await?;
        tasks::enqueue(&mut write, task, now).await?;
        let about = (&*format!("customer {username}"), Some(username));
        let act = "changes the e-mail address";
        journal::note(&mut write, Actor::Customer(username), about, act, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// The same without a link, by an operator; a change that the customer has asked for is void.
    ///
    /// `false` when there is no such customer.
    pub async fn set_email(
        &self,
        username: &Username,
        email: &Email,
        notice: &NewMail,
        task: &NewTask,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        if customers::lock_row(&mut write, username).await?.is_none() {
            return Ok(false);
        }
        void(&mut write, username).await?;
        write_email(&mut write, username, email, now).await?;
        mails::enqueue(&mut write, notice, now).await?;
        tasks::enqueue(&mut write, task, now).await?;
        write.commit().await?;
        Ok(true)
    }
}

/// Links to set a password that went to the former address open nothing any more.
async fn write_email(
    write: &mut Write,
    username: &Username,
    email: &Email,
    now: Moment,
) -> Result<(), StoreError> {
    // The order is what letters about an unpaid month and the page after the payment go by.
    for statement in [
        "UPDATE customers SET email = $2 WHERE username = $1",
        "UPDATE signups SET email = $2
         WHERE id = (SELECT signup FROM workspaces WHERE username = $1)",
    ] {
        sqlx::query(statement)
            .bind(username.as_str())
            .bind(email.as_str())
            .execute(&mut **write)
            .await
            .attempt("write an address")?;
    }
    password_links::void_links(write, username, now).await
}

/// What somebody asked for in a session that is over is not done.
pub(super) async fn void(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM email_changes WHERE username = $1")
        .bind(username.as_str())
        .execute(&mut **write)
        .await
        .attempt("void a change of address")?;
    Ok(())
}

fn parse(row: &AnyRow) -> Result<OpenEmailChange, sqlx::Error> {
    Ok(OpenEmailChange {
        username: valid(row, "username", Username::parse)?,
        email: valid(row, "email", Email::parse)?,
        expires: row.moment("expires_at")?,
    })
}
