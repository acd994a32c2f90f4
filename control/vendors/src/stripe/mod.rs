//! Stripe: checkout, subscriptions, the billing portal, and its webhooks.
//!
//! Only the fields that we use are read, and every word of Stripe's may turn
//! out to be one we do not know. The shape of all answers is pinned by
//! [`API_VERSION`].

pub mod checkout;
pub mod customer;
pub mod error;
pub mod event;
pub mod id;
pub mod metadata;
pub mod money_back;
pub mod payment_method;
pub mod portal;
pub mod price;
pub mod retry;
pub mod signature;
pub mod subscription;
mod subscription_list;

mod call;
mod expandable;
mod form;

use shared::{Secret, Upstream};

use crate::http::{BuildError, Http};

pub use checkout::{CheckoutSession, NewCheckout};
pub use error::StripeError;
pub use event::Event;
pub use expandable::Expandable;
pub use portal::{NewPortalSession, PortalSession};
pub use retry::Retries;
pub use signature::WebhookSecrets;
pub use subscription::{Subscription, SubscriptionChange};
pub use subscription_list::SubscriptionPage;

/// Sent with every call; the webhook endpoint is created with the same.
pub const API_VERSION: &str = "2026-10-28.endive";

pub struct Stripe {
    http: Http,
    retries: Retries,
}

impl Stripe {
    /// `base_url` is `https://api.stripe.com`, or a stand-in.
    ///
    /// # Errors
    /// The key cannot stand in a header.
    pub fn new(
        base_url: &Upstream,
        secret_key: &Secret<String>,
        retries: Retries,
    ) -> Result<Self, BuildError> {
        Ok(Self { http: Http::with_bearer(base_url, secret_key)?, retries })
    }
}
