//! What a link is for, and how long.

use std::time::Duration;

use shared::{PublicSite, Secret, Username};

use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;
use crate::base::token::Token;

text_enum! {
    pub enum Purpose or "not a purpose of a link" {
        /// Of a customer who has no password yet.
        FirstTime = "first_time",
        Reset = "reset",
    }
}

/// A link that nobody has yet; its token exists here and in the letter only.
#[derive(Debug)]
pub struct NewLink {
    pub token: Token,
    pub username: Username,
    pub purpose: Purpose,
    pub expires: Moment,
}

/// A link that can still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLink {
    pub username: Username,
    pub purpose: Purpose,
    pub expires: Moment,
}

impl Purpose {
    /// The first one waits in a mailbox over a weekend; the other is asked for by
    /// somebody who sits before it.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::FirstTime => Duration::from_secs(72 * 3_600),
            Self::Reset => Duration::from_secs(60 * 60),
        }
    }
}

impl NewLink {
    pub fn draw(username: Username, purpose: Purpose, now: Moment) -> Self {
        Self { token: Token::random(), username, purpose, expires: now.after(purpose.lifetime()) }
    }

    /// Who has it can set the password.
    pub fn url(&self, site: &PublicSite) -> Secret<String> {
        let token = self.token.expose();
        Secret::new(format!("{}/set-password?token={token}", site.site_url()))
    }
}

/// Where somebody asks for a new link.
pub fn request_url(site: &PublicSite) -> String {
    format!("{}/forgot-password", site.site_url())
}
