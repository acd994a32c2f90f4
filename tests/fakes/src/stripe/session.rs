//! A checkout session: open, then complete or expired.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::price::{Price, shape};

/// What Stripe replaces in `success_url`.
const TEMPLATE: &str = "{CHECKOUT_SESSION_ID}";

/// A fragment follows the address of the hosted page, as at Stripe: clients
/// must hand the address on whole.
const FRAGMENT: &str = "#fidkdWxOYHwnPyd1blpxYHZxWjA0";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub state: State,
    pub price: Price,
    pub quantity: u64,
    pub success_url: String,
    pub cancel_url: Option<String>,
    /// Given by the caller; the person at the page may type it otherwise.
    pub customer_email: Option<String>,
    /// Given by the caller, or made by the payment.
    pub customer: Option<String>,
    /// Of the customer, once known.
    pub email: Option<String>,
    pub client_reference_id: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub subscription_metadata: BTreeMap<String, String>,
    pub allow_promotion_codes: Option<bool>,
    pub locale: Option<String>,
    /// Unix seconds.
    pub created: u64,
    pub expires_at: u64,
    /// [`Account::lead`](super::account::Account::lead) when it was created.
    pub lead: u64,
    /// Base of the hosted page.
    pub public_url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Open,
    Expired,
    Complete { subscription: String, invoice: String, method: Method, payment: Payment },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Card,
    /// A bank debit, known to have worked days later.
    Bank,
}

/// What has come of the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    Paid,
    /// The bank answers at this time, unix seconds.
    Pending {
        until: u64,
        will_succeed: bool,
    },
    Failed,
}

impl Session {
    /// Where the browser goes after paying.
    pub fn success_address(&self) -> String {
        self.success_url.replace(TEMPLATE, &self.id)
    }

    fn status(&self) -> &'static str {
        match self.state {
            State::Open => "open",
            State::Expired => "expired",
            State::Complete { .. } => "complete",
        }
    }

    pub fn body(&self) -> Value {
        static SHAPE: LazyLock<Value> =
            LazyLock::new(|| shape(include_str!("shapes/checkout_session.json")));
        let mut body = SHAPE.clone();
        let amount = self.price.unit_amount.saturating_mul(self.quantity);
        let paid = matches!(self.state, State::Complete { payment: Payment::Paid, .. });
        body["id"] = json!(self.id);
        body["allow_promotion_codes"] = json!(self.allow_promotion_codes);
        body["amount_subtotal"] = json!(amount);
        body["amount_total"] = json!(amount);
        body["cancel_url"] = json!(self.cancel_url);
        body["client_reference_id"] = json!(self.client_reference_id);
        body["created"] = json!(self.created);
        body["currency"] = json!(self.price.currency);
        body["customer"] = json!(self.customer);
        body["customer_details"] = self.customer_details();
        body["customer_email"] = json!(self.customer_email);
        body["expires_at"] = json!(self.expires_at - self.lead);
        body["locale"] = json!(self.locale);
        body["metadata"] = json!(self.metadata);
        body["payment_status"] = json!(if paid { "paid" } else { "unpaid" });
        body["status"] = json!(self.status());
        body["success_url"] = json!(self.success_url);
        body["url"] = match self.state {
            State::Open => json!(format!("{}/c/pay/{}{FRAGMENT}", self.public_url, self.id)),
            State::Expired | State::Complete { .. } => Value::Null,
        };
        if let State::Complete { subscription, invoice, method, .. } = &self.state {
            body["collected_information"] =
                json!({"business_name": null, "individual_name": null, "shipping_details": null});
            body["subscription"] = json!(subscription);
            body["invoice"] = json!(invoice);
            if *method == Method::Bank {
                body["payment_method_types"] = json!(["us_bank_account"]);
                body["payment_method_options"] =
                    json!({"us_bank_account": {"verification_method": "automatic"}});
            }
        }
        body
    }

    fn customer_details(&self) -> Value {
        let complete = matches!(self.state, State::Complete { .. });
        let Some(email) = self.email.as_ref().or(self.customer_email.as_ref()) else {
            return Value::Null;
        };
        let address = json!({
            "city": null,
            "country": "US",
            "line1": null,
            "line2": null,
            "postal_code": "94107",
            "state": null,
        });
        json!({
            "address": complete.then_some(address),
            "business_name": null,
            "email": email,
            "individual_name": null,
            "name": complete.then_some("Test Person"),
            "phone": null,
            "tax_exempt": complete.then_some("none"),
            "tax_ids": complete.then_some([(); 0]),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::price::Interval;
    use super::*;

    pub(crate) fn open() -> Session {
        Session {
            id: "cs_test_a1".to_owned(),
            state: State::Open,
            price: Price {
                id: "price_1".to_owned(),
                product: "prod_1".to_owned(),
                name: "Workspace".to_owned(),
                lookup_key: None,
                unit_amount: 700,
                currency: "usd".to_owned(),
                interval: Interval::Month,
                created: 0,
            },
            quantity: 1,
            success_url: "https://e.com/welcome?s={CHECKOUT_SESSION_ID}".to_owned(),
            cancel_url: None,
            customer_email: Some("ada@example.com".to_owned()),
            customer: None,
            email: None,
            client_reference_id: Some("su_1".to_owned()),
            metadata: BTreeMap::new(),
            subscription_metadata: BTreeMap::from([("signup_id".to_owned(), "su_1".to_owned())]),
            allow_promotion_codes: None,
            locale: None,
            created: 1_000,
            expires_at: 87_400,
            lead: 0,
            public_url: "http://127.0.0.1:1".to_owned(),
        }
    }

    #[test]
    fn the_page_has_an_address_only_while_it_can_be_paid() {
        let mut session = open();
        assert!(session.body()["url"].as_str().unwrap().contains("/c/pay/cs_test_a1#"));
        session.state = State::Expired;
        assert_eq!(session.body()["url"], Value::Null);
    }

    #[test]
    fn the_browser_comes_back_with_the_real_id() {
        assert_eq!(open().success_address(), "https://e.com/welcome?s=cs_test_a1");
    }
}
