//! Stripe refuses, hangs up, and repeats itself.

use std::time::Duration;

use reqwest::StatusCode;
use vendors::stripe::id::SubscriptionId;
use vendors::stripe::{Retries, Stripe, StripeError, Subscription, SubscriptionChange};
use vendors::{Again, IdempotencyKey};

use super::sink::{Answer, Sink, secret};

const KEY: &str = "sk_test_never_printed";
const ACTIVE: &str = include_str!("../../stripe-samples/api_subscription_active.json");

/// The vendor's rule without its pauses.
const AT_ONCE: Retries =
    Retries { most: 2, first_delay: Duration::ZERO, longest_delay: Duration::ZERO };

fn stripe(sink: &Sink) -> Stripe {
    Stripe::new(&sink.url, &secret(KEY), AT_ONCE).unwrap()
}

async fn end(sink: &Sink) -> Result<Subscription, StripeError> {
    let id = SubscriptionId::parse("sub_1").unwrap();
    let key = IdempotencyKey::parse("end/su_1/1").unwrap();
    stripe(sink).update_subscription(&id, SubscriptionChange::EndWithThePeriod, &key).await
}

async fn look(sink: &Sink) -> Result<Subscription, StripeError> {
    stripe(sink).subscription(&SubscriptionId::parse("sub_1").unwrap()).await
}

#[tokio::test]
async fn a_call_without_answer_is_repeated_word_for_word() {
    let sink =
        Sink::start([Answer::HangUp, Answer::text(500, ""), Answer::text(200, ACTIVE)]).await;
    end(&sink).await.unwrap();
    let seen = sink.seen();
    assert_eq!(seen.len(), 3);
    for repeated in &seen {
        assert_eq!(repeated.header("idempotency-key"), Some("end/su_1/1"));
        assert_eq!(repeated.body, seen[0].body);
    }
}

#[tokio::test]
async fn the_same_step_twice_is_the_same_request_twice() {
    let sink = Sink::start([Answer::text(200, ACTIVE), Answer::text(200, ACTIVE)]).await;
    let (first, second) = (end(&sink).await.unwrap(), end(&sink).await.unwrap());
    assert_eq!(first, second);
    let seen = sink.seen();
    assert_eq!(seen[0].headers, seen[1].headers);
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn stripe_decides_what_is_repeated() {
    let check = async |status, should_retry: Option<&str>, calls| {
        let answer = |status| {
            let answer = Answer::text(status, r#"{"error":{"type":"api_error"}}"#);
            match should_retry {
                Some(value) => answer.header("stripe-should-retry", value),
                None => answer,
            }
        };
        let sink = Sink::start([answer(status), answer(status), answer(status)]).await;
        let error = end(&sink).await.unwrap_err();
        assert!(matches!(error, StripeError::Refused(_)), "{error:?}");
        assert_eq!(sink.seen().len(), calls, "{status} {should_retry:?}");
    };
    check(500, None, 3).await;
    check(409, None, 3).await;
    check(429, None, 1).await;
    check(400, None, 1).await;
    check(302, None, 1).await;
    check(500, Some("false"), 1).await;
    check(429, Some("true"), 3).await;
}

#[tokio::test]
async fn a_refusal_is_reported_with_its_reason_and_without_our_key() {
    let body = format!(
        r#"{{"error":{{"type":"invalid_request_error","code":"api_key_expired",
            "message":"Expired API Key provided: {KEY}","param":"key"}}}}"#
    );
    let sink = Sink::start([Answer::text(401, body).header("request-id", "req_1")]).await;
    let error = look(&sink).await.unwrap_err();
    assert_eq!(error.again(), Again::Never);
    let StripeError::Refused(refusal) = &error else { panic!("{error:?}") };
    assert_eq!(refusal.status, StatusCode::UNAUTHORIZED);
    assert_eq!((&*refusal.code, &*refusal.param), ("api_key_expired", "key"));
    assert_eq!((&*refusal.request, refusal.kind.as_str()), ("req_1", "invalid_request_error"));
    let text = format!("{error} {error:?}");
    assert!(!text.contains(KEY) && text.contains("provided: ***"), "{text}");
}

#[tokio::test]
async fn a_vendor_that_is_away_is_an_unknown_outcome_without_a_url() {
    let sink = Sink::start([Answer::HangUp, Answer::HangUp, Answer::HangUp]).await;
    let error = end(&sink).await.unwrap_err();
    assert_eq!((error.again(), error.needs_new_key()), (Again::Soon, false));
    assert!(matches!(error, StripeError::Lost(_)));
    assert_eq!(sink.seen().len(), 3);
    let text = format!("{error:?}");
    assert!(!text.contains("127.0.0.1") && !text.contains(KEY), "{text}");
}

#[tokio::test]
async fn a_kept_failure_asks_for_a_new_key() {
    let sink = Sink::start([Answer::text(500, "").header("stripe-should-retry", "false")]).await;
    assert!(end(&sink).await.unwrap_err().needs_new_key());
}

#[tokio::test]
async fn an_answer_without_end_or_sense_is_an_error() {
    let sink = Sink::start([
        Answer::text(200, "{}"),
        Answer::text(200, " ".repeat((1 << 20) + 1)),
        Answer::text(200, " ".repeat((1 << 20) + 1)),
        Answer::text(200, " ".repeat((1 << 20) + 1)),
    ])
    .await;
    assert!(matches!(look(&sink).await.unwrap_err(), StripeError::Answer { .. }));
    let error = look(&sink).await.unwrap_err();
    assert!(matches!(error, StripeError::Lost(_)));
    assert_eq!(error.again(), Again::Never);
}
