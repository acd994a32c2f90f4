//! A visit to the billing portal: an address that works for a while.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::price::shape;

/// How long the address works, in seconds. Stripe says "short-lived".
pub const VISIT_SECONDS: u64 = 60 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    pub id: String,
    /// Whoever has it may act for the customer.
    pub secret: String,
    pub customer: String,
    pub return_url: Option<String>,
    pub configuration: Option<String>,
    pub flow: Option<Flow>,
    /// Unix seconds.
    pub created: u64,
    pub public_url: String,
}

/// What the portal opens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    PaymentMethodUpdate,
    SubscriptionCancel { subscription: String },
}

impl Portal {
    pub fn body(&self) -> Value {
        static SHAPE: LazyLock<Value> =
            LazyLock::new(|| shape(include_str!("shapes/portal_session.json")));
        let mut body = SHAPE.clone();
        body["id"] = json!(self.id);
        body["created"] = json!(self.created);
        body["customer"] = json!(self.customer);
        body["return_url"] = json!(self.return_url);
        body["url"] = json!(format!("{}/p/session/{}", self.public_url, self.secret));
        if let Some(configuration) = &self.configuration {
            body["configuration"] = json!(configuration);
        }
        body["flow"] = self.flow.as_ref().map_or(Value::Null, Flow::body);
        body
    }
}

impl Flow {
    pub const NAMES: &'static [&'static str] = &["payment_method_update", "subscription_cancel"];

    fn body(&self) -> Value {
        let cancel = match self {
            Self::PaymentMethodUpdate => Value::Null,
            Self::SubscriptionCancel { subscription } => {
                json!({"retention": null, "subscription": subscription})
            }
        };
        json!({
            "after_completion": {
                "hosted_confirmation": null,
                "redirect": null,
                "type": "portal_homepage",
            },
            "customer_update": null,
            "subscription_cancel": cancel,
            "subscription_pause": null,
            "subscription_update": null,
            "subscription_update_confirm": null,
            "type": match self {
                Self::PaymentMethodUpdate => "payment_method_update",
                Self::SubscriptionCancel { .. } => "subscription_cancel",
            },
        })
    }
}
