//! Where an order stands.

use serde::Serialize;

use super::order::{Order, Payment, WorkspaceStatus};
use crate::base::clock::Moment;

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

impl Stage {
    pub(super) fn of(order: &Order, now: Moment) -> Self {
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
