//! Selling workspaces: from the form through Stripe's pages to what is paid for.
//!
//! Nothing follows from what an event says. It is a hint to look: `delivery`
//! judges whether it is Stripe's, the queue keeps it, and `sync` fetches the
//! object and does what its state means, as `payment` and `standing` decide. The
//! success page and `reconcile` look in the same way. `money_back` does so where money goes
//! back: refunds, disputes, warnings of fraud.

mod cancellation;
pub mod checkout;
pub mod delivery;
mod erasure;
mod incidents;
mod job;
mod money_back;
mod money_incidents;
mod offer;
mod payer;
pub mod payment;
pub mod reconcile;
mod renewal;
mod service;
pub mod settings;
pub mod subscription_list;
pub mod sync;

use std::sync::Arc;

use self::job::StripeJob;
use self::payer::PayerJob;
use crate::queue::Job;
use crate::store::Store;

pub use cancellation::{cancel, keep};
pub use erasure::{EraseError, erase};
pub use offer::Offer;
pub use renewal::checkout_again;
pub use service::{BillingService, ENDS_AN_HOUR, StripeBilling};
pub use settings::{SignUpConfig, StripeConfig};

/// One for each kind of task that is about money; `billing` is `None` where nothing is sold.
pub fn jobs(store: &Store, billing: Option<Arc<BillingService>>) -> Vec<Arc<dyn Job>> {
    let payer = PayerJob { store: store.clone(), billing: billing.clone() };
    vec![Arc::new(StripeJob { billing }), Arc::new(payer)]
}
