//! Money that goes back: what becomes of the workspace that it was paid for.
//!
//! A dispute, and a refund of all that was paid for the present period, end access at
//! once; the subscription at Stripe ends after that, so that nothing more is charged.
//! Whatever else happens to the money is told to an operator. As with everything of
//! Stripe's, the object is fetched and its state decides: events may come in any order,
//! and twice.

use tracing::info;

use super::money_incidents::Payer;
use super::offer::SIGN_UP;
use super::sync::{self, SyncError};
use super::{BillingService, money_incidents};
use crate::model::incident::Incident;
use crate::model::sign_up::SignUpId;
use crate::model::workspace::{EndReason, Workspace};
use crate::workspaces;
use shared::Username;
use vendors::stripe::id::{ChargeId, DisputeId, FraudWarningId, RefundId, SubscriptionId};
use vendors::stripe::money_back::{Charge, DisputeStatus, RefundStatus};

/// A charge that paid for a workspace of ours.
struct Payment {
    payer: Payer,
    /// `None` while it is not opened yet.
    workspace: Option<Workspace>,
    /// End of what it paid for, unix seconds.
    paid_until: Option<u64>,
}

/// What is to be done about money that went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refunded {
    Nothing,
    /// A part of it, or all of a period that is over.
    Noted,
    Ended,
}

/// Looks how much of a charge went back.
///
/// # Errors
/// When Stripe or the database does not answer; a second call finds out what came of it.
pub(super) async fn sync_charge(billing: &BillingService, id: &ChargeId) -> Result<(), SyncError> {
    let Some((charge, payment)) = paid_by(billing, id).await? else { return Ok(()) };
    match refunded(&charge, payment.paid_until, billing.now().seconds()) {
        Refunded::Nothing => Ok(()),
        Refunded::Noted => {
            report(billing, &money_incidents::noted_refund(&payment.payer, &charge)).await
        }
        Refunded::Ended => end(billing, &payment, EndReason::Refund).await,
    }
}

/// # Errors
/// As [`sync_charge`].
pub(super) async fn sync_refund(billing: &BillingService, id: &RefundId) -> Result<(), SyncError> {
    let refund = billing.stripe.client.refund(id).await.map_err(SyncError::of_look)?;
    let Some(charge) = &refund.charge else { return Ok(()) };
    if refund.status == Some(RefundStatus::Failed) && paid_by(billing, charge).await?.is_some() {
        report(billing, &money_incidents::failed_refund(&refund)).await?;
    }
    sync_charge(billing, charge).await
}

/// # Errors
/// As [`sync_charge`].
pub(super) async fn sync_dispute(
    billing: &BillingService,
    id: &DisputeId,
) -> Result<(), SyncError> {
    use DisputeStatus::{
        Lost, NeedsResponse, Prevented, UnderReview, Unknown, WarningClosed, WarningNeedsResponse,
        WarningUnderReview, Won,
    };
    let dispute = billing.stripe.client.dispute(id).await.map_err(SyncError::of_look)?;
    let Some((_, payment)) = paid_by(billing, &dispute.charge).await? else { return Ok(()) };
    let incident = match dispute.status {
        NeedsResponse | UnderReview => {
            end(billing, &payment, EndReason::Dispute).await?;
            money_incidents::dispute(&payment.payer, &dispute)
        }
        Lost => {
            end(billing, &payment, EndReason::Dispute).await?;
            money_incidents::decided_dispute(&payment.payer, &dispute, false)
        }
        Won => money_incidents::decided_dispute(&payment.payer, &dispute, true),
        WarningNeedsResponse | WarningUnderReview => {
            money_incidents::inquiry(&payment.payer, &dispute)
        }
        // The money stayed, or went back by a refund, which tells of itself.
        WarningClosed | Prevented => return Ok(()),
        Unknown(_) => money_incidents::unknown_dispute(&payment.payer, &dispute),
    };
    report(billing, &incident).await
}

