//! Checkout sessions: the page at Stripe's where a customer pays.

use serde::Deserialize;

use crate::idempotency::IdempotencyKey;
use crate::open_enum::open_enum;
use crate::stripe::customer::Customer;
use crate::stripe::expandable::Expandable;
use crate::stripe::form::Form;
use crate::stripe::id::{CheckoutSessionId, CustomerId, PriceId, SubscriptionId};
use crate::stripe::metadata::{Metadata, null_is_empty};
use crate::stripe::subscription::Subscription;
use crate::stripe::{Stripe, StripeError};

/// A subscription to one price, to be paid for.
#[derive(Debug, Clone)]
pub struct NewCheckout {
    pub price: PriceId,
    /// May hold `{CHECKOUT_SESSION_ID}`, in whose place Stripe puts the id.
    pub success_url: String,
    pub cancel_url: String,
    pub payer: Payer,
    /// Shown in Stripe's dashboard: at most 200 of `A-Za-z0-9_-`.
    pub client_reference_id: String,
    /// Of the session. Stripe does not copy it to the subscription.
    pub metadata: Metadata,
    pub subscription_metadata: Metadata,
    pub allow_promotion_codes: bool,
    /// Unix seconds, 30 minutes to 24 hours from now.
    pub expires_at: u64,
}

/// Stripe takes one or the other.
#[derive(Debug, Clone)]
pub enum Payer {
    /// Becomes a new customer by paying, even if the address is known.
    New {
        email: String,
    },
    Known(CustomerId),
}

/// As it stands at Stripe.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CheckoutSession {
    pub id: CheckoutSessionId,
    /// Where to pay; only while it is open.
    pub url: Option<String>,
    pub status: Option<CheckoutStatus>,
    pub payment_status: PaymentStatus,
    pub mode: CheckoutMode,
    pub livemode: bool,
    pub client_reference_id: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub metadata: Metadata,
    pub customer: Option<Expandable<CustomerId, Customer>>,
    pub subscription: Option<Expandable<SubscriptionId, Subscription>>,
    pub customer_details: Option<CustomerDetails>,
    /// Unix seconds.
    pub expires_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CustomerDetails {
    /// What was typed at Stripe's page, which may differ from what we sent.
    pub email: Option<String>,
}

open_enum! {
    CheckoutStatus {
        Open = "open",
        /// The customer went through it. Whether money came is in `payment_status`.
        Complete = "complete",
        Expired = "expired",
    }
}

open_enum! {
    PaymentStatus {
        Paid = "paid",
        /// Also while a bank debit is on its way.
        Unpaid = "unpaid",
        NoPaymentRequired = "no_payment_required",
    }
}

open_enum! {
    CheckoutMode {
        Payment = "payment",
        Setup = "setup",
        Subscription = "subscription",
    }
}

/// Which of a session's references come as objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expand {
    Nothing,
    SubscriptionAndCustomer,
}

#[derive(Deserialize)]
struct Sessions {
    data: Vec<CheckoutSession>,
}

impl CheckoutSession {
    /// Is nothing more to be paid, so that what was bought may be given?
    pub fn is_settled(&self) -> bool {
        matches!(self.payment_status, PaymentStatus::Paid | PaymentStatus::NoPaymentRequired)
    }
}

impl Stripe {
    /// Called again with the same key, returns the same session; it may have expired since.
    pub async fn create_checkout(
        &self,
        checkout: &NewCheckout,
        key: &IdempotencyKey,
    ) -> Result<CheckoutSession, StripeError> {
        self.write("/v1/checkout/sessions", &checkout.form(), key).await
    }

    pub async fn checkout(
        &self,
        id: &CheckoutSessionId,
        expand: Expand,
    ) -> Result<CheckoutSession, StripeError> {
        let query = match expand {
            Expand::Nothing => Form::default(),
            Expand::SubscriptionAndCustomer => {
                Form::default().with("expand[0]", "subscription").with("expand[1]", "customer")
            }
        };
        self.read(&format!("/v1/checkout/sessions/{id}"), &query).await
    }

    /// The session at which a subscription was bought; `None` when it was made otherwise.
    pub async fn checkout_of(
        &self,
        subscription: &SubscriptionId,
    ) -> Result<Option<CheckoutSession>, StripeError> {
        let query = Form::default().with("subscription", subscription.as_str()).with("limit", "1");
        let sessions: Sessions = self.read("/v1/checkout/sessions", &query).await?;
        Ok(sessions.data.into_iter().next())
    }

    /// Nobody can pay by this session any more.
    ///
    /// # Errors
    /// A session that is not open is refused: look at it again.
    pub async fn expire_checkout(
        &self,
        id: &CheckoutSessionId,
        key: &IdempotencyKey,
    ) -> Result<CheckoutSession, StripeError> {
        self.write(&format!("/v1/checkout/sessions/{id}/expire"), &Form::default(), key).await
    }
}

impl NewCheckout {
    fn form(&self) -> Form {
        let form = Form::default()
            .with("mode", "subscription")
            .with("line_items[0][price]", self.price.as_str())
            .with("line_items[0][quantity]", "1")
            .with("success_url", &self.success_url)
            .with("cancel_url", &self.cancel_url);
        let form = match &self.payer {
            Payer::New { email } => form.with("customer_email", email),
            Payer::Known(customer) => form.with("customer", customer.as_str()),
        };
        form.with("client_reference_id", &self.client_reference_id)
            .with_map("metadata", &self.metadata)
            .with_map("subscription_data[metadata]", &self.subscription_metadata)
            .with_optional("allow_promotion_codes", self.allow_promotion_codes.then_some("true"))
            .with("expires_at", self.expires_at.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> CheckoutSession {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_open_session_has_a_page_and_a_complete_one_its_subscription() {
        let open =
            read(include_str!("../../../tests/stripe-samples/api_checkout_session_open.json"));
        assert_eq!(open.status, Some(CheckoutStatus::Open));
        assert!(open.url.is_some() && open.subscription.is_none() && !open.is_settled());
        assert_eq!(open.metadata["signup_id"], "su_01JXYZ");

        let complete =
            read(include_str!("../../../tests/stripe-samples/api_checkout_session_complete.json"));
        assert_eq!(complete.status, Some(CheckoutStatus::Complete));
        assert!(complete.url.is_none() && complete.is_settled());
        let subscription = complete.subscription.unwrap();
        assert_eq!(subscription.id().as_str(), "sub_1SWsampB7WZ01zgkW0000001");
        assert_eq!(complete.customer_details.unwrap().email.as_deref(), Some("ada@example.com"));
    }

    #[test]
    fn references_come_as_ids_or_as_objects_and_words_may_be_new() {
        let subscription =
            include_str!("../../../tests/stripe-samples/api_subscription_active.json");
        let session = read(&format!(
            r#"{{"id":"cs_1","url":null,"status":"dormant","payment_status":"half","mode":"barter",
                "livemode":true,"client_reference_id":null,"metadata":null,
                "customer":{{"id":"cus_1","deleted":true}},"subscription":{subscription},
                "customer_details":null,"expires_at":1}}"#
        ));
        assert_eq!(session.status, Some(CheckoutStatus::Unknown("dormant".to_owned())));
        assert_eq!(session.payment_status.as_str(), "half");
        assert!(!session.is_settled(), "a new word is not money");
        assert_eq!(session.customer.unwrap().id().as_str(), "cus_1");
        let subscription = session.subscription.unwrap();
        assert_eq!(subscription.object().unwrap().period_end(), Some(1_766_392_000));
    }
}
