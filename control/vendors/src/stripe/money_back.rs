//! Charges, and what takes their money away again: refunds, disputes, and the card
//! networks' early warnings.

use serde::Deserialize;

use crate::open_enum::open_enum;
use crate::stripe::form::Form;
use crate::stripe::id::{
    ChargeId, DisputeId, FraudWarningId, InvoiceId, PaymentIntentId, RefundId, SubscriptionId,
};
use crate::stripe::{Stripe, StripeError};

/// What was paid once. Amounts are in the currency's smallest unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Charge {
    pub id: ChargeId,
    pub amount: u64,
    pub amount_refunded: u64,
    /// As `usd`.
    pub currency: String,
    pub livemode: bool,
    /// `None` for the oldest way of charging, which sells no subscriptions.
    pub payment_intent: Option<PaymentIntentId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    /// `None` for money that was given back without one.
    pub charge: Option<ChargeId>,
    pub status: Option<RefundStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dispute {
    pub id: DisputeId,
    pub charge: ChargeId,
    pub status: DisputeStatus,
    /// Such as `fraudulent` or `unrecognized`: Stripe's word for what the bank said.
    pub reason: String,
    pub amount: u64,
    pub currency: String,
    pub livemode: bool,
    evidence_details: Option<EvidenceDetails>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct EvidenceDetails {
    due_by: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FraudWarning {
    pub id: FraudWarningId,
    pub charge: ChargeId,
    /// Whether giving the money back still forestalls a dispute.
    pub actionable: bool,
    pub fraud_type: String,
    pub livemode: bool,
}

open_enum! {
    RefundStatus {
        Pending = "pending",
        RequiresAction = "requires_action",
        Succeeded = "succeeded",
        Failed = "failed",
        Canceled = "canceled",
    }
}

open_enum! {
    DisputeStatus {
        /// The bank asks, and has taken no money yet; so the other two of these.
        WarningNeedsResponse = "warning_needs_response",
        WarningUnderReview = "warning_under_review",
        WarningClosed = "warning_closed",
        NeedsResponse = "needs_response",
        UnderReview = "under_review",
        Won = "won",
        Lost = "lost",
        /// Stripe gave the money back before it became one.
        Prevented = "prevented",
    }
}

/// An invoice that was paid, as far as it says what was bought.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PaidInvoice {
    pub id: InvoiceId,
    parent: Option<Parent>,
    lines: Lines,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Parent {
    subscription_details: Option<SubscriptionDetails>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct SubscriptionDetails {
    subscription: SubscriptionId,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Lines {
    data: Vec<InvoiceLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct InvoiceLine {
    period: Period,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Period {
    end: u64,
}

#[derive(Deserialize)]
struct InvoicePayments {
    data: Vec<InvoicePayment>,
}

#[derive(Deserialize)]
struct InvoicePayment {
    invoice: PaidInvoice,
}

impl PaidInvoice {
    pub fn subscription(&self) -> Option<&SubscriptionId> {
        let details = self.parent.as_ref()?.subscription_details.as_ref()?;
        Some(&details.subscription)
    }

    /// End of what it pays for, unix seconds; `None` when it has no lines.
    pub fn paid_until(&self) -> Option<u64> {
        self.lines.data.iter().map(|line| line.period.end).max()
    }
}

impl Dispute {
    /// Until when the bank takes an answer, unix seconds.
    pub fn answer_until(&self) -> Option<u64> {
        self.evidence_details.as_ref()?.due_by
    }
}

impl Stripe {
    pub async fn charge(&self, id: &ChargeId) -> Result<Charge, StripeError> {
        self.read(&format!("/v1/charges/{id}"), &Form::default()).await
    }

    pub async fn refund(&self, id: &RefundId) -> Result<Refund, StripeError> {
        self.read(&format!("/v1/refunds/{id}"), &Form::default()).await
    }

    pub async fn dispute(&self, id: &DisputeId) -> Result<Dispute, StripeError> {
        self.read(&format!("/v1/disputes/{id}"), &Form::default()).await
    }

    pub async fn fraud_warning(&self, id: &FraudWarningId) -> Result<FraudWarning, StripeError> {
        self.read(&format!("/v1/radar/early_fraud_warnings/{id}"), &Form::default()).await
    }

    /// The invoice that a payment was for; `None` for what was sold without one.
    pub async fn invoice_of(
        &self,
        payment: &PaymentIntentId,
    ) -> Result<Option<PaidInvoice>, StripeError> {
        let query = Form::default()
            .with("payment[type]", "payment_intent")
            .with("payment[payment_intent]", payment.as_str())
            .with("expand[0]", "data.invoice")
            .with("limit", "1");
        let payments: InvoicePayments = self.read("/v1/invoice_payments", &query).await?;
        Ok(payments.data.into_iter().next().map(|payment| payment.invoice))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_invoice_says_what_it_pays_for_and_until_when() {
        let text = include_str!("../../../tests/stripe-samples/14_invoice_paid.json");
        let event: Value = serde_json::from_str(text).unwrap();
        let invoice: PaidInvoice = serde_json::from_value(event["data"]["object"].clone()).unwrap();
        let subscription = invoice.subscription().unwrap().as_str();
        assert_eq!(subscription, "sub_1SWsampB7WZ01zgkW0000001");
        assert!(invoice.paid_until().is_some());
        let other = json!({ "id": "in_1", "parent": null, "lines": { "data": [] } });
        let other: PaidInvoice = serde_json::from_value(other).unwrap();
        assert_eq!((other.subscription(), other.paid_until()), (None, None));
    }
}
