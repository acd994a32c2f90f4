//! Sets a password by a link, or for the first time.

use axum::http::StatusCode;
use shared::Username;

use crate::accounts::passwords::{self, PasswordError, Weakness};
use crate::accounts::sign_in::SignInError;
use crate::app::App;
use crate::base::token::Token;
use crate::http::Problem;
use crate::model::mail::Recipient;
use crate::model::password_link::{OpenLink, Purpose};
use crate::model::sign_in::Proven;
use crate::routes::PAGE_WAIT;
use crate::store::{Customer, SessionsEnded, StoreError};

/// A password was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemed {
    /// By whom; a session can be opened for them.
    pub proven: Proven,
    /// After the first time it is common, and friendly, to be signed in.
    pub purpose: Purpose,
}

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The link was used, replaced, is too old or never was; or there is a password
    /// already. Who waits for another answer waits in vain.
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

/// The link with this token, while it can be used. Looking takes nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn peek(app: &App, token: &str) -> Result<Option<OpenLink>, StoreError> {
    match Token::parse(token) {
        Some(token) => app.store.password_link(&token.hash(), app.now()).await,
        None => Ok(None),
    }
}

/// Sets the password and takes the link; ends every session, at the edges too.
///
/// # Errors
/// See [`LinkError`]; nothing has changed then.
pub async fn redeem(app: &App, token: &str, new: String) -> Result<Redeemed, LinkError> {
    let token = Token::parse(token).ok_or(LinkError::Over)?;
    let link = app.store.password_link(&token.hash(), app.now()).await?.ok_or(LinkError::Over)?;
    let customer = app.store.customer(&link.username).await?.ok_or(LinkError::Over)?;
    let hash = hash(app, &customer, new).await?;
    // Of a first password there is nobody to warn.
    let notice = customer.has_password.then(|| {
        let recipient = Recipient { username: customer.username, email: &customer.email };
        app.renderer.password_changed(token.hash().as_str(), recipient, app.now())
    });
    let redeemed = app
        .store
        .redeem_password_link(&token.hash(), &link.username, &hash, notice.as_ref(), app.now())
        .await?;
    let SessionsEnded { generation, epoch } = redeemed.ok_or(LinkError::Over)?;
    app.publisher.publish_within(generation, PAGE_WAIT).await;
    Ok(Redeemed { proven: Proven { username: link.username, epoch }, purpose: link.purpose })
}

/// Sets the password of a customer who has none yet: for the browser that paid.
///
/// # Errors
/// See [`LinkError`]; nothing has changed then.
pub async fn set_first_password(
    app: &App,
    username: &Username,
    new: String,
) -> Result<Redeemed, LinkError> {
    let customer = app.store.customer(username).await?.ok_or(LinkError::Over)?;
    if customer.has_password {
        return Err(LinkError::Over);
    }
    let hash = hash(app, &customer, new).await?;
    let epoch = app.store.set_first_password(username, &hash, app.now()).await?;
    let proven = Proven { username: *username, epoch: epoch.ok_or(LinkError::Over)? };
    Ok(Redeemed { proven, purpose: Purpose::FirstTime })
}

async fn hash(app: &App, customer: &Customer, new: String) -> Result<String, LinkError> {
    let password = passwords::choose(new, &[customer.username.as_str(), &customer.email])?;
    Ok(app.sign_in.passwords().hash(password).await?)
}

impl From<LinkError> for Problem {
    /// Faults of the password are at the field `password`.
    fn from(refusal: LinkError) -> Self {
        match refusal {
            LinkError::Over => Self::new(
                StatusCode::GONE,
                "link_over",
                "This link works no more. You can ask for a new one.",
            ),
            LinkError::Weak(weakness) => Self::invalid("password", weakness.to_string()),
            LinkError::Hash(error) => SignInError::from(error).into(),
            LinkError::Store(error) => error.into(),
        }
    }
}
