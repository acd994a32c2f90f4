//! The occasions on which a customer is written to, and the id of each letter.
//!
//! An id is made of what happened: told twice, it is one letter.

use std::time::Duration;

use shared::Username;

use super::MailRenderer;
use crate::base::clock::Moment;
use crate::model::mail::{Message, NewMail, Recipient};
use crate::model::password_link::{NewLink, Purpose};
use crate::model::receipt::Receipt;
use crate::model::workspace::EndReason;
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
    let recipient = Recipient { username, email: &customer.email };
    let mail = renderer.write(format!("welcome/{signup}"), recipient, letter, now);
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

    /// To be posted with the payment, where the address has `others` already.
    pub fn another_workspace(
        &self,
        signup: &str,
        to: Recipient<'_>,
        others: &[Username],
        now: Moment,
    ) -> NewMail {
        self.write(format!("another/{signup}"), to, Message::AnotherWorkspace { others }, now)
    }

    /// To be posted when a bank has refused what was ordered.
    pub fn order_failed(&self, signup: &str, to: Recipient<'_>, now: Moment) -> NewMail {
        self.write(format!("order-failed/{signup}"), to, Message::OrderFailed, now)
    }

    /// `until` is when access ends, or ended. `look` is the number of the look that saw it:
    /// an end that is taken back and planned again is another letter.
    pub fn cancelled(
        &self,
        (subscription, look): (&str, u64),
        to: Recipient<'_>,
        until: Moment,
        now: Moment,
    ) -> NewMail {
        let id = if until > now {
            format!("cancelled/{subscription}/{}/{look}", until.seconds())
        } else {
            format!("ended/{subscription}")
        };
        self.write(id, to, Message::Cancelled { until }, now)
    }

    /// Its workspace has ended, for a reason that is not the customer's own cancellation.
    pub fn ended(
        &self,
        subscription: &str,
        to: Recipient<'_>,
        why: EndReason,
        now: Moment,
    ) -> NewMail {
        self.write(format!("ended/{subscription}"), to, Message::Ended { why }, now)
    }

    /// Nobody paid: it is closed, and kept until it `ends`.
    pub fn closed(
        &self,
        subscription: &str,
        to: Recipient<'_>,
        ends: Moment,
        now: Moment,
    ) -> NewMail {
        let id = format!("closed/{subscription}/{}", ends.seconds());
        self.write(id, to, Message::Closed { ends }, now)
    }

    /// One of the two warnings before the end.
    pub fn end_is_near(
        &self,
        subscription: &str,
        to: Recipient<'_>,
        (ends, is_last): (Moment, bool),
        now: Moment,
    ) -> NewMail {
        let which = if is_last { "last" } else { "first" };
        let id = format!("end-is-near/{subscription}/{which}/{}", ends.seconds());
        self.write(id, to, Message::EndIsNear { ends, is_last }, now)
    }

    /// Nothing is left of it but this.
    pub fn deleted(&self, receipt: &Receipt, to: Recipient<'_>, now: Moment) -> NewMail {
        let id = format!("deleted/{}", receipt.signup);
        self.write(id, to, Message::Deleted { receipt }, now)
    }

    /// Each pause has a letter of its own.
    pub fn paused(&self, subscription: &str, to: Recipient<'_>, now: Moment) -> NewMail {
        let id = format!("paused/{subscription}/{}", now.seconds());
        self.write(id, to, Message::Paused, now)
    }

    /// Of each machine that is lost once.
    pub fn machine_replaced(&self, lost: &str, to: Recipient<'_>, now: Moment) -> NewMail {
        self.write(format!("machine-replaced/{lost}"), to, Message::MachineReplaced, now)
    }

    /// `grace_until` is how long a failed renewal is forgiven.
    pub fn payment_failed(
        &self,
        subscription: &str,
        to: Recipient<'_>,
        grace_until: Moment,
        now: Moment,
    ) -> NewMail {
        let id = format!("payment-failed/{subscription}/{}", grace_until.seconds());
        self.write(id, to, Message::PaymentFailed { grace_until }, now)
    }

    /// `change` names the change among all that ever were.
    pub fn password_changed(&self, change: &str, to: Recipient<'_>, now: Moment) -> NewMail {
        self.write(format!("password-changed/{change}"), to, Message::PasswordChanged, now)
    }
}
