//! What a webhook tells us: that something happened to an object.
//!
//! Nothing else is taken from it. Events come doubled, late and out of order,
//! whole (`snapshot`) or as a mere hint (`thin`); the object is fetched instead.

use serde::Deserialize;
use serde_json::Value;

use crate::open_enum::open_enum;
use crate::stripe::id::{EventId, IdError, ObjectId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: EventId,
    pub kind: EventType,
    /// Of a type that we know. Others are about things whose ids their merchants chose, in
    /// whatever letters, or about nothing with an id.
    pub object: Option<ObjectId>,
    pub livemode: bool,
    /// Of an account that is connected to ours. What is watched for those of live mode gets those
    /// of test mode as well.
    pub is_of_connected: bool,
}

open_enum! {
    /// Without the `v1.` that thin events put before it.
    EventType {
        CheckoutCompleted = "checkout.session.completed",
        CheckoutPaymentSucceeded = "checkout.session.async_payment_succeeded",
        CheckoutPaymentFailed = "checkout.session.async_payment_failed",
        CheckoutExpired = "checkout.session.expired",
        SubscriptionCreated = "customer.subscription.created",
        SubscriptionUpdated = "customer.subscription.updated",
        SubscriptionDeleted = "customer.subscription.deleted",
        SubscriptionPaused = "customer.subscription.paused",
        SubscriptionResumed = "customer.subscription.resumed",
        InvoicePaid = "invoice.paid",
        InvoicePaymentFailed = "invoice.payment_failed",
        ChargeRefunded = "charge.refunded",
        RefundCreated = "refund.created",
        RefundUpdated = "refund.updated",
        RefundFailed = "refund.failed",
        DisputeCreated = "charge.dispute.created",
        DisputeUpdated = "charge.dispute.updated",
        DisputeClosed = "charge.dispute.closed",
        DisputeWithdrawn = "charge.dispute.funds_withdrawn",
        DisputeReinstated = "charge.dispute.funds_reinstated",
        FraudWarningCreated = "radar.early_fraud_warning.created",
        FraudWarningUpdated = "radar.early_fraud_warning.updated",
    }
}

#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("the event cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("the id of the event's object cannot be one of Stripe's")]
    Object(#[from] IdError),
    #[error("the body is a {0:?}, not an event")]
    NotAnEvent(String),
}

/// What it is about is read where its type is one that we know: of the others, Stripe may put
/// anything there.
#[derive(Deserialize)]
struct Envelope {
    id: EventId,
    object: String,
    r#type: String,
    livemode: bool,
    #[serde(default)]
    account: Value,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    related_object: Value,
}

