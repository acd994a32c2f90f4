//! Creating and expiring checkout sessions.

use serde_json::Value;

use super::super::account::Account;
use super::super::checkout::NotOpen;
use super::super::error::ApiError;
use super::super::params::Params;
use super::super::price::{Interval, Price};
use super::super::session::{Session, State};
use crate::ids;

/// When a session may expire, in seconds after its creation; the latest is
/// also the default.
const EXPIRES_AFTER_MIN: u64 = 30 * 60;
const EXPIRES_AFTER_MAX: u64 = 24 * 60 * 60;

pub(super) fn create(account: &mut Account, params: &Params, now: u64) -> Result<Value, ApiError> {
    if params.value("mode") != Some("subscription") {
        let message = "This account sells subscriptions only: use mode=subscription";
        return Err(ApiError::invalid(message).param("mode"));
    }
    let (customer, customer_email) = buyer(account, params)?;
    let price = price(account, params, now)?;
    let session = Session {
        id: ids::letters("cs_test_a1", 56),
        state: State::Open,
        quantity: params.number("line_items[0][quantity]").unwrap_or(1),
        price,
        success_url: params.value("success_url").unwrap_or_default().to_owned(),
        cancel_url: params.value("cancel_url").map(ToOwned::to_owned),
        email: None,
        customer,
        customer_email,
        client_reference_id: params.value("client_reference_id").map(ToOwned::to_owned),
        metadata: params.map("metadata"),
        subscription_metadata: params.map("subscription_data[metadata]"),
        allow_promotion_codes: params.flag("allow_promotion_codes"),
        locale: params.value("locale").map(ToOwned::to_owned),
        created: now,
        expires_at: expires_at(params, now - account.lead)? + account.lead,
        lead: account.lead,
        public_url: account.public_url.clone(),
    };
    let body = session.body();
    account.sessions.insert(session.id.clone(), session);
    Ok(body)
}

pub(super) fn expire(account: &mut Account, id: &str, now: u64) -> Result<Value, ApiError> {
    let session =
        account.sessions.get(id).ok_or_else(|| ApiError::missing("checkout.session", id))?;
    let status = session.body()["status"].clone();
    account.expire_session(id, now).map_err(|NotOpen| {
        ApiError::invalid(format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout \
             Session has a status of {status}."
        ))
    })?;
    Ok(account.sessions[id].body())
}

type Buyer = (Option<String>, Option<String>);

fn buyer(account: &Account, params: &Params) -> Result<Buyer, ApiError> {
    let customer = params.value("customer");
    let email = params.value("customer_email");
    match (customer, email) {
        (Some(_), Some(_)) => Err(ApiError::invalid(
            "You may only specify one of these parameters: customer, customer_email.",
        )),
        (Some(id), None) if !account.customers.contains_key(id) => {
            Err(ApiError::missing_in("customer", "customer", id))
        }
        (None, Some(email)) if !looks_like_an_address(email) => {
            let message = format!("Invalid email address: {email}");
            Err(ApiError::invalid(message).code("email_invalid").param("customer_email"))
        }
        (customer, email) => Ok((customer.map(ToOwned::to_owned), email.map(ToOwned::to_owned))),
    }
}

fn looks_like_an_address(email: &str) -> bool {
    email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !email.contains(char::is_whitespace)
            && !host.contains('@')
    })
}

/// One line, by a price that exists or one made up on the spot.
fn price(account: &mut Account, params: &Params, now: u64) -> Result<Price, ApiError> {
    if params.has("line_items[1]") || !params.has("line_items[0]") {
        let message = "This account sells one thing at a time: line_items takes one item, index 0";
        return Err(ApiError::invalid(message).param("line_items"));
    }
    if params.number("line_items[0][quantity]") == Some(0) {
        let message = "Quantity should be greater than or equal to 1.";
        return Err(ApiError::invalid(message).param("line_items[0][quantity]"));
    }
    let given = params.value("line_items[0][price]");
    match (given, params.has("line_items[0][price_data]")) {
        (Some(id), false) => account
            .prices
            .get(id)
            .cloned()
            .ok_or_else(|| ApiError::missing_in("line_items[0][price]", "price", id)),
        (None, true) => {
            let price = price_of_data(params, now)?;
            account.prices.insert(price.id.clone(), price.clone());
            Ok(price)
        }
        _ => Err(ApiError::invalid(
            "You must specify exactly one of `price` or `price_data` for each line item.",
        )
        .param("line_items[0]")),
    }
}

