//! STRIPE: something happened at Stripe; what it means is looked up there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::spec::{MINUTE, SECOND, Spec, steps};
use vendors::stripe::id::{
    ChargeId, CheckoutSessionId, DisputeId, FraudWarningId, RefundId, SubscriptionId,
};

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
    Charge(ChargeId),
    Refund(RefundId),
    Dispute(DisputeId),
    FraudWarning(FraudWarningId),
}

impl fmt::Display for SyncTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(id) => write!(formatter, "checkout {id}"),
            Self::Subscription(id) => write!(formatter, "subscription {id}"),
            Self::Charge(id) => write!(formatter, "charge {id}"),
            Self::Refund(id) => write!(formatter, "refund {id}"),
            Self::Dispute(id) => write!(formatter, "dispute {id}"),
            Self::FraudWarning(id) => write!(formatter, "early fraud warning {id}"),
        }
    }
}

impl SyncTarget {
    pub fn object(&self) -> &str {
        match self {
            Self::Checkout(id) => id.as_str(),
            Self::Subscription(id) => id.as_str(),
            Self::Charge(id) => id.as_str(),
            Self::Refund(id) => id.as_str(),
            Self::Dispute(id) => id.as_str(),
            Self::FraudWarning(id) => id.as_str(),
        }
    }
}

steps! { SyncStripe:
    FOLLOW = "follow",
}

impl SyncStripe {
    pub(super) const SPEC: Spec = Spec {
        steps: Self::STEPS,
        // With the back-off between them about two hours.
        max_attempts: 30,
        first_delay: SECOND,
        max_concurrency: 8,
        timeout: MINUTE.saturating_mul(2),
        has_own_promise: false,
        called_off: "what Stripe told is looked at by the hourly comparison only",
    };
}
