//! Subscriptions: what a customer pays for each month.

use serde::Deserialize;

use crate::idempotency::IdempotencyKey;
use crate::open_enum::open_enum;
use crate::stripe::customer::Customer;
use crate::stripe::expandable::{Expandable, Identified};
use crate::stripe::form::Form;
use crate::stripe::id::{CustomerId, InvoiceId, PriceId, SubscriptionId};
use crate::stripe::metadata::{Metadata, null_is_empty};
use crate::stripe::{Stripe, StripeError};

/// As it stands at Stripe. Moments are unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    pub id: SubscriptionId,
    pub status: SubscriptionStatus,
    pub customer: Expandable<CustomerId, Customer>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub metadata: Metadata,
    pub created: u64,
    /// Set by a cancellation in the portal, without `cancel_at_period_end`.
    pub cancel_at: Option<u64>,
    /// As `usd`.
    pub currency: String,
    pub livemode: bool,
    /// While it is there, nothing is collected although the status stays as it was.
    pub pause_collection: Option<PauseCollection>,
    #[serde(default)]
    pub cancel_at_period_end: bool,
    pub canceled_at: Option<u64>,
    pub ended_at: Option<u64>,
    items: Items,
    pub latest_invoice: Option<Expandable<InvoiceId, Invoice>>,
    cancellation_details: Option<CancellationDetails>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Items {
    data: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    current_period_end: u64,
    pub price: ItemPrice,
    /// `None` for what is measured.
    pub quantity: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemPrice {
    pub id: PriceId,
}

/// How collecting is paused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PauseCollection {
    /// `void`, `keep_as_draft` or `mark_uncollectible`.
    pub behavior: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct CancellationDetails {
    reason: Option<CancellationReason>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Invoice {
    pub id: InvoiceId,
}

open_enum! {
    SubscriptionStatus {
        Active = "active",
        Trialing = "trialing",
        /// A renewal failed, and Stripe tries again.
        PastDue = "past_due",
        /// Stripe has given up trying.
        Unpaid = "unpaid",
        Paused = "paused",
        /// The first payment is not done; at most 23 hours.
        Incomplete = "incomplete",
        /// For good, like `Canceled`.
        IncompleteExpired = "incomplete_expired",
        Canceled = "canceled",
    }
}

open_enum! {
    CancellationReason {
        Requested = "cancellation_requested",
        PaymentDisputed = "payment_disputed",
        PaymentFailed = "payment_failed",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionChange {
    EndWithThePeriod,
    /// Takes back a cancellation made through the API or the dashboard.
    GoOn,
    /// Takes back one made in the portal, which sets a date instead.
    ForgetTheDate,
}

impl SubscriptionStatus {
    /// Such a subscription never comes back.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

impl Identified<InvoiceId> for Invoice {
    fn id(&self) -> &InvoiceId {
        &self.id
    }
}

impl Identified<SubscriptionId> for Subscription {
    fn id(&self) -> &SubscriptionId {
        &self.id
    }
}

impl Subscription {
    /// End of what is paid for, unix seconds. `None` when it has no items.
    pub fn period_end(&self) -> Option<u64> {
        self.items.data.first().map(|item| item.current_period_end)
    }

    pub fn price(&self) -> Option<&PriceId> {
        self.items.data.first().map(|item| &item.price.id)
    }

    pub fn items(&self) -> &[Item] {
        &self.items.data
    }

    pub fn cancellation_reason(&self) -> Option<&CancellationReason> {
        self.cancellation_details.as_ref()?.reason.as_ref()
    }

    /// Is its end arranged, in either of Stripe's two forms?
    pub fn is_scheduled_to_end(&self) -> bool {
        self.cancel_at_period_end || self.cancel_at.is_some()
    }

    /// What takes the arranged end back. `None` when there is none.
    pub fn way_to_go_on(&self) -> Option<SubscriptionChange> {
        if self.cancel_at_period_end {
            // In the older billing mode this also sets the date, and clears it again.
            Some(SubscriptionChange::GoOn)
        } else {
            self.cancel_at.map(|_| SubscriptionChange::ForgetTheDate)
        }
    }
}

impl Stripe {
    pub async fn subscription(&self, id: &SubscriptionId) -> Result<Subscription, StripeError> {
        self.read(&format!("/v1/subscriptions/{id}"), &Form::default()).await
    }

    pub async fn update_subscription(
        &self,
        id: &SubscriptionId,
        change: SubscriptionChange,
        key: &IdempotencyKey,
    ) -> Result<Subscription, StripeError> {
        self.write(&format!("/v1/subscriptions/{id}"), &change.form(), key).await
    }

    /// Ends it now, with neither a last invoice nor money back.
    ///
    /// # Errors
    /// One that has ended before is `is_missing`: look at it instead.
    pub async fn cancel_subscription(
        &self,
        id: &SubscriptionId,
    ) -> Result<Subscription, StripeError> {
        let query = Form::default().with("invoice_now", "false").with("prorate", "false");
        self.delete(&format!("/v1/subscriptions/{id}"), &query).await
    }
}

impl SubscriptionChange {
    fn form(self) -> Form {
        match self {
            Self::EndWithThePeriod => Form::default().with("cancel_at_period_end", "true"),
            Self::GoOn => Form::default().with("cancel_at_period_end", "false"),
            // An empty value is how Stripe unsets one.
            Self::ForgetTheDate => Form::default().with("cancel_at", ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn of_event(text: &str) -> Subscription {
        let event: Value = serde_json::from_str(text).unwrap();
        serde_json::from_value(event["data"]["object"].clone()).unwrap()
    }

    macro_rules! sample {
        ($name:literal) => {
            of_event(include_str!(concat!("../../../tests/stripe-samples/", $name, ".json")))
        };
    }

    #[test]
    fn every_sample_is_read_and_its_end_is_known() {
        let check = |subscription: Subscription, status, is_scheduled, way| {
            assert_eq!(subscription.status, status);
            assert_eq!(subscription.is_scheduled_to_end(), is_scheduled);
            assert_eq!(subscription.way_to_go_on(), way);
            assert!(subscription.period_end().is_some() && subscription.price().is_some());
        };
        use SubscriptionStatus::*;
        check(sample!("06_subscription_created_incomplete"), Incomplete, false, None);
        check(sample!("07_subscription_updated_active"), Active, false, None);
        check(
            sample!("08_subscription_updated_portal_cancel_flexible"),
            Active,
            true,
            Some(SubscriptionChange::ForgetTheDate),
        );
        check(
            sample!("09_subscription_updated_api_cancel_at_period_end"),
            Active,
            true,
            Some(SubscriptionChange::GoOn),
        );
        check(sample!("10_subscription_updated_past_due"), PastDue, false, None);
        let requested = sample!("11_subscription_deleted");
        assert_eq!(requested.status, Canceled);
        assert_eq!(requested.cancellation_reason(), Some(&CancellationReason::Requested));
        let failed = sample!("12_subscription_deleted_payment_failed");
        assert_eq!(failed.cancellation_reason(), Some(&CancellationReason::PaymentFailed));
        assert!(failed.ended_at.is_some());
    }
}
