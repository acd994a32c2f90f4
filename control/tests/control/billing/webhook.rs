//! Which deliveries are believed, and what is kept of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use control::model::task::Kind;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::shop::{SECRET, Shop, event, signature};
use crate::common::{SITE, wait_until};

const BODY: &str = r#"{"id":"evt_1","object":"event"}"#;
const TIME: u64 = 1_760_000_000;
const SIGNATURE: &str = "710305f7feae110e97d01e071f9d466aadf50a718e23f9956b8252f8dc0acd23";

#[derive(Deserialize)]
struct Vector {
    name: String,
    payload: String,
    timestamp: u64,
    header: String,
}

async fn check(shop: &Shop, signature: &str, body: &str, outcome: &str) {
    let before = shop.counted(outcome).await;
    let page = shop.send(signature, body).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{outcome}: {signature}");
    assert_eq!(shop.counted(outcome).await, before + 1, "{outcome}: {signature}");
}

#[tokio::test]
async fn what_the_vendors_library_signs_is_believed() {
    let mut shop = Shop::open().await;
    let text = include_str!("../../stripe-samples/vectors.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap();
    // Whatever looks for what is too old to be kept must not have read the time before.
    shop.world.stop().await;
    shop.world.set_seconds(vectors[0].timestamp);
    shop.world.start_again().await;
    let at = |vector: &Vector| shop.world.set_seconds(vector.timestamp);
    // The first two sign what is no event of any type: believed, and still not taken.
    at(&vectors[0]);
    check(&shop, &vectors[0].header, &vectors[0].payload, "not_an_event").await;
    at(&vectors[1]);
    check(&shop, &vectors[1].header, &vectors[1].payload, "bad_signature").await;
    // The last one is the third under a secret that is being replaced.
    for vector in &vectors[2..] {
        at(vector);
        let page = shop.send(&vector.header, vectors[2].payload.as_str()).await;
        assert_eq!(page.status, StatusCode::OK, "{}", vector.name);
    }
    assert_eq!(shop.counted("taken").await, 1);
    assert_eq!(shop.counted("repeated").await, 1, "the same event under a rolled secret");
}

#[tokio::test]
async fn nothing_else_is_believed_and_nothing_is_kept_of_it() {
    let shop = Shop::open().await;
    shop.world.set_seconds(TIME);
    let malformed = "malformed_signature";
    check(&shop, &format!("t={TIME},v1={SIGNATURE}"), BODY, "not_an_event").await;
    check(&shop, "", BODY, malformed).await;
    check(&shop, &format!("t={TIME}"), BODY, malformed).await;
    check(&shop, &format!("t={TIME}, v1={SIGNATURE}"), BODY, malformed).await;
    check(&shop, &format!("t={TIME},v0={SIGNATURE}"), BODY, malformed).await;
    check(&shop, &format!("t={TIME},v1={}", SIGNATURE.to_uppercase()), BODY, malformed).await;
    check(&shop, &format!("t={},v1={SIGNATURE}", TIME + 1), BODY, "bad_signature").await;
    check(&shop, &format!("t={TIME},v1={SIGNATURE}"), "{}", "bad_signature").await;
    let good = event("checkout.session.completed", "cs_1");
    let by = |secret, time| signature(secret, time, good.as_bytes());
    check(&shop, &by("whsec_of_somebody_else", TIME), &good, "bad_signature").await;
    check(&shop, &by(SECRET, TIME - 301), &good, "old").await;
    check(&shop, &by(SECRET, TIME + 301), &good, "future").await;
    let live = good.replace("\"livemode\":false", "\"livemode\":true");
    check(&shop, &signature(SECRET, TIME, live.as_bytes()), &live, "wrong_mode").await;
    // Stripe sends those of connected accounts in both modes, and again if they are refused.
    let connected = live.replace("\"livemode\":true", "\"livemode\":true,\"account\":\"acct_1\"");
    let signed = signature(SECRET, TIME, connected.as_bytes());
    assert_eq!(shop.send(&signed, connected.as_str()).await.status, StatusCode::OK);
    assert_eq!(shop.counted("passed_over").await, 1);
    let large = " ".repeat((1 << 20) + 1);
    check(&shop, &signature(SECRET, TIME, large.as_bytes()), &large, "too_large").await;
    let headers = [("accept", "*/*")];
    let url = format!("{SITE}/api/webhook");
    let unsigned = shop.browser().send_body(Method::POST, &url, good.clone(), &headers).await;
    assert_eq!(unsigned.status, StatusCode::BAD_REQUEST);
    assert_eq!(shop.counted("unsigned").await, 1);
    assert!(shop.tasks(Kind::Stripe).await.is_empty(), "nothing of it was kept");
    // Both ends of what is forgiven.
    for time in [TIME - 300, TIME + 300] {
        let body = event("checkout.session.completed", "cs_1");
        let page = shop.send(&signature(SECRET, time, body.as_bytes()), body).await;
        assert_eq!(page.status, StatusCode::OK, "{time}");
    }
}

#[tokio::test]
async fn an_event_is_taken_once_and_what_does_not_concern_us_is_passed_over() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    let body = event("checkout.session.completed", checkout.as_str());
    assert_eq!(shop.deliver(&body).await, StatusCode::OK);
    assert_eq!(shop.deliver(&body).await, StatusCode::OK);
    assert_eq!(shop.tasks(Kind::Stripe).await.len(), 1);
    for kind in ["invoice.paid", "payout.paid"] {
        assert_eq!(shop.deliver(&event(kind, "x_1")).await, StatusCode::OK, "{kind}");
    }
    for chosen in ["SUMMER-25", "25% off", "legacy:4711"] {
        assert_eq!(shop.deliver(&event("coupon.created", chosen)).await, StatusCode::OK);
    }
    assert_eq!(shop.tasks(Kind::Stripe).await.len(), 1);
    let thin = include_str!("../../stripe-samples/15_thin_checkout_session_completed.json");
    assert_eq!(shop.deliver(thin).await, StatusCode::OK);
    assert_eq!(shop.tasks(Kind::Stripe).await.len(), 2);
}

