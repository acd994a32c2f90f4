//! A field that holds an id, or the object itself when it was asked for.

use serde::Deserialize;

use crate::stripe::checkout::Customer;
use crate::stripe::id::{CustomerId, InvoiceId, SubscriptionId};
use crate::stripe::subscription::{Invoice, Subscription};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expandable<I, T> {
    Id(I),
    Object(Box<T>),
}

impl<I, T> Expandable<I, T> {
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }

    fn id_by<'a>(&'a self, of: impl FnOnce(&'a T) -> &'a I) -> &'a I {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => of(object),
        }
    }
}

impl Expandable<CustomerId, Customer> {
    pub fn id(&self) -> &CustomerId {
        self.id_by(|customer| &customer.id)
    }
}

impl Expandable<InvoiceId, Invoice> {
    pub fn id(&self) -> &InvoiceId {
        self.id_by(|invoice| &invoice.id)
    }
}

impl Expandable<SubscriptionId, Subscription> {
    pub fn id(&self) -> &SubscriptionId {
        self.id_by(|subscription| &subscription.id)
    }
}
