//! What is sold, and for how much.

use serde::Deserialize;

use crate::stripe::form::Form;
use crate::stripe::id::PriceId;
use crate::stripe::{Stripe, StripeError};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Price {
    pub id: PriceId,
    /// Nobody can buy at one that is not.
    pub active: bool,
    pub livemode: bool,
    /// As `usd`.
    pub currency: String,
    /// In the currency's smallest unit; `None` where it depends on how much is bought.
    pub unit_amount: Option<u64>,
    /// `None` for what is paid once.
    pub recurring: Option<Recurring>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Recurring {
    /// `month` or another.
    pub interval: String,
    /// So many of them are paid at once.
    pub interval_count: u64,
}

impl Price {
    pub fn is_monthly(&self) -> bool {
        let recurring = self.recurring.as_ref();
        recurring.is_some_and(|each| each.interval == "month" && each.interval_count == 1)
    }
}

impl Stripe {
    pub async fn price(&self, id: &PriceId) -> Result<Price, StripeError> {
        self.read(&format!("/v1/prices/{id}"), &Form::default()).await
    }
}
