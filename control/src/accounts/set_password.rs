//! Sets a password: by a mailed link, for the first time, or for a signed-in customer.
//!
//! One way for all: the password is judged, hashed, written together with its effects
//! in one transaction, and the edges hear that older sessions are over.

use std::net::IpAddr;

use shared::Username;

use super::passwords::{self, PasswordError, Weakness};
use super::service::Accounts;
use crate::base::token::Token;
use crate::model::attempts::{Counters, PLACE_LIFETIME};
use crate::model::password_link::{OpenLink, Purpose};
use crate::model::sign_in::Proven;
use crate::routes::PAGE_WAIT;
use crate::store::{Customer, SessionsEnded, StoreError};

/// A password was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemed {
    /// Whose password it is; a session can be opened for them.
    pub proven: Proven,
    /// After the first time the customer is signed in at once.
    pub purpose: Purpose,
}

/// Why no password was set; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// The link was used, replaced, is too old or never was; the customer has a password
    /// already, or is gone. No later attempt can succeed.
    #[error("the link is not open any more")]
    Over,
    /// The link is still open.
    #[error(transparent)]
    Weak(#[from] Weakness),
    #[error(transparent)]
    Hash(#[from] PasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Accounts {
    /// The link with this token, while it can be used. Looking takes nothing: mail
    /// programs open links before people do.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_link(&self, token: &str) -> Result<Option<OpenLink>, StoreError> {
        match Token::of_link(token) {
            Some(token) => self.store.password_link(&token.hash(), self.now()).await,
            None => Ok(None),
        }
    }

    /// The link with this token, once it was used or a newer one has taken its place.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn spent_link(&self, token: &str) -> Result<Option<OpenLink>, StoreError> {
        match Token::of_link(token) {
            Some(token) => self.store.spent_password_link(&token.hash(), self.now()).await,
            None => Ok(None),
        }
    }

    /// Sets the password and takes the link; ends every session, at the edges too. A lock-out
    /// of the account, from `address`, is lifted: the owner has shown the mailbox.
    ///
    /// # Errors
    /// See [`SetPasswordError`].
    pub async fn redeem_link(
        &self,
        token: &str,
        new: String,
        address: IpAddr,
    ) -> Result<Redeemed, SetPasswordError> {
        let token = Token::of_link(token).ok_or(SetPasswordError::Over)?;
        let (hashed, now) = (token.hash(), self.now());
        let link = self.store.password_link(&hashed, now).await?.ok_or(SetPasswordError::Over)?;
        let customer = self.existing(&link.username).await?;
        let hash = self.hash(&customer, new).await?;
        // A first password is no news to its owner.
        let notice = customer.has_password.then(|| {
            self.renderer.password_changed(hashed.as_str(), customer.recipient(), self.now())
        });
        let username = link.username;
        let redeemed = self
            .store
            .redeem_password_link(&hashed, &username, &hash, notice.as_ref(), self.now())
            .await?;
        let proven = self.publish(username, redeemed).await?;
        let counters = Counters::of(Some(&username), address);
        self.store.lift_lockout(&counters, self.now(), PLACE_LIFETIME).await?;
        Ok(Redeemed { proven, purpose: link.purpose })
    }

    /// Sets the password of a customer who has none yet: for the browser that paid.
    ///
    /// # Errors
    /// See [`SetPasswordError`].
    pub async fn set_first_password(
        &self,
        username: &Username,
        new: String,
    ) -> Result<Redeemed, SetPasswordError> {
        let customer = self.existing(username).await?;
        if customer.has_password {
            return Err(SetPasswordError::Over);
        }
        let hash = self.hash(&customer, new).await?;
        let epoch = self.store.set_first_password(username, &hash, self.now()).await?;
        let proven = Proven { username: *username, epoch: epoch.ok_or(SetPasswordError::Over)? };
        Ok(Redeemed { proven, purpose: Purpose::FirstTime })
    }

    /// Sets another password; ends every session, at the edges too. Whether the caller may
    /// do so is for the caller to find out.
    ///
    /// # Errors
    /// See [`SetPasswordError`]; `Over` when the customer is gone.
    pub async fn change_password(
        &self,
        username: &Username,
        new: String,
    ) -> Result<Proven, SetPasswordError> {
        let ended = self.replace_password(username, new).await?;
        self.publish(*username, Some(ended)).await
    }

    /// [`Accounts::change_password`] without waiting for the edges.
    ///
    /// # Errors
    /// As there.
    pub async fn replace_password(
        &self,
        username: &Username,
        new: String,
    ) -> Result<SessionsEnded, SetPasswordError> {
        let customer = self.existing(username).await?;
        let hash = self.hash(&customer, new).await?;
        let now = self.now();
        let change = Token::random().hash();
        let notice = self.renderer.password_changed(change.as_str(), customer.recipient(), now);
        let ended = self.store.set_password(username, &hash, &notice, now).await?;
        ended.ok_or(SetPasswordError::Over)
    }

    /// The hash of a first password that comes with a new account.
    ///
    /// # Errors
    /// `Weak` or `Hash`.
    pub async fn hash_new(
        &self,
        username: &Username,
        email: &str,
        new: String,
    ) -> Result<String, SetPasswordError> {
        let password = passwords::choose(new, &[username.as_str(), email])?;
        Ok(self.passwords.hash(password).await?)
    }

    async fn hash(&self, customer: &Customer, new: String) -> Result<String, SetPasswordError> {
        self.hash_new(&customer.username, &customer.email, new).await
    }

    async fn existing(&self, username: &Username) -> Result<Customer, SetPasswordError> {
        self.store.customer(username).await?.ok_or(SetPasswordError::Over)
    }

    async fn publish(
        &self,
        username: Username,
        ended: Option<SessionsEnded>,
    ) -> Result<Proven, SetPasswordError> {
        let SessionsEnded { generation, epoch } = ended.ok_or(SetPasswordError::Over)?;
        self.publisher.publish_within(generation, PAGE_WAIT).await;
        Ok(Proven { username, epoch })
    }
}
