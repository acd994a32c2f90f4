//! Passwords: set once or again, and what ends with the old one.

use shared::{Generation, Route, Username};

use super::{customers, email_changes, password_links, sessions};
use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::model::mail::NewMail;
use crate::store::connection::{Attempt as _, Columns as _, millis};
use crate::store::messages::mails;
use crate::store::{Store, StoreError, Write};

/// What ended every session of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionsEnded {
    /// That edges have to hear of.
    pub generation: Generation,
    /// From now on; what was proven before holds no more.
    pub epoch: u64,
}

impl Store {
    /// Sets a password, ends every session, voids the links that could set another one, and
    /// posts `notice`; `None` when there is no such customer.
    pub async fn set_password(
        &self,
        username: &Username,
        hash: &str,
        notice: &NewMail,
        now: Moment,
    ) -> Result<Option<SessionsEnded>, StoreError> {
        let mut write = self.begin().await?;
        if !customers::write_password(&mut write, username, hash).await? {
            return Ok(None);
        }
        password_links::void_links(&mut write, username, now).await?;
        mails::enqueue(&mut write, notice, now).await?;
        end_every_session(write, username).await
    }

    /// Ends every session; `None` when there is no such customer.
    pub async fn sign_out_everywhere(
        &self,
        username: &Username,
    ) -> Result<Option<SessionsEnded>, StoreError> {
        end_every_session(self.begin().await?, username).await
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
        let mut write = self.begin().await?;
        // The customer before the link, as `issue_link` does: they would wait for each other.
        customers::write_password(&mut write, username, password_hash).await?;
        let taken = sqlx::query(
            "UPDATE password_links SET used_at = $3
             WHERE token_hash = $1 AND username = $2 AND used_at IS NULL AND expires_at > $3",
        )
        .bind(token.as_str())
        .bind(username.as_str())
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("redeem a password link")?;
        if taken.rows_affected() == 0 {
            return Ok(None);
        }
        password_links::void_links(&mut write, username, now).await?;
        if let Some(notice) = notice {
            mails::enqueue(&mut write, notice, now).await?;
        }
        end_every_session(write, username).await
    }

    /// Sets the first password of a customer, and returns the epoch that it holds for;
    /// `None`, and nothing has changed, when there is one already, or no such customer.
    ///
    /// Links that were on their way work no more: the door is closed behind whoever
    /// came first.
    pub async fn set_first_password(
        &self,
        username: &Username,
        password_hash: &str,
        now: Moment,
    ) -> Result<Option<u64>, StoreError> {
        const ATTEMPT: &str = "write a first password";
        let mut write = self.begin().await?;
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
        password_links::void_links(&mut write, username, now).await?;
        write.commit().await?;
        Ok(Some(set.number("epoch").attempt(ATTEMPT)?))
    }
}

/// Account sessions go at once, with their codes and with a change of the address that is not
/// confirmed yet; tokens at the edges by the raised epoch.
async fn end_every_session(
    mut write: Write,
    username: &Username,
) -> Result<Option<SessionsEnded>, StoreError> {
    let Some(epoch) = customers::raise_epoch(&mut write, username).await? else { return Ok(None) };
    sessions::end_all(&mut write, username).await?;
    email_changes::void(&mut write, username).await?;
    let raised = |route: Option<&Route>| route.map(|route| Route { epoch, ..route.clone() });
    write.change_route(username, raised).await?;
    let generation = write.commit_with_generation().await?;
    Ok(Some(SessionsEnded { generation, epoch }))
}
