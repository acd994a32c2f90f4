//! Who pays, as Stripe knows them.

use serde::Deserialize;

use crate::idempotency::IdempotencyKey;
use crate::stripe::expandable::Identified;
use crate::stripe::form::Form;
use crate::stripe::id::CustomerId;
use crate::stripe::{Stripe, StripeError};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Customer {
    pub id: CustomerId,
    pub email: Option<String>,
}

impl Identified<CustomerId> for Customer {
    fn id(&self) -> &CustomerId {
        &self.id
    }
}

impl Stripe {
    /// Where Stripe sends receipts, and what its pages name the customer by.
    pub async fn set_customer_email(
        &self,
        id: &CustomerId,
        email: &str,
        key: &IdempotencyKey,
    ) -> Result<Customer, StripeError> {
        let form = Form::default().with("email", email);
        self.write(&format!("/v1/customers/{id}"), &form, key).await
    }
}