fn price_of_data(params: &Params, now: u64) -> Result<Price, ApiError> {
    let field = |name: &str| {
        let key = format!("line_items[0][price_data]{name}");
        params.value(&key).ok_or_else(|| {
            let message = format!("Missing required param: {key}.");
            ApiError::invalid(message).code("parameter_missing").param(key.clone())
        })
    };
    let currency = field("[currency]")?;
    let interval = field("[recurring][interval]")?;
    let name = field("[product_data][name]")?;
    field("[unit_amount]")?;
    Ok(Price {
        id: ids::letters("price_1", 23),
        product: ids::letters("prod_T", 13),
        name: name.to_owned(),
        lookup_key: None,
        unit_amount: params.number("line_items[0][price_data][unit_amount]").unwrap_or_default(),
        currency: currency.to_lowercase(),
        interval: Interval::parse(interval).expect("the schema knows the intervals"),
        created: now,
    })
}

fn expires_at(params: &Params, now: u64) -> Result<u64, ApiError> {
    let Some(at) = params.number("expires_at") else { return Ok(now + EXPIRES_AFTER_MAX) };
    let limit = if at < now + EXPIRES_AFTER_MIN {
        "at least 30 minutes"
    } else if at > now + EXPIRES_AFTER_MAX {
        "less than 24 hours"
    } else {
        return Ok(at);
    };
    let message =
        format!("The `expires_at` timestamp must be {limit} from Checkout Session creation.");
    Err(ApiError::invalid(message).param("expires_at"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "mode=subscription&line_items[0][price_data][currency]=usd\
        &line_items[0][price_data][unit_amount]=700\
        &line_items[0][price_data][recurring][interval]=month\
        &line_items[0][price_data][product_data][name]=Workspace\
        &success_url=https://e.com";

    /// `expected`: part of the message; empty for no complaint.
    fn check(form: &str, expected: &str) {
        let params = Params::parse(form).unwrap();
        let made = create(&mut Account::default(), &params, 1_000);
        match made {
            Ok(body) => assert!(expected.is_empty(), "{form} made {body}"),
            Err(error) => {
                let body = error.body("req_1");
                let message = body["error"]["message"].as_str().unwrap();
                assert!(!expected.is_empty() && message.contains(expected), "{form}: {message}");
            }
        }
    }

    #[test]
    fn a_session_lives_between_half_an_hour_and_a_day() {
        check(GOOD, "");
        check(&format!("{GOOD}&expires_at=2800"), "");
        check(&format!("{GOOD}&expires_at=87400"), "");
        check(&format!("{GOOD}&expires_at=2799"), "at least 30 minutes");
        check(&format!("{GOOD}&expires_at=87401"), "less than 24 hours");
    }

    #[test]
    fn who_calls_says_the_end_of_a_session_by_a_clock_that_nobody_turned() {
        let mut account = Account::default();
        account.lead = 700_000;
        let params = Params::parse(&format!("{GOOD}&expires_at=2800")).unwrap();
        let body = create(&mut account, &params, 701_000).unwrap();
        assert_eq!(body["expires_at"], 2_800);
        let id = body["id"].as_str().unwrap();
        account.advance(702_799);
        assert_eq!(account.sessions[id].body()["status"], "open");
        account.advance(702_800);
        assert_eq!(account.sessions[id].body()["status"], "expired");
    }

    #[test]
    fn a_buyer_is_a_customer_or_an_address() {
        check(&format!("{GOOD}&customer_email=ada@example.com"), "");
        check(&format!("{GOOD}&customer_email=ada"), "Invalid email address: ada");
        check(&format!("{GOOD}&customer=cus_1"), "No such customer: 'cus_1'");
        check(&format!("{GOOD}&customer=cus_1&customer_email=a@b.c"), "only specify one");
    }

    #[test]
    fn a_price_that_does_not_exist_is_named() {
        let form = "mode=subscription&line_items[0][price]=price_x&success_url=https://e.com";
        check(form, "No such price: 'price_x'");
    }
}
