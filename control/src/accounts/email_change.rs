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
use crate::model::mail::{Message, NewMail, Recipient};
use crate::model::task::NewTask;
use crate::model::task::kinds::TellPayer;
use crate::store::{Customer, StoreError};

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
        customer: &Customer,
        email: Email,
    ) -> Result<EmailChangeRequested, StoreError> {
        let (username, now) = (&customer.username, self.now());
        let subject = attempts::email_changes_of(username);
        if let Some(retry_after) = self.store.count_within(&subject, RESETS, now).await? {
            return Ok(EmailChangeRequested::TooMany { retry_after });
        }
        let change = NewEmailChange::draw(*username, email, now);
        let to = Recipient { email: change.email.as_str(), ..customer.recipient() };
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
        match Token::of_link(token) {
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
        let Some(token) = Token::of_link(token) else { return Ok(None) };
        let (hash, now) = (token.hash(), self.now());
        let Some(change) = self.store.email_change(&hash, now).await? else { return Ok(None) };
        let username = change.username;
        let Some(customer) = self.store.customer(&username).await? else { return Ok(None) };
        let (notice, task) = self.news(&customer, hash.as_str());
        let confirmed = self.store.confirm_email_change(&hash, &username, &notice, &task, now);
        Ok(confirmed.await?.then_some(change))
    }

    /// Whether this link has changed an address; whoever comes by it again is told so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_changed_email(&self, token: &str) -> Result<bool, StoreError> {
        let Some(token) = Token::of_link(token) else { return Ok(false) };
        // It is posted with the change or not at all, and kept for longer than a link is good.
        Ok(self.store.mail(&notice_id(token.hash().as_str())).await?.is_some())
    }

    /// Makes an address the customer's without its having answered, for an operator who has found
    /// out whose the workspace is. `false` when there is no such customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_email(&self, username: &Username, email: &Email) -> Result<bool, StoreError> {
        let Some(customer) = self.store.customer(username).await? else { return Ok(false) };
        let (notice, task) = self.news(&customer, Token::random().hash().as_str());
        self.store.set_email(username, email, &notice, &task, self.now()).await
    }

    /// What tells the former address and Stripe of the change with this id.
    fn news(&self, customer: &Customer, id: &str) -> (NewMail, NewTask) {
        let (letter_id, former) = (notice_id(id), customer.recipient());
        let notice = self.renderer.write(letter_id, former, Message::EmailChanged, self.now());
        let task = NewTask::new(format!("payer/{id}"), Some(customer.username), &TellPayer {});
        (notice, task)
    }
}

fn notice_id(change: &str) -> String {
    format!("email-changed/{change}")
}
