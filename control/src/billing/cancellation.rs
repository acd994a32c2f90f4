//! Ends a subscription with the month that is paid for, and takes that back.

use super::BillingService;
use super::sync::{SyncError, sync_subscription};
use vendors::IdempotencyKey;
use vendors::stripe::id::SubscriptionId;
use vendors::stripe::subscription::SubscriptionChange;

/// Arranges the end; one that is arranged already stays as it is.
///
/// # Errors
/// When Stripe or the database does not answer; a second call finds out what came of it.
pub async fn cancel(billing: &BillingService, id: &SubscriptionId) -> Result<(), SyncError> {
    let subscription = billing.stripe.client.subscription(id).await?;
    let is_open = !subscription.is_scheduled_to_end() && subscription.ended_at.is_none();
    change(billing, id, is_open.then_some(SubscriptionChange::EndWithThePeriod)).await
}

/// Takes an arranged end back; where none is arranged, nothing changes.
///
/// # Errors
/// As [`cancel`].
pub async fn keep(billing: &BillingService, id: &SubscriptionId) -> Result<(), SyncError> {
    let subscription = billing.stripe.client.subscription(id).await?;
    change(billing, id, subscription.way_to_go_on()).await
}

async fn change(
    billing: &BillingService,
    id: &SubscriptionId,
    change: Option<SubscriptionChange>,
) -> Result<(), SyncError> {
    if let Some(change) = change {
        // Under a key of its own each time: done twice, it is the same.
        let key = IdempotencyKey::parse(format!("change/{id}/{}", shared::SessionId::random()));
        let key = key.expect("ids are short and plain");
        billing.stripe.client.update_subscription(id, change, &key).await?;
    }
    sync_subscription(billing, id).await
}
