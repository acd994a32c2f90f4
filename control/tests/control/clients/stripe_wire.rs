//! Our requests, decoded, are those that the vendor's own client was seen to send.

use serde_json::Value;
use vendors::IdempotencyKey;
use vendors::stripe::checkout::{Expand, NewCheckout, Payer};
use vendors::stripe::id::{
    CheckoutSessionId, CustomerId, PortalConfigurationId, PriceId, SubscriptionId,
};
use vendors::stripe::portal::{NewPortalSession, PortalFlow};
use vendors::stripe::{Retries, Stripe, SubscriptionChange};

use super::sink::{Answer, Seen, Sink, decode, secret};

const KEY: &str = "sk_test_4eC39HqLyjWDarjtT1zdp7dc";

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../stripe-samples/", $name, ".json"))
    };
}

/// The requests captured from stripe-node, without what they led to.
fn captured() -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(sample!("wire")).unwrap();
    all.into_iter().filter(|entry| entry["method"].is_string()).collect()
}

fn header_of(captured: &Value, name: &str) -> Option<String> {
    let flat = captured["headers"].as_array().unwrap();
    let mut pairs = flat.chunks(2);
    let pair = pairs.find(|pair| pair[0].as_str().unwrap().eq_ignore_ascii_case(name))?;
    Some(pair[1].as_str().unwrap().to_owned())
}

fn sorted(mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    pairs.sort();
    pairs
}

fn check(ours: &Seen, captured: &Value) {
    let url = captured["url"].as_str().unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    assert_eq!(ours.method.as_str(), captured["method"], "{url}");
    assert_eq!(ours.path, path);
    assert_eq!(sorted(ours.query.clone()), sorted(decode(query.as_bytes())), "{url}");
    let body = captured["body"].as_str().unwrap();
    assert_eq!(sorted(ours.form()), sorted(decode(body.as_bytes())), "{url}");
    for name in ["accept", "authorization", "content-type", "stripe-version"] {
        let theirs = header_of(captured, name);
        assert!(theirs.is_some());
        assert_eq!(ours.header(name), theirs.as_deref(), "{url} {name}");
    }
    let has_key = header_of(captured, "idempotency-key").is_some();
    assert_eq!(ours.header("idempotency-key").is_some(), has_key, "{url}");
}

fn checkout() -> NewCheckout {
    let skills = ("skills".to_owned(), "rust,sql & more".to_owned());
    NewCheckout {
        price: PriceId::parse("price_1Nxyz").unwrap(),
        success_url: "https://example.com/welcome?session_id={CHECKOUT_SESSION_ID}".to_owned(),
        cancel_url: "https://example.com/cancelled".to_owned(),
        payer: Payer::New { email: "ada+test@example.com".to_owned() },
        client_reference_id: "su_01JXYZ".to_owned(),
        metadata: [skills.clone(), ("plan".to_owned(), "basic".to_owned())].into(),
        subscription_metadata: [skills, ("signup_id".to_owned(), "su_01JXYZ".to_owned())].into(),
        allow_promotion_codes: true,
        expires_at: 1_763_803_600,
    }
}

