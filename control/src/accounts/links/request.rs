//! Sends a new link to whoever forgot their password, or lost the first link.
//!
//! The answer, and how long it takes, is the same whether there is such a
//! customer or not: the letter is written after the answer.

use std::net::IpAddr;
use std::time::Duration;

use shared::Username;
use tracing::{error, info};

use crate::app::{App, SharedApp};
use crate::base::email_address::Email;
use crate::model::attempts::{self, RESETS, RESETS_OF_A_PLACE};
use crate::model::mail::{Message, Recipient};
use crate::model::password_link::{NewLink, Purpose};
use crate::store::{Customer, StoreError};

/// Workspaces of one address that are written to. Who has more gives their names.
const WORKSPACES: u32 = 5;

/// Requests whose letters are being written; each takes milliseconds.
pub(crate) const AT_ONCE: usize = 16;

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// If there is such a customer, a letter is on its way.
    Taken,
    /// There were too many from this place, or from everywhere at once.
    TooMany { retry_after: Duration },
}

/// Asks for a link by name or e-mail address, as typed.
///
/// # Errors
/// When the database does not answer.
pub async fn request(app: &SharedApp, typed: &str, from: IpAddr) -> Result<Asked, StoreError> {
    let now = app.now();
    let place = (attempts::resets_from(from), RESETS_OF_A_PLACE);
    let counter = app.store.attempt_counter(&place.0).await?;
    if let Some(retry_after) = counter.and_then(|counter| counter.wait(RESETS_OF_A_PLACE, now)) {
        return Ok(Asked::TooMany { retry_after });
    }
    app.store.count(&[place], now).await?;
    let Ok(turn) = app.link_requests.clone().try_acquire_owned() else {
        return Ok(Asked::TooMany { retry_after: Duration::from_secs(2) });
    };
    let (app, typed) = (app.clone(), typed.trim().to_owned());
    tokio::spawn(async move {
        let _turn = turn;
        if let Err(cause) = answer(&app, &typed).await {
            error!("a password link could not be sent: {:#}", anyhow::Error::from(cause));
        }
    });
    Ok(Asked::Taken)
}

async fn answer(app: &App, typed: &str) -> Result<(), StoreError> {
    let customers = match Username::parse(&typed.to_lowercase()) {
        Ok(username) => app.store.customer(&username).await?.into_iter().collect(),
        Err(_) if may_be_address(typed) => app.store.customers_of_email(typed, WORKSPACES).await?,
        Err(_) => return Ok(()),
    };
    for customer in customers {
        send(app, &customer).await?;
    }
    Ok(())
}

/// What is worth a look into the database.
fn may_be_address(typed: &str) -> bool {
    typed.len() <= Email::MAX_BYTES && typed.contains('@') && !typed.contains(char::is_control)
}

async fn send(app: &App, customer: &Customer) -> Result<(), StoreError> {
    let (username, now) = (customer.username, app.now());
    let counter = (attempts::resets_of(&username), RESETS);
    // Counted before it is read: of many at once, no more than the limit get through.
    app.store.count(std::slice::from_ref(&counter), now).await?;
    let counter = app.store.attempt_counter(&counter.0).await?;
    if counter.is_some_and(|counter| counter.failures > RESETS.failures) {
        info!("{username} asked for more password links than an hour has; none was sent");
        return Ok(());
    }
    let purpose = if customer.has_password { Purpose::Reset } else { Purpose::FirstTime };
    let link = NewLink::draw(username, purpose, now);
    let letter = match purpose {
        Purpose::FirstTime => Message::SetPassword { link: &link },
        Purpose::Reset => Message::ResetPassword { link: &link },
    };
    let id = format!("password-link/{}", link.token.hash().as_str());
    let recipient = Recipient { username, email: &customer.email };
    let mail = app.renderer.write(id, recipient, letter, now);
    app.store.enqueue_with_link(&mail, Some(&link), now).await?;
    Ok(())
}
