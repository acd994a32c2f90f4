//! Letters that are written on more than one occasion, or ask for more than words.

use std::time::Duration;

use shared::Username;

use super::MailRenderer;
use crate::base::clock::Moment;
use crate::model::mail::{Message, NewMail, Recipient};
use crate::model::password_link::{NewLink, Purpose};
use crate::store::{Store, StoreError};

/// Who waits longer than this for a workspace hears that the payment has arrived.
pub const ORDER_PATIENCE: Duration = Duration::from_secs(2 * 60);

/// A workspace that answers.
#[derive(Debug, Clone, Copy)]
pub struct Welcome<'a> {
    /// The id of the sign-up that paid for it.
    pub signup: &'a str,
    pub username: Username,
    /// The end of the period that is paid for.
    pub next_payment: Option<Moment>,
}

/// Posts the welcome letter, with a link to set the password where there is none yet.
///
/// Again, it changes nothing: the link that is on its way stays good. `false` when
/// the customer is gone, and nobody is there to be welcomed.
///
/// # Errors
/// When the database does not answer.
pub async fn enqueue_welcome(
    store: &Store,
    renderer: &MailRenderer,
    welcome: Welcome<'_>,
    now: Moment,
) -> Result<bool, StoreError> {
    let Welcome { signup, username, next_payment } = welcome;
    let Some(customer) = store.customer(&username).await? else { return Ok(false) };
    let link = (!customer.has_password).then(|| NewLink::draw(username, Purpose::FirstTime, now));
    let letter = Message::Welcome { link: link.as_ref(), next_payment };
    let id = format!("welcome/{signup}");
    let mail = renderer.write(id, customer.recipient(), letter, now);
    store.enqueue_with_link(&mail, link.as_ref(), now).await?;
    Ok(true)
}

impl MailRenderer {
    /// To be posted with the payment; it waits, and is dropped if the workspace is
    /// live by then.
    pub fn order_received(&self, signup: &str, to: Recipient<'_>, now: Moment) -> NewMail {
        let mail = self.write(format!("order/{signup}"), to, Message::OrderReceived, now);
        NewMail { run_at: Some(now.after(ORDER_PATIENCE)), ..mail }
    }

    /// `change` names the change among all that ever were.
    pub fn password_changed(&self, change: &str, to: Recipient<'_>, now: Moment) -> NewMail {
        self.write(format!("password-changed/{change}"), to, Message::PasswordChanged, now)
    }
}
