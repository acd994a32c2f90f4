//! STRIPE: something happened at Stripe; what it means is looked up there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, Payload, SECOND, Spec, StepName};
use crate::model::task::kind::Kind;
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncStripe {
    #[serde(flatten)]
    pub target: SyncTarget,
    /// The type of the event that told of it, for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// What may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", content = "object", rename_all = "snake_case")]
pub enum SyncTarget {
    Checkout(CheckoutSessionId),
    Subscription(SubscriptionId),
}

impl fmt::Display for SyncTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(id) => write!(formatter, "checkout {id}"),
            Self::Subscription(id) => write!(formatter, "subscription {id}"),
        }
    }
}

impl SyncTarget {
    pub fn object(&self) -> &str {
        match self {
            Self::Checkout(id) => id.as_str(),
            Self::Subscription(id) => id.as_str(),
        }
    }
}

impl Payload for SyncStripe {
    const KIND: Kind = Kind::Stripe;
}

impl SyncStripe {
    pub const FOLLOW: StepName = StepName::new("follow");
}

pub(super) const STRIPE: Spec = Spec {
    steps: &[SyncStripe::FOLLOW],
    // With the back-off between them about two hours.
    max_attempts: 30,
    first_delay: SECOND,
    max_concurrency: 8,
    timeout: MINUTE.saturating_mul(2),
};