#[tokio::test]
async fn news_of_what_stripe_does_not_know_is_followed_a_few_times_and_then_done() {
    let shop = Shop::open().await;
    shop.tell("checkout.session.completed", "cs_of_nobody").await;
    shop.tell("customer.subscription.updated", "sub_of_nobody").await;
    wait_until("both are done", 0, async || {
        // Past every back-off.
        shop.world.let_pass(Duration::from_secs(30)).await;
        shop.open_tasks(Kind::Stripe).await
    })
    .await;
    assert_eq!(shop.tasks(Kind::Stripe).await, ["done", "done"]);
    assert_eq!(shop.stripe.count("GET /v1/checkout/sessions/cs_of_nobody"), 5);
}

#[tokio::test]
async fn it_needs_no_page_of_ours_to_come_from() {
    let shop = Shop::open().await;
    let body = event("invoice.paid", "in_1");
    let signature = signature(SECRET, shop.world.now_seconds(), body.as_bytes());
    let headers = [
        ("stripe-signature", signature.as_str()),
        ("origin", "https://stripe.test"),
        ("sec-fetch-site", "cross-site"),
    ];
    let url = format!("{SITE}/api/webhook");
    let page = shop.browser().send_body(Method::POST, &url, body.clone(), &headers).await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn without_the_database_stripe_is_asked_to_send_again() {
    let shop = Shop::open().await;
    let body = event("checkout.session.completed", "cs_1");
    let rename = |from: &str, to: &str| format!("ALTER TABLE {from} RENAME TO {to}");
    shop.world.database.run(rename("stripe_events", "gone")).await;
    assert_eq!(shop.deliver(&body).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(shop.tasks(Kind::Stripe).await.is_empty());
    shop.world.database.run(rename("gone", "stripe_events")).await;
    assert_eq!(shop.deliver(&body).await, StatusCode::OK);
    assert_eq!(shop.tasks(Kind::Stripe).await.len(), 1);
}

#[tokio::test]
async fn whoever_sends_no_body_makes_others_wait_and_no_more() {
    let shop = Shop::open().await;
    let mut held = Vec::new();
    for _ in 0..32 {
        held.push(begin_a_delivery(&shop).await.unwrap());
    }
    let page = shop.browser().open(&format!("{SITE}/api/usernames/ada")).await;
    assert_eq!(page.status, StatusCode::OK, "other pages do not mind");
    assert_eq!(shop.deliver(&event("invoice.paid", "in_1")).await, StatusCode::OK);
}

/// Whoever holds deliveries open holds as much of the memory as we allow, and no more.
#[tokio::test]
async fn a_flood_is_bounded_and_passes() {
    let shop = Arc::new(Shop::open().await);
    let mut flood = JoinSet::new();
    for _ in 0..300 {
        let shop = Arc::clone(&shop);
        flood.spawn(async move {
            loop {
                if let Ok(mut held) = begin_a_delivery(&shop).await {
                    let _refused = held.read_to_end(&mut Vec::new()).await;
                }
            }
        });
    }
    let body = event("invoice.paid", "in_1");
    wait_until("too many wait", StatusCode::SERVICE_UNAVAILABLE, async || {
        shop.deliver(&body).await
    })
    .await;
    flood.shutdown().await;
    wait_until("places are free again", StatusCode::OK, async || shop.deliver(&body).await).await;
}

/// Says that a megabyte comes, and sends nothing of it.
///
/// # Errors
/// When it was not told to go on, which it is when its body begins to be waited for.
async fn begin_a_delivery(shop: &Shop) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(shop.world.site_address()).await?;
    let host = SITE.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /api/webhook HTTP/1.1\r\nhost: {host}\r\nstripe-signature: t=1,v1=00\r\n\
         expect: 100-continue\r\ncontent-length: 1000000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await?;
    if &answer == b"HTTP/1.1 100" { Ok(stream) } else { Err(io::ErrorKind::Other.into()) }
}
