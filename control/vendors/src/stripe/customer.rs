//! Who pays, as Stripe knows them.

use serde::Deserialize;

use crate::stripe::expandable::Identified;
use crate::stripe::id::CustomerId;

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
