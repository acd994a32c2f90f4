//! What is kept of an event of Stripe's: of what to look how it stands. Pure.

use super::task::NewTask;
use super::task::kinds::SyncStripe;
use vendors::stripe::Event;
use vendors::stripe::event::EventType;
use vendors::stripe::id::{
    ChargeId, CheckoutSessionId, DisputeId, EventId, FraudWarningId, ObjectId, RefundId,
    SubscriptionId,
};

pub use super::task::kinds::SyncTarget;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRequest {
    pub event: EventId,
    pub kind: EventType,
    pub target: SyncTarget,
}

impl SyncRequest {
    /// `None` for events that change nothing here.
    ///
    /// Those of invoices are among them: where a payment matters to us, the
    /// subscription changes with it, and tells so itself.
    pub fn of(event: Event) -> Option<Self> {
        use EventType::{
            ChargeRefunded, CheckoutCompleted, CheckoutExpired, CheckoutPaymentFailed,
            CheckoutPaymentSucceeded, DisputeClosed, DisputeCreated, DisputeReinstated,
            DisputeUpdated, DisputeWithdrawn, FraudWarningCreated, FraudWarningUpdated,
            InvoicePaid, InvoicePaymentFailed, RefundCreated, RefundFailed, RefundUpdated,
            SubscriptionCreated, SubscriptionDeleted, SubscriptionPaused, SubscriptionResumed,
            SubscriptionUpdated, Unknown,
        };
        let id = event.object.as_ref().map(ObjectId::as_str)?;
        let target = match event.kind {
            CheckoutCompleted
            | CheckoutPaymentSucceeded
            | CheckoutPaymentFailed
            | CheckoutExpired => SyncTarget::Checkout(CheckoutSessionId::parse(id).ok()?),
            SubscriptionCreated | SubscriptionUpdated | SubscriptionDeleted
            | SubscriptionPaused | SubscriptionResumed => {
                SyncTarget::Subscription(SubscriptionId::parse(id).ok()?)
            }
            ChargeRefunded => SyncTarget::Charge(ChargeId::parse(id).ok()?),
            RefundCreated | RefundUpdated | RefundFailed => {
                SyncTarget::Refund(RefundId::parse(id).ok()?)
            }
            DisputeCreated | DisputeUpdated | DisputeClosed | DisputeWithdrawn
            | DisputeReinstated => SyncTarget::Dispute(DisputeId::parse(id).ok()?),
            FraudWarningCreated | FraudWarningUpdated => {
                SyncTarget::FraudWarning(FraudWarningId::parse(id).ok()?)
            }
            InvoicePaid | InvoicePaymentFailed | Unknown(_) => return None,
        };
        Some(Self { event: event.id, kind: event.kind, target })
    }

    pub fn task(&self) -> NewTask {
        let event = Some(self.kind.as_str().to_owned());
        let payload = SyncStripe { target: self.target.clone(), event };
        NewTask::new(format!("stripe/{}", self.event), None, &payload)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(body: &[u8], expected: Option<&str>) {
        let request = SyncRequest::of(Event::parse(body).unwrap());
        let seen = request.map(|request| {
            let task = request.task();
            let read: SyncTarget = serde_json::from_value(task.payload.clone()).unwrap();
            assert_eq!(read, request.target, "the task says the same");
            format!("{} {}", task.payload["about"].as_str().unwrap(), task.dedupe)
        });
        assert_eq!(seen.as_deref(), expected, "{}", String::from_utf8_lossy(body));
    }

    fn event(kind: &str, object: &str) -> Vec<u8> {
        let object = json!({ "id": object });
        let event = json!({ "id": "evt_1", "object": "event", "type": kind, "livemode": false,
            "data": { "object": object } });
        event.to_string().into_bytes()
    }

    #[test]
    fn an_event_is_a_hint_of_what_to_look_at() {
        let checkout = Some("checkout stripe/evt_1");
        check(&event("checkout.session.completed", "cs_1"), checkout);
        check(&event("v1.checkout.session.expired", "cs_1"), checkout);
        check(&event("checkout.session.async_payment_failed", "cs_1"), checkout);
        let subscription = Some("subscription stripe/evt_1");
        check(&event("customer.subscription.deleted", "sub_1"), subscription);
        check(&event("customer.subscription.paused", "sub_1"), subscription);
    }

    #[test]
    fn money_that_goes_back_is_looked_at() {
        check(&event("charge.refunded", "ch_1"), Some("charge stripe/evt_1"));
        check(&event("refund.failed", "re_1"), Some("refund stripe/evt_1"));
        check(&event("charge.dispute.created", "du_1"), Some("dispute stripe/evt_1"));
        check(&event("v1.charge.dispute.closed", "du_1"), Some("dispute stripe/evt_1"));
        let warning = Some("fraud_warning stripe/evt_1");
        check(&event("radar.early_fraud_warning.created", "issfr_1"), warning);
    }

    #[test]
    fn what_changes_nothing_here_is_passed_over() {
        check(&event("invoice.paid", "in_1"), None);
        check(&event("customer.subscription.trial_will_end", "sub_1"), None);
    }
}
