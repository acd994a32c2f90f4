//! `expand[0]=subscription`: the object instead of its id.

use serde_json::{Value, json};

use super::account::Account;
use super::error::ApiError;
use super::params::Params;

/// How deep an expansion may go, and how many there may be.
const DEPTH_MAX: usize = 4;
const EXPANSIONS_MAX: usize = 20;

/// # Errors
/// A path names a property that is not there or is no reference.
pub fn expand(account: &Account, params: &Params, body: &mut Value) -> Result<(), ApiError> {
    let paths = params.list("expand");
    if paths.len() > EXPANSIONS_MAX {
        return Err(ApiError::invalid("You cannot expand so many properties.").param("expand"));
    }
    for path in paths {
        let segments: Vec<&str> = path.split('.').collect();
        if segments.len() > DEPTH_MAX {
            let message =
                format!("You cannot expand more than {DEPTH_MAX} levels of a property ({path}).");
            return Err(ApiError::invalid(message).code("property_expansion_max_depth"));
        }
        follow(account, body, &segments).ok_or_else(|| {
            ApiError::invalid(format!("This property cannot be expanded ({path})."))
        })?;
    }
    Ok(())
}

fn follow(account: &Account, value: &mut Value, segments: &[&str]) -> Option<()> {
    let Some((first, rest)) = segments.split_first() else { return Some(()) };
    if let Value::Array(items) = value {
        return items.iter_mut().try_for_each(|item| follow(account, item, segments));
    }
    let member = value.as_object_mut()?.get_mut(*first)?;
    match member {
        Value::Null => Some(()),
        Value::String(id) => {
            *member = object(account, id)?;
            follow(account, member, rest)
        }
        _ if rest.is_empty() => member.get("object").map(|_| ()),
        _ => follow(account, member, rest),
    }
}

fn object(account: &Account, id: &str) -> Option<Value> {
    let (prefix, _) = id.split_once('_')?;
    match prefix {
        "cus" => account.customers.get(id).map(|customer| customer.body()),
        "sub" => account.subscriptions.get(id).map(|subscription| subscription.body()),
        "pm" => {
            account.subscriptions.values().any(|paid| paid.payment_method == id).then(|| card(id))
        }
        "in" => account.invoices.get(id).map(|invoice| invoice.body()),
        _ => None,
    }
}

/// Whoever pays here has the card of Stripe's own documents.
fn card(id: &str) -> Value {
    json!({
        "id": id,
        "object": "payment_method",
        "type": "card",
        "card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2034,
            "funding": "credit", "country": "US"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stripe::session::{Method, tests::open};

    /// `expected`: the pointer's value begins with it; `None` for a refusal.
    fn check(path: &str, pointer: &str, expected: Option<&str>) {
        let mut account = Account::default();
        account.sessions.insert("cs_test_a1".to_owned(), open());
        account.pay_session("cs_test_a1", Method::Card, true, None, 1_000).unwrap();
        let mut body = account.sessions["cs_test_a1"].body();
        let params = Params::parse(&format!("expand[0]={path}")).unwrap();
        let expanded = expand(&account, &params, &mut body);
        assert_eq!(expanded.is_ok(), expected.is_some(), "{path}");
        if let Some(expected) = expected {
            assert_eq!(body.pointer(pointer), Some(&json!(expected)), "{path}");
        }
    }

    #[test]
    fn an_id_becomes_its_object() {
        check("subscription", "/subscription/object", Some("subscription"));
        check("customer", "/customer/email", Some("ada@example.com"));
        let card = "subscription.default_payment_method";
        check(card, "/subscription/default_payment_method/card/last4", Some("4242"));
        check("subscription.latest_invoice", "/subscription/latest_invoice/status", Some("paid"));
        check("payment_intent", "/object", Some("checkout.session"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        check("mode", "", None);
        check("metadata", "", None);
        check("nothing", "", None);
        check("subscription.latest_invoice.customer.x.y", "", None);
    }
}
