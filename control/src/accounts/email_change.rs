//! Changes the address at which a customer is written to, once the new one has answered.
//!
//! Sessions stay, as they were opened with a password that stays the same; so does whoever
//! chats. What went to the former mailbox opens nothing any more: links to set a password are
//! void with the change, and a new password voids a change that is not confirmed yet. Addresses
//! belong to nobody alone, so that nothing here could tell whether one is known.

use std::time::Duration;

use shared::Username;

use super::service::Accounts;
use crate::base::email_address::Email;
use crate::base::token::Token;
use crate::model::attempts::{self, RESETS};
use crate::model::email_change::{NewEmailChange, OpenEmailChange};
use crate::model::mail::{Message, Recipient};
use crate::model::task::NewTask;
use crate::model::task::kinds::TellPayer;
use crate::store::{Actor, StoreError};

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailChangeRequested {
    /// A letter is on its way to the new address.
    Taken,
    /// It would be one letter too many to addresses that may be a stranger's.
    TooMany { retry_after: Duration },
}

impl Accounts {
    /// Writes to `email`, with the link that makes it this customer's. Whether the caller may do
    /// so is for the caller to find out. Asking again voids the earlier link.
    ///
    /// # Errors
    /// When the database does not answer, or the customer is gone.
    pub async fn request_email_change(
        &self,
        username: &Username,
        email: Email,
    ) -> Result<EmailChangeRequested, StoreError> {
        let now = self.now();
        let subject = attempts::email_changes_of(username);
        if let Some(retry_after) = self.store.count_within(&subject, RESETS, now).await? {
            return Ok(EmailChangeRequested::TooMany { retry_after });
        }
        let change = NewEmailChange::draw(*username, email, now);
        let to = Recipient { username: *username, email: change.email.as_str() };
        let id = format!("confirm-email/{}", change.token.hash().as_str());
        let letter = self.renderer.write(id, to, Message::ConfirmEmail { change: &change }, now);
        self.store.ask_for_email_change(&change, &letter, now).await?;
        Ok(EmailChangeRequested::Taken)
    }

    /// The change with this token, while it can be confirmed. Looking takes nothing: mail
    /// programs open links before people do.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_email_change(
        &self,
        token: &str,
    ) -> Result<Option<OpenEmailChange>, StoreError> {
        match Token::parse(token) {
            Some(token) => self.store.email_change(&token.hash(), self.now()).await,
            None => Ok(None),
        }
    }

    /// Makes the new address the customer's, and tells the former one. `None` when the link is
    /// not open any more.
    ///
    /// # Errors
    /// When the database does not answer; the link is then still open.
    pub async fn confirm_email_change(
        &self,
        token: &str,
    ) -> Result<Option<OpenEmailChange>, StoreError> {
        let Some(token) = Token::parse(token) else { return Ok(None) };
        let (hash, now) = (token.hash(), self.now());
        let Some(change) = self.store.email_change(&hash, now).await? else { return Ok(None) };
        let username = change.username;
        let Some(customer) = self.store.customer(&username).await? else { return Ok(None) };
        let former = Recipient { username, email: &customer.email };
        let id = format!("email-changed/{}", hash.as_str());
        let notice = self.renderer.write(id, former, Message::EmailChanged, now);
        let dedupe = format!("payer/{}", hash.as_str());
        let task = NewTask::new(dedupe, Some(username), &TellPayer {});
        if !self.store.confirm_email_change(&hash, &username, &notice, &task, now).await? {
            return Ok(None);
        }
        let about = (&*format!("customer {username}"), Some(&username));
        let act = "changes the e-mail address";
        self.store.note_act(Actor::Customer(&username), about, act, now).await?;
        Ok(Some(change))
    }
}
