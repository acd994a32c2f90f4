//! How far an order is, in words for who paid. Pure.
//!
//! `Order` is what the database knows; `Progress` is what the page says of it, and
//! what its stream of events carries.

mod order;
mod step;

use std::time::Duration;

use serde::Serialize;
use shared::PublicSite;

use crate::base::clock::Moment;
use crate::base::token::sha256_hex;
use crate::model::mail::MailState;

pub use order::{Order, OrderedStep, OrderedTask, OrderedWorkspace, Payment, WorkspaceStatus};
pub use step::{Step, StepState};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub stage: Stage,
    pub headline: &'static str,
    pub text: String,
    pub fine: String,
    pub steps: Vec<Step>,
    pub has_password: bool,
    /// Nothing more will happen without the customer.
    pub is_final: bool,
    /// The server's time, by which elapsed time is counted.
    pub now: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The payment page was left.
    Unpaid,
    /// The bank is paying.
    Pending,
    Expired,
    Declined,
    Preparing,
    /// Given up for now; somebody looks after it.
    Stuck,
    Live,
    /// The workspace is closed, and opens again with a payment.
    Suspended,
    /// The workspace and its account are gone.
    Ended,
}

/// Preparing usually takes seconds; after this it is late, and said to be.
const LATE: Duration = Duration::from_secs(120);

impl Progress {
    /// `is_owner`: whether the browser that ordered is asking.
    pub fn of(order: &Order, site: &PublicSite, is_owner: bool, now: Moment) -> Self {
        let stage = Stage::of(order, now);
        let email = order.masked_email();
        let host = site.workspace_host(&order.username);
        let paid_for = order.workspace.map(|workspace| now.since(workspace.since));
        let is_late = paid_for.is_some_and(|time| time > LATE);
        let (headline, text) = match stage {
            Stage::Unpaid => (
                "Waiting for your payment",
                "We have not heard of it from Stripe yet. If you have paid, your payment is safe: \
                 there is no need to pay again, and this page goes on by itself. If you have not, \
                 nothing was charged, and your choices are kept for a while."
                    .to_owned(),
            ),
            Stage::Pending => (
                "Your bank is on it",
                format!(
                    "We have your order. A payment by bank takes a few working days; when it is \
                     here, we prepare {host} and write to {email}."
                ),
            ),
            Stage::Expired => (
                "This order has ended",
                "It was not paid in time, and nothing was charged.".to_owned(),
            ),
            Stage::Declined => (
                "The payment did not go through",
                "Your bank refused it, and nothing was charged. You can try again, also with \
                 another card or account."
                    .to_owned(),
            ),
            Stage::Preparing if is_late => (
                "Your workspace is being prepared",
                "Your payment has arrived and is safe. This takes longer than usual; it goes on \
                 by itself, and nothing is charged twice."
                    .to_owned(),
            ),
            Stage::Preparing => (
                "Your workspace is being prepared",
                "Your payment has arrived. This usually takes less than a minute, and you can \
                 watch it here."
                    .to_owned(),
            ),
            Stage::Stuck => {
                let ticket = order.ticket.as_ref();
                let ticket = ticket.map(|id| format!(" (ticket {id})")).unwrap_or_default();
                (
                    "Something is in the way on our side",
                    format!(
                        "Your payment is safe, and you will not be charged twice. We have been \
                         told{ticket} and are looking into it. When your workspace is ready, we \
                         write to {email}: there is nothing you need to do."
                    ),
                )
            }
            Stage::Live => ("Your workspace is ready", ready(order, &host, &email, is_owner)),
            Stage::Suspended => (
                "This workspace is closed",
                "Your account page says how it stands, and what can be done.".to_owned(),
            ),
            Stage::Ended => (
                "This workspace has ended",
                "Its subscription is over, and it is deleted with everything in it. You are \
                 welcome to order another."
                    .to_owned(),
            ),
        };
        let is_waiting = matches!(stage, Stage::Preparing | Stage::Pending);
        let fine = if is_waiting {
            format!("You can close this page: we write to {email} when everything is ready.")
        } else {
            String::new()
        };
        let is_paid = order.payment == Payment::Paid;
        let steps = step::steps(order, is_paid, now);
        let is_final = match stage {
            // Whoever looks after a stuck one has it go on.
            Stage::Unpaid | Stage::Pending | Stage::Preparing | Stage::Stuck => false,
            Stage::Live => {
                let is_over = order.task.as_ref().is_none_or(|task| task.is_over);
                is_over && order.letter != Some(MailState::Waiting)
            }
            Stage::Expired | Stage::Declined | Stage::Suspended | Stage::Ended => true,
        };
        let has_password = order.has_password;
        Self { stage, headline, text, fine, steps, has_password, is_final, now }
    }

    /// Names what is said here, whatever the time is: the id of an event.
    pub fn fingerprint(&self) -> String {
        let timeless = Self { now: Moment::from_millis(0), ..self.clone() };
        let json = serde_json::to_string(&timeless).expect("words and numbers");
        sha256_hex(&json)[..16].to_owned()
    }

    pub fn shows_steps(&self) -> bool {
        matches!(self.stage, Stage::Pending | Stage::Preparing | Stage::Stuck | Stage::Live)
    }
}

fn ready(order: &Order, host: &str, email: &str, is_owner: bool) -> String {
    match (order.has_password, is_owner) {
        (true, _) => format!("It answers at {host}."),
        (false, true) => format!("It answers at {host}. Choose a password, and you can go in."),
        (false, false) => {
            format!("It answers at {host}. The mail to {email} has the link that lets you in.")
        }
    }
}

impl Stage {
    fn of(order: &Order, now: Moment) -> Self {
        let is_past = |end: Moment| end <= now;
        match (order.payment, order.workspace.map(|workspace| workspace.status)) {
            (Payment::Open, _) if order.checkout_expires.is_some_and(is_past) => Self::Expired,
            (Payment::Open, _) => Self::Unpaid,
            (Payment::Pending, _) => Self::Pending,
            (Payment::Expired, _) => Self::Expired,
            (Payment::Failed, _) => Self::Declined,
            (Payment::Paid, Some(WorkspaceStatus::Live)) => Self::Live,
            (Payment::Paid, Some(WorkspaceStatus::Suspended)) => Self::Suspended,
            // The payment opens the workspace; where there is none any more, it is gone.
            (Payment::Paid, None | Some(WorkspaceStatus::Ended)) => Self::Ended,
            (Payment::Paid, Some(WorkspaceStatus::Preparing)) => {
                let is_dead = order.task.as_ref().is_some_and(|task| task.is_dead);
                if is_dead { Self::Stuck } else { Self::Preparing }
            }
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::Preparing => "preparing",
            Self::Stuck => "stuck",
            Self::Live => "live",
            Self::Suspended => "suspended",
            Self::Ended => "ended",
        }
    }

    pub fn offers_a_new_start(self) -> bool {
        matches!(self, Self::Expired | Self::Declined | Self::Ended)
    }
}

#[cfg(test)]
mod tests;