#[tokio::test]
async fn our_requests_are_the_vendors() {
    let sink = Sink::start([
        Answer::text(200, sample!("api_checkout_session_open")),
        Answer::text(200, sample!("api_checkout_session_complete")),
        Answer::text(200, sample!("api_subscription_active")),
        Answer::text(
            404,
            r#"{"error":{"type":"invalid_request_error","code":"resource_missing"}}"#,
        ),
        Answer::text(200, sample!("api_subscription_active")),
        Answer::text(200, sample!("api_subscription_active")),
        Answer::text(200, sample!("api_billing_portal_session")),
    ])
    .await;
    let stripe = Stripe::new(&sink.url, &secret(KEY), Retries::default()).unwrap();
    let key = |text: &str| IdempotencyKey::parse(text).unwrap();
    let session = CheckoutSessionId::parse("cs_test_a1").unwrap();
    let subscription = SubscriptionId::parse("sub_1").unwrap();
    let missing = SubscriptionId::parse("sub_missing").unwrap();

    stripe.create_checkout(&checkout(), &key("checkout-su_01JXYZ-1")).await.unwrap();
    stripe.checkout(&session, Expand::SubscriptionAndCustomer).await.unwrap();
    stripe.subscription(&subscription).await.unwrap();
    assert!(stripe.subscription(&missing).await.unwrap_err().is_missing());
    let change = SubscriptionChange::EndWithThePeriod;
    stripe.update_subscription(&subscription, change, &key("end/su_1/1")).await.unwrap();
    stripe.cancel_subscription(&subscription).await.unwrap();
    let portal = NewPortalSession {
        customer: CustomerId::parse("cus_1").unwrap(),
        return_url: "https://example.com/account".to_owned(),
        configuration: None,
        flow: Some(PortalFlow::CancelSubscription(subscription)),
    };
    stripe.create_portal_session(&portal, &key("portal/su_1/1")).await.unwrap();

    let mut captured = captured();
    // It describes its price in the request. Ours is made once, and configured.
    let inline = captured.remove(1);
    assert!(inline["body"].as_str().unwrap().contains("price_data"));
    let seen = sink.seen();
    assert_eq!(seen.len(), captured.len());
    assert_eq!(seen[0].header("idempotency-key"), Some("checkout-su_01JXYZ-1"));
    for (ours, captured) in seen.iter().zip(&captured) {
        check(ours, captured);
    }
}

#[tokio::test]
async fn what_was_not_captured_is_as_documented() {
    let sink = Sink::start([
        Answer::text(200, sample!("api_checkout_session_complete")),
        Answer::text(200, sample!("api_checkout_session_open")),
        Answer::text(200, sample!("api_subscription_active")),
        Answer::text(200, sample!("api_subscription_active")),
        Answer::text(200, sample!("api_billing_portal_session")),
    ])
    .await;
    let stripe = Stripe::new(&sink.url, &secret(KEY), Retries::default()).unwrap();
    let key = IdempotencyKey::parse("k").unwrap();
    let session = CheckoutSessionId::parse("cs_1").unwrap();
    let subscription = SubscriptionId::parse("sub_1").unwrap();
    let customer = CustomerId::parse("cus_1").unwrap();

    stripe.expire_checkout(&session, &key).await.unwrap();
    let payer = Payer::Known(customer.clone());
    let known = NewCheckout { payer, allow_promotion_codes: false, ..checkout() };
    stripe.create_checkout(&known, &key).await.unwrap();
    for change in [SubscriptionChange::GoOn, SubscriptionChange::ForgetTheDate] {
        stripe.update_subscription(&subscription, change, &key).await.unwrap();
    }
    let portal = NewPortalSession {
        customer,
        return_url: "https://example.com/account".to_owned(),
        configuration: Some(PortalConfigurationId::parse("bpc_1").unwrap()),
        flow: Some(PortalFlow::UpdatePaymentMethod),
    };
    stripe.create_portal_session(&portal, &key).await.unwrap();

    let seen = sink.seen();
    assert_eq!(sink.calls()[0], "POST /v1/checkout/sessions/cs_1/expire");
    assert!(seen[0].body.is_empty());
    let names: Vec<_> = seen[1].form().into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"customer".to_owned()));
    assert!(!names.iter().any(|name| name == "customer_email" || name == "allow_promotion_codes"));
    assert_eq!(seen[2].form(), decode(b"cancel_at_period_end=false"));
    assert_eq!(seen[3].form(), decode(b"cancel_at="));
    let expected = "customer=cus_1&return_url=https://example.com/account&configuration=bpc_1\
                    &flow_data[type]=payment_method_update";
    assert_eq!(seen[4].form(), decode(expected.as_bytes()));
}
