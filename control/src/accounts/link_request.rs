//! Sends a new link to a customer who forgot the password, or lost the first link.
//!
//! The answer, and how long it takes, is the same whether there is such a customer or
//! not: the mail is written after the answer.

use std::net::IpAddr;
use std::time::Duration;

use shared::Username;
use tracing::{error, info};

use super::service::Accounts;
use crate::base::email_address::Email;
use crate::base::typed;
use crate::model::attempts::{self, RESETS, RESETS_OF_A_PLACE};
use crate::model::mail::Message;
use crate::model::password_link::{NewLink, Purpose};
use crate::store::{Customer, StoreError};

/// Workspaces of one address that are written to. A customer who has more gives their names.
const WORKSPACES: u32 = 5;

/// When a request may be repeated that came while too many mails were being written.
const RETRY_WHEN_BUSY: Duration = Duration::from_secs(2);

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRequested {
    /// If there is such a customer, a mail is on its way.
    Taken,
    /// There were too many from this place, or from everywhere at once.
    TooMany { retry_after: Duration },
}

impl Accounts {
    /// Asks for a link by name or e-mail address, as typed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn request_link(
        &self,
        typed: &str,
        from: IpAddr,
    ) -> Result<LinkRequested, StoreError> {
        let now = self.now();
        let place = (attempts::resets_from(from), RESETS_OF_A_PLACE);
        let counter = self.store.attempt_counter(&place.0).await?;
        if let Some(retry_after) = counter.and_then(|counter| counter.wait(RESETS_OF_A_PLACE, now))
        {
            return Ok(LinkRequested::TooMany { retry_after });
        }
        self.store.count(&[place], now).await?;
        let Ok(permit) = self.link_requests.clone().try_acquire_owned() else {
            return Ok(LinkRequested::TooMany { retry_after: RETRY_WHEN_BUSY });
        };
        let (accounts, typed) = (self.clone(), typed::plain(typed));
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(cause) = accounts.send_links(&typed).await {
                error!("a password link could not be sent: {:#}", anyhow::Error::from(cause));
            }
        });
        Ok(LinkRequested::Taken)
    }

    async fn send_links(&self, typed: &str) -> Result<(), StoreError> {
        let customers = match (Username::parse(&typed.to_lowercase()), Email::parse(typed)) {
            (Ok(username), _) => self.store.customer(&username).await?.into_iter().collect(),
            (_, Ok(email)) => self.store.customers_of_email(&email, WORKSPACES).await?,
            _ => return Ok(()),
        };
        for customer in customers {
            self.send_link(&customer).await?;
        }
        Ok(())
    }

    async fn send_link(&self, customer: &Customer) -> Result<(), StoreError> {
        let (username, now) = (customer.username, self.now());
        let counter = (attempts::resets_of(&username), RESETS);
        // Counted before it is read: of many at once, no more than the limit get through.
        self.store.count(std::slice::from_ref(&counter), now).await?;
        let counter = self.store.attempt_counter(&counter.0).await?;
        if counter.is_some_and(|counter| counter.failures > RESETS.failures) {
            info!("{username} asked for more password links than an hour has; none was sent");
            return Ok(());
        }
        let purpose = if customer.has_password { Purpose::Reset } else { Purpose::FirstTime };
        let link = NewLink::draw(username, purpose, now);
        let message = match purpose {
            Purpose::FirstTime => Message::SetPassword { link: &link },
            Purpose::Reset => Message::ResetPassword { link: &link },
        };
        let id = format!("password-link/{}", link.token.hash().as_str());
        let mail = self.renderer.write(id, customer.recipient(), message, now);
        self.store.enqueue_with_link(&mail, Some(&link), now).await?;
        Ok(())
    }
}
