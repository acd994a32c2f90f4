//! The billing portal: Stripe's page for cards, invoices and cancelling.

use serde::Deserialize;
use shared::Secret;

use crate::idempotency::IdempotencyKey;
use crate::stripe::form::Form;
use crate::stripe::id::{CustomerId, PortalConfigurationId, SubscriptionId};
use crate::stripe::{Stripe, StripeError};

#[derive(Debug, Clone)]
pub struct NewPortalSession {
    pub customer: CustomerId,
    pub return_url: String,
    /// `bpc_…`; without it the account's default, which somebody must have saved once.
    pub configuration: Option<PortalConfigurationId>,
    /// Where in the portal to begin; otherwise its front page.
    pub flow: Option<PortalFlow>,
}

#[derive(Debug, Clone)]
pub enum PortalFlow {
    CancelSubscription(SubscriptionId),
    UpdatePaymentMethod,
}

/// Made for one click and used at once.
#[derive(Debug, Deserialize)]
#[serde(from = "Wire")]
pub struct PortalSession {
    /// Whoever has it is the customer, for some minutes: never logged, kept or mailed.
    pub url: Secret<String>,
}

#[derive(Deserialize)]
struct Wire {
    url: String,
}

impl From<Wire> for PortalSession {
    fn from(wire: Wire) -> Self {
        Self { url: Secret::new(wire.url) }
    }
}

impl Stripe {
    pub async fn create_portal_session(
        &self,
        session: &NewPortalSession,
        key: &IdempotencyKey,
    ) -> Result<PortalSession, StripeError> {
        self.write("/v1/billing_portal/sessions", &session.form(), key).await
    }
}

impl NewPortalSession {
    fn form(&self) -> Form {
        let form = Form::default()
            .with("customer", self.customer.as_str())
            .with("return_url", &self.return_url)
            .with_optional(
                "configuration",
                self.configuration.as_ref().map(PortalConfigurationId::as_str),
            );
        match &self.flow {
            None => form,
            Some(PortalFlow::CancelSubscription(id)) => form
                .with("flow_data[type]", "subscription_cancel")
                .with("flow_data[subscription_cancel][subscription]", id.as_str()),
            Some(PortalFlow::UpdatePaymentMethod) => {
                form.with("flow_data[type]", "payment_method_update")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_portal_does_not_print() {
        let text = include_str!("../../../tests/stripe-samples/api_billing_portal_session.json");
        let session: PortalSession = serde_json::from_str(text).unwrap();
        assert!(session.url.expose().starts_with("https://billing.stripe.com/p/session/"));
        assert_eq!(format!("{session:?}"), "PortalSession { url: *** }");
    }
}
