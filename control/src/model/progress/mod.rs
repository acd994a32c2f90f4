//! How far an order is, in words for who paid. Pure.
//!
//! `Order` is what the database knows; `Progress` is what the page says of it, and
//! what its stream of events carries.

mod order;
mod stage;
mod step;
mod words;

use std::time::Duration;

use serde::Serialize;
use shared::PublicSite;

use crate::base::clock::Moment;
use crate::base::language::Language;
use crate::base::token::sha256_hex;
use crate::model::mail::MailState;
use words::About;

pub use order::{Order, OrderedStep, OrderedTask, OrderedWorkspace, Payment, WorkspaceStatus};
pub use stage::Stage;
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

/// Preparing usually takes seconds; after this it is late, and said to be.
const LATE: Duration = Duration::from_secs(120);

impl Progress {
    /// `is_owner`: whether the browser that ordered is asking.
    pub fn of(
        order: &Order,
        site: &PublicSite,
        is_owner: bool,
        language: Language,
        now: Moment,
    ) -> Self {
        let stage = Stage::of(order, now);
        let email = order.masked_email();
        let host = site.workspace_host(&order.username);
        let paid_for = order.workspace.map(|workspace| now.since(workspace.since));
        let is_late = paid_for.is_some_and(|time| time > LATE);
        let about = About {
            host: &host,
            email: &email,
            ticket: order.ticket.as_deref(),
            is_late,
            has_password: order.has_password,
            is_owner,
        };
        let headline = words::headline(language, stage);
        let text = words::text(language, stage, &about);
        let is_waiting = matches!(stage, Stage::Preparing | Stage::Pending);
        let fine = if is_waiting { words::you_may_leave(language, &email) } else { String::new() };
        let is_paid = order.payment == Payment::Paid;
        let steps = step::steps(order, is_paid, language, now);
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

#[cfg(test)]
mod tests;
