//! What a customer has: a workspace under a name, from the payment to its end.

pub mod life;
pub mod names;

use shared::Username;

use crate::billing::Billing;
use crate::clients::stripe::id::{CustomerId, SubscriptionId};
use crate::clock::Moment;
use crate::queue::TaskId;
use crate::signups::SignUpId;

pub use life::Life;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub username: Username,
    pub signup: SignUpId,
    pub life: Life,
    /// Who pays, at Stripe.
    pub payer: CustomerId,
    pub subscription: SubscriptionId,
    pub billing: Billing,
    /// The task that prepares it or takes it down.
    pub task: Option<TaskId>,
    pub created: Moment,
    pub changed: Moment,
}
