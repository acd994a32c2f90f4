//! What is sold, and for how much.

use serde::Deserialize;

use super::form::Form;
use super::id::PriceId;
use super::{Stripe, StripeError};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Price {
    pub id: PriceId,
    /// Nobody can buy at one that is not.
    pub active: bool,
    pub livemode: bool,
    /// `None` for what is paid once.
    pub recurring: Option<Recurring>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Recurring {
    /// `month` or another.
    pub interval: String,
}

impl Stripe {
    pub async fn price(&self, id: &PriceId) -> Result<Price, StripeError> {
        self.read(&format!("/v1/prices/{id}"), &Form::default()).await
    }
}