impl Event {
    /// Reads a body whose signature has been verified.
    ///
    /// # Errors
    /// It is not an event of either form, or of a type that we know and about what cannot be
    /// looked up.
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        let envelope: Envelope = serde_json::from_slice(body)?;
        let about = match envelope.object.as_str() {
            "event" => &envelope.data["object"],
            "v2.core.event" => &envelope.related_object,
            _ => return Err(EventError::NotAnEvent(envelope.object)),
        };
        let kind = envelope.r#type;
        let kind: EventType = kind.strip_prefix("v1.").map(str::to_owned).unwrap_or(kind).into();
        let object = match kind {
            EventType::Unknown(_) => None,
            _ => about["id"].as_str().map(ObjectId::parse).transpose()?,
        };
        Ok(Self {
            id: envelope.id,
            kind,
            object,
            livemode: envelope.livemode,
            is_of_connected: !envelope.account.is_null(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: &str = "cs_test_a1SampleSampleSampleSampleSampleSampleSampleSampleSa";
    const SUBSCRIPTION: &str = "sub_1SWsampB7WZ01zgkW0000001";

    macro_rules! sample {
        ($name:literal) => {
            include_bytes!(concat!("../../../tests/stripe-samples/", $name, ".json")).as_slice()
        };
    }

    #[test]
    fn whole_and_thin_events_tell_the_same() {
        let check = |body: &[u8], kind, object: &str| {
            let event = Event::parse(body).unwrap();
            assert_eq!((event.kind, event.object.unwrap().as_str()), (kind, object));
            assert!(!event.livemode && event.id.as_str().starts_with("evt_"));
        };
        use EventType::*;
        check(sample!("01_checkout_session_completed"), CheckoutCompleted, SESSION);
        check(sample!("15_thin_checkout_session_completed"), CheckoutCompleted, SESSION);
        check(sample!("02_checkout_session_completed_unpaid_async"), CheckoutCompleted, SESSION);
        let succeeded = sample!("03_checkout_session_async_payment_succeeded");
        check(succeeded, CheckoutPaymentSucceeded, SESSION);
        let failed = sample!("04_checkout_session_async_payment_failed");
        check(failed, CheckoutPaymentFailed, SESSION);
        check(sample!("05_checkout_session_expired"), CheckoutExpired, SESSION);
        let incomplete = sample!("06_subscription_created_incomplete");
        check(incomplete, SubscriptionCreated, SUBSCRIPTION);
        check(sample!("07_subscription_updated_active"), SubscriptionUpdated, SUBSCRIPTION);
        check(sample!("11_subscription_deleted"), SubscriptionDeleted, SUBSCRIPTION);
        check(
            sample!("13_invoice_payment_failed"),
            InvoicePaymentFailed,
            "in_1SWsampB7WZ01zgkW0000002",
        );
    }

    #[test]
    fn a_type_we_do_not_know_is_still_an_event() {
        let event = Event::parse(
            br#"{"id":"evt_1","object":"event","type":"balance.available","livemode":true,
                "data":{"object":{"object":"balance"}}}"#,
        )
        .unwrap();
        assert_eq!(event.kind, EventType::Unknown("balance.available".to_owned()));
        assert_eq!((event.object, event.livemode), (None, true));
    }

    #[test]
    fn an_id_that_a_merchant_chose_is_in_nobody_s_way() {
        let check = |kind: &str, object: &str| {
            let body = format!(
                r#"{{"id":"evt_1","object":"event","type":"{kind}","livemode":false,
                    "data":{{"object":{{"id":"{object}"}}}}}}"#
            );
            let event = Event::parse(body.as_bytes()).unwrap();
            assert_eq!(event.object, None, "{kind} {object}");
        };
        check("coupon.created", "SUMMER-25");
        check("plan.updated", "gold-monthly");
        check("product.updated", "my product");
        check("v1.price.updated", "gold.monthly");
        check("customer.updated", "legacy:4711");
        check("customer.created", "ümlaut");
        check("customer.created", &"x".repeat(300));
    }

    #[test]
    fn what_an_event_of_another_type_is_about_may_have_any_form() {
        let check = |object: &str, about: &str| {
            let body = format!(
                r#"{{"id":"evt_1","object":"{object}","type":"v2.core.account_link.returned",
                    "livemode":false,{about}}}"#
            );
            let event = Event::parse(body.as_bytes());
            assert_eq!(event.unwrap().object, None, "{object} {about}");
        };
        check("v2.core.event", r#""data":{"account_id":"acct_1"},"related_object":null"#);
        check("v2.core.event", r#""related_object":{"id":4711}"#);
        check("event", r#""data":{"object":"acct_1"}"#);
        check("event", r#""data":{"object":{"id":4711}}"#);
        check("event", r#""data":[]"#);
        check("event", r#""data":{},"account":{"id":"acct_1"}"#);
    }

    #[test]
    fn what_is_not_an_event_is_refused() {
        let check = |body: &str| assert!(Event::parse(body.as_bytes()).is_err(), "{body}");
        check("");
        check("[]");
        check("{}");
        check(r#"{"id":"evt_1","object":"charge","type":"x","livemode":false}"#);
        check(r#"{"id":"evt 1","object":"event","type":"x","livemode":false}"#);
        check(r#"{"id":"evt_1","object":"event","type":"x"}"#);
        check(
            r#"{"id":"evt_1","object":"event","type":"refund.failed","livemode":false,
                "data":{"object":{"id":"a/b"}}}"#,
        );
    }
}
