//! What a subscription is paid with, as far as its payer is told.

use serde::Deserialize;

use crate::stripe::expandable::Expandable;
use crate::stripe::form::Form;
use crate::stripe::id::SubscriptionId;
use crate::stripe::{Stripe, StripeError};

/// A card, as its owner knows it from others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Card {
    brand: String,
    last4: String,
}

#[derive(Deserialize)]
struct Paid {
    #[serde(default)]
    default_payment_method: Option<Expandable<String, PaymentMethod>>,
    customer: Expandable<String, Payer>,
}

#[derive(Deserialize)]
struct Payer {
    invoice_settings: InvoiceSettings,
}

#[derive(Deserialize)]
struct InvoiceSettings {
    #[serde(default)]
    default_payment_method: Option<Expandable<String, PaymentMethod>>,
}

#[derive(Deserialize)]
struct PaymentMethod {
    card: Option<Card>,
}

impl Card {
    /// As it calls itself; `None` where only Stripe has a word for it.
    pub fn brand(&self) -> Option<&'static str> {
        Some(match self.brand.as_str() {
            "visa" => "Visa",
            "mastercard" => "Mastercard",
            "amex" => "American Express",
            "discover" => "Discover",
            "diners" => "Diners Club",
            "jcb" => "JCB",
            "unionpay" => "UnionPay",
            _ => return None,
        })
    }

    /// Four digits.
    pub fn last4(&self) -> &str {
        &self.last4
    }
}

impl Stripe {
    /// The card that pays next: the subscription's own, else its customer's. `None` when
    /// something else pays, or nothing is known of it.
    pub async fn card_of(&self, id: &SubscriptionId) -> Result<Option<Card>, StripeError> {
        let query = Form::default()
            .with("expand[0]", "default_payment_method")
            .with("expand[1]", "customer.invoice_settings.default_payment_method");
        let paid: Paid = self.read(&format!("/v1/subscriptions/{id}"), &query).await?;
        Ok(paid.card())
    }
}

impl Paid {
    fn card(self) -> Option<Card> {
        let customers = match self.customer {
            Expandable::Object(payer) => payer.invoice_settings.default_payment_method,
            Expandable::Id(_) => None,
        };
        let method = match self.default_payment_method.or(customers)? {
            Expandable::Object(method) => method,
            Expandable::Id(_) => return None,
        };
        // It is shown on a page: four digits and nothing else.
        method.card.filter(|card| {
            card.last4.len() == 4 && card.last4.bytes().all(|byte| byte.is_ascii_digit())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(subscription: Value) -> Option<(Option<&'static str>, String)> {
        let card = serde_json::from_value::<Paid>(subscription).unwrap().card()?;
        Some((card.brand(), card.last4().to_owned()))
    }

    fn method(brand: &str, last4: &str) -> Value {
        json!({"id": "pm_1", "type": "card", "card": {"brand": brand, "last4": last4, "country": "DE"}})
    }

    #[test]
    fn the_subscriptions_own_card_comes_before_the_customers() {
        let customer = |method: Value| json!({"id": "cus_1", "invoice_settings": {"default_payment_method": method}});
        let check =
            |own: Value, customers: Value, expected: Option<(Option<&'static str>, &str)>| {
                let body = json!({"default_payment_method": own, "customer": customer(customers)});
                assert_eq!(shown(body), expected.map(|(brand, last4)| (brand, last4.to_owned())));
            };
        let visa = Some((Some("Visa"), "4242"));
        check(method("visa", "4242"), method("jcb", "1111"), visa);
        check(Value::Null, method("visa", "4242"), visa);
        check(method("cartes_bancaires", "0001"), Value::Null, Some((None, "0001")));
        check(Value::Null, Value::Null, None);
        check(json!({"id": "pm_1", "us_bank_account": {"last4": "6789"}}), Value::Null, None);
        check(method("visa", "42<b"), Value::Null, None);
        assert_eq!(shown(json!({"default_payment_method": "pm_1", "customer": "cus_1"})), None);
    }
}
