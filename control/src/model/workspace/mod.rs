//! What a customer has: a workspace under a name, from the payment to its end.

pub mod end_reason;
pub mod listing;
pub mod names;
pub mod state;
pub mod unpaid;
pub mod upkeep;

use shared::Username;

use super::sign_up::SignUpId;
use super::subscription::Billing;
use super::task::TaskId;
use crate::base::clock::Moment;
use vendors::stripe::id::{CustomerId, SubscriptionId};

pub use end_reason::EndReason;
pub use state::WorkspaceState;
pub use unpaid::{Unpaid, UnpaidTimes};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub username: Username,
    pub signup: SignUpId,
    pub state: WorkspaceState,
    /// Who pays, at Stripe.
    pub payer: CustomerId,
    pub subscription: SubscriptionId,
    pub billing: Billing,
    /// The task that prepares it or takes it down.
    pub task: Option<TaskId>,
    /// Looks at Stripe that have begun, which is the number of the latest.
    pub looks: u64,
    /// Where it is on its way to the end, while nobody pays for it.
    pub unpaid: Option<Unpaid>,
    /// Why it has ended, once it has.
    pub end_reason: Option<EndReason>,
    pub created: Moment,
    pub changed: Moment,
}