/// # Errors
/// As [`sync_charge`].
pub(super) async fn sync_warning(
    billing: &BillingService,
    id: &FraudWarningId,
) -> Result<(), SyncError> {
    let warning = billing.stripe.client.fraud_warning(id).await.map_err(SyncError::of_look)?;
    let Some((_, payment)) = paid_by(billing, &warning.charge).await? else { return Ok(()) };
    report(billing, &money_incidents::fraud_warning(&payment.payer, &warning)).await
}

/// A goodwill refund of an earlier month must not delete what is paid for now.
fn refunded(charge: &Charge, paid_until: Option<u64>, now: u64) -> Refunded {
    let is_present = paid_until.is_none_or(|until| now < until);
    match charge.amount_refunded {
        0 => Refunded::Nothing,
        back if back >= charge.amount && is_present => Refunded::Ended,
        _ => Refunded::Noted,
    }
}

/// A charge with what it paid for; `None` when that was nothing of ours: the account may
/// sell more than workspaces.
async fn paid_by(
    billing: &BillingService,
    id: &ChargeId,
) -> Result<Option<(Charge, Payment)>, SyncError> {
    let stripe = &billing.stripe.client;
    let charge = stripe.charge(id).await.map_err(SyncError::of_look)?;
    if charge.livemode != billing.stripe.is_live {
        let object = format!("charge {id}");
        return Err(SyncError::Odd { object, what: "it is of the other mode" });
    }
    let Some(intent) = &charge.payment_intent else { return Ok(None) };
    let Some(invoice) = stripe.invoice_of(intent).await? else { return Ok(None) };
    let Some(subscription) = invoice.subscription() else { return Ok(None) };
    let workspace = billing.store.workspace_of_subscription(subscription).await?;
    let username = match &workspace {
        Some(workspace) => Some(workspace.username),
        None => ordered(billing, subscription).await?,
    };
    let payment = |username| Payment {
        payer: Payer { username, subscription: subscription.clone() },
        workspace,
        paid_until: invoice.paid_until(),
    };
    Ok(username.map(payment).map(|payment| (charge, payment)))
}

/// The name of the sign-up that a subscription was made for, if it is one of ours.
async fn ordered(
    billing: &BillingService,
    id: &SubscriptionId,
) -> Result<Option<Username>, SyncError> {
    let subscription = billing.stripe.client.subscription(id).await?;
    let signup = subscription.metadata.get(SIGN_UP);
    let Some(Ok(signup)) = signup.map(|id| SignUpId::parse(id)) else { return Ok(None) };
    Ok(billing.store.signup(&signup).await?.map(|signup| signup.username))
}

/// Access first; the subscription after it, with whatever was not opened yet.
async fn end(billing: &BillingService, payment: &Payment, why: EndReason) -> Result<(), SyncError> {
    let (store, renderer, now) = (&billing.store, &billing.renderer, billing.now());
    if let Some(workspace) = &payment.workspace {
        let ended = workspaces::end_workspace(store, workspace, why, renderer, now).await?;
        if ended.is_some_and(|ended| ended.generation.is_some()) {
            info!(
                username = %payment.payer.username,
                "workspace {} ends: {}", payment.payer.username, why.explained()
            );
            billing.publisher.wake();
        }
    }
    sync::end(billing, &payment.payer.subscription).await?;
    sync::sync_subscription(billing, &payment.payer.subscription).await
}

async fn report(billing: &BillingService, incident: &Incident) -> Result<(), SyncError> {
    billing.store.open_incident(incident, billing.now()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_all_of_what_is_paid_for_now_ends_a_workspace() {
        let check = |back: u64, paid_until: Option<u64>, expected| {
            let charge = json!({ "id": "ch_1", "amount": 700, "amount_refunded": back,
                "currency": "usd", "livemode": false, "payment_intent": "pi_1" });
            let charge = serde_json::from_value(charge).unwrap();
            assert_eq!(refunded(&charge, paid_until, 1_000), expected, "{back} {paid_until:?}");
        };
        check(0, Some(2_000), Refunded::Nothing);
        check(699, Some(2_000), Refunded::Noted);
        check(700, Some(2_000), Refunded::Ended);
        check(700, None, Refunded::Ended);
        check(700, Some(1_000), Refunded::Noted);
    }
}
