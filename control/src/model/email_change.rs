//! Another address of a customer, until the link that was sent there is used.

use std::time::Duration;

use shared::{PublicSite, Secret, Username};

use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::base::token::Token;

/// Asked for by somebody who sits before the mailbox, as with a new password.
pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// A change that is asked for; its token exists here and in the letter only.
#[derive(Debug)]
pub struct NewEmailChange {
    pub token: Token,
    pub username: Username,
    pub email: Email,
    pub expires: Moment,
}

/// A change that can still be confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEmailChange {
    pub username: Username,
    pub email: Email,
    pub expires: Moment,
}

impl NewEmailChange {
    pub fn draw(username: Username, email: Email, now: Moment) -> Self {
        Self { token: Token::random(), username, email, expires: now.after(LIFETIME) }
    }

    /// Who has it can confirm the change.
    pub fn url(&self, site: &PublicSite) -> Secret<String> {
        let token = self.token.expose();
        Secret::new(format!("{}/confirm-email?token={token}", site.site_url()))
    }
}
