//! What is sold here. A payment for anything else opens no workspace. Pure.
//!
//! The account at Stripe may sell more than workspaces, and anybody can put the id of a
//! sign-up on a payment link. So a session counts only when we made it for that sign-up,
//! and a subscription only at one of our prices.

use crate::model::sign_up::SignUp;
use vendors::stripe::checkout::CheckoutMode;
use vendors::stripe::id::PriceId;
use vendors::stripe::{CheckoutSession, Subscription};

/// The key under which Stripe keeps the id of the sign-up.
pub(super) const SIGN_UP: &str = "signup_id";

/// The key for the subscription in whose place another one is paid.
pub(super) const RENEWS: &str = "renews";

#[derive(Debug, Clone)]
pub struct Offer {
    /// At which new customers buy.
    pub price: PriceId,
    /// At which customers bought before, and still pay.
    pub former_prices: Vec<PriceId>,
    /// Of `price`, as `usd`.
    pub currency: &'static str,
    pub is_live: bool,
}

impl Offer {
    /// Why `session` was not made by us for `signup`, if so.
    pub fn fault_of_session(&self, signup: &SignUp, session: &CheckoutSession) -> Option<String> {
        let is_latest = signup.checkout.as_ref().is_some_and(|known| known.id == session.id);
        let is_marked = session.metadata.get(SIGN_UP).is_some_and(|id| id == signup.id.as_str());
        if !is_latest && !is_marked {
            return Some("it was not made for this sign-up".to_owned());
        }
        if session.mode != CheckoutMode::Subscription {
            return Some("it does not begin a subscription".to_owned());
        }
        (session.livemode != self.is_live).then(|| "it is of the other mode".to_owned())
    }

    /// Why `subscription` is not to one workspace at a price of ours, if so.
    pub fn fault_of_subscription(&self, subscription: &Subscription) -> Option<String> {
        let [item] = subscription.items() else {
            return Some(format!("it has {} items", subscription.items().len()));
        };
        let (price, quantity) = (&item.price.id, item.quantity);
        let is_current = *price == self.price;
        if !is_current && !self.former_prices.contains(price) {
            return Some(format!("its price is {price}, which is none of ours"));
        }
        if quantity != Some(1) {
            return Some(format!("its quantity is {quantity:?}"));
        }
        if is_current && subscription.currency != self.currency {
            return Some(format!("it is paid in {}", subscription.currency));
        }
        (subscription.livemode != self.is_live).then(|| "it is of the other mode".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const OURS: &str = "price_1SWsamp7B7WZ01zgkW000001";

    fn offer(price: &str, former: &[&str]) -> Offer {
        let parse = |id: &str| PriceId::parse(id).unwrap();
        Offer {
            price: parse(price),
            former_prices: former.iter().map(|id| parse(id)).collect(),
            currency: "usd",
            is_live: false,
        }
    }

    fn subscription(change: impl FnOnce(&mut Value)) -> Subscription {
        let text = include_str!("../../tests/stripe-samples/api_subscription_active.json");
        let mut body: Value = serde_json::from_str(text).unwrap();
        change(&mut body);
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn only_one_workspace_at_a_price_of_ours_is_sold() {
        let check = |offer: &Offer, change: &dyn Fn(&mut Value), expected: &str| {
            let fault = offer.fault_of_subscription(&subscription(change)).unwrap_or_default();
            assert!(fault.contains(expected) && fault.is_empty() == expected.is_empty(), "{fault}");
        };
        let ours = offer(OURS, &[]);
        check(&ours, &|_| {}, "");
        check(&offer("price_new", &[OURS]), &|_| {}, "");
        check(&offer("price_new", &["price_older"]), &|_| {}, "none of ours");
        check(&ours, &|body| body["items"]["data"][0]["quantity"] = json!(2), "quantity");
        check(&ours, &|body| body["items"]["data"][0]["quantity"] = json!(0), "quantity");
        check(&ours, &|body| body["currency"] = json!("jpy"), "jpy");
        check(&ours, &|body| body["livemode"] = json!(true), "other mode");
        check(&ours, &|body| body["items"]["data"] = json!([]), "0 items");
        let twice = |body: &mut Value| {
            let item = body["items"]["data"][0].clone();
            body["items"]["data"] = json!([item, item]);
        };
        check(&ours, &twice, "2 items");
    }
}
