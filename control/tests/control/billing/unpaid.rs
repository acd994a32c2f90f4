//! The way of a workspace that nobody pays for, over months, and the ways back.

use std::time::Duration;

use control::billing::reconcile;
use control::model::task::Kind;
use control::model::workspace::{EndReason, Workspace};
use fakes::stripe::account::RetriesUsedUp;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::RouteState;

use super::market::Market;
use super::shop::name;
use crate::common::edge::TestEdge;
use crate::common::{PASSWORD, SITE, wait_until};

const DAY: Duration = Duration::from_secs(86_400);

/// So many days after the first payment the second one fails.
const FAILS: u32 = 32;

async fn unpaid(market: &Market, then: RetriesUsedUp) -> Workspace {
    let ada = market.live("ada@example.com").await;
    market.shop.world.put_route("ada").await;
    let payer = ada.payer.as_str();
    market.act(|account, _| {
        account.settings.retries_used_up = then;
        account.customers.get_mut(payer).unwrap().pays = false;
    });
    ada
}

/// Day after day, and each day twice what a process does that was killed and came back.
async fn days(market: &Market, count: u32) {
    for _ in 0..count {
        market.pass(DAY);
        for _ in 0..2 {
            market.tell(1).await;
            let app = market.shop.world.app();
            reconcile::round(app.billing.as_ref().unwrap()).await.unwrap();
        }
    }
}

async fn route(market: &Market) -> Option<RouteState> {
    market.shop.store.route(&name("ada")).await.unwrap().map(|route| route.state)
}

/// The oldest first, without the one about the order.
async fn letters(market: &Market) -> Vec<String> {
    let mut letters = market.shop.letters().await;
    letters.reverse();
    letters.retain(|kind| kind != "order_received");
    letters
}

#[tokio::test]
async fn an_unpaid_workspace_is_closed_announced_twice_and_ended() {
    let edge = TestEdge::start("edge-1").await;
    let mut market = Market::open(&[&edge]).await;
    let ada = unpaid(&market, RetriesUsedUp::PastDue).await;
    days(&market, FAILS).await;
    assert_eq!((market.shop.life("ada").await, market.status(&ada)), ("live", "past_due"));
    assert_eq!(letters(&market).await, ["payment_failed"]);
    days(&market, 7).await;
    assert_eq!(market.shop.life("ada").await, "suspended");
    assert_eq!(route(&market).await, Some(RouteState::Suspended));
    assert_eq!(letters(&market).await, ["payment_failed", "closed"]);
    days(&market, 15).await;
    assert_eq!(letters(&market).await, ["payment_failed", "closed"], "not yet");
    market.shop.world.restart().await;
    days(&market, 2).await;
    let warned = ["payment_failed", "closed", "end_is_near"];
    assert_eq!(letters(&market).await, warned);
    days(&market, 11).await;
    assert_eq!(letters(&market).await.len(), 4, "the last warning");
    assert_eq!(market.shop.life("ada").await, "suspended", "and it is still kept");
    days(&market, 4).await;
    let ended = market.shop.workspace("ada").await.unwrap();
    assert_eq!(
        (ended.state.as_str(), ended.end_reason),
        ("ending", Some(EndReason::Unpaid)),
        "{:?}",
        ended.unpaid
    );
    assert_eq!(market.status(&ada), "canceled", "nothing is charged any more");
    wait_until("no edge leads there", true, async || edge.names().is_empty()).await;
    assert_eq!(market.shop.tasks(Kind::Recycle).await, ["waiting"]);
    let all = ["payment_failed", "closed", "end_is_near", "end_is_near", "ended"];
    assert_eq!(letters(&market).await, all);
}

#[tokio::test]
async fn whoever_pays_in_between_is_let_in_again_and_has_the_whole_time_anew() {
    let market = Market::open(&[]).await;
    let ada = unpaid(&market, RetriesUsedUp::Unpaid).await;
    // Closed, and warned once.
    days(&market, FAILS + 7 + 17).await;
    assert_eq!(market.shop.life("ada").await, "suspended");
    let payer = ada.payer.as_str();
    market.act(|account, now| account.fix_payment(payer, now));
    market.tell(2).await;
    assert_eq!(market.shop.life("ada").await, "live");
    assert_eq!(route(&market).await, Some(RouteState::Live));
    assert_eq!(market.shop.workspace("ada").await.unwrap().unpaid, None);
    let before = letters(&market).await;
    market.act(|account, _| account.customers.get_mut(payer).unwrap().pays = false);
    // The third month fails on the 59th day: closed on the 66th.
    days(&market, 30).await;
    let after = letters(&market).await;
    assert_eq!(after[before.len()..before.len() + 2], ["payment_failed", "closed"], "{after:?}");
    assert_eq!(market.shop.life("ada").await, "suspended");
}

#[tokio::test]
async fn what_stripe_gave_up_is_kept_and_can_be_paid_for_again() {
    let market = Market::open(&[]).await;
    let ada = unpaid(&market, RetriesUsedUp::Cancel).await;
    days(&market, FAILS + 25).await;
    assert_eq!((market.shop.life("ada").await, market.status(&ada)), ("suspended", "canceled"));
    let body = json!({ "password": PASSWORD });
    let path = "/api/customers/ada/password";
    let (status, _) = market.shop.world.api(Method::POST, path, Some(body)).await;
    assert_eq!(status, StatusCode::OK);
    let mut browser = market.shop.browser();
    browser.log_in("ada", PASSWORD).await;
    let account = browser.open(&format!("{SITE}/account")).await;
    assert!(account.body.contains("is kept until"), "{}", account.body);
    for _ in 0..2 {
        let page = browser.submit(&format!("{SITE}/account/billing"), &[]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{page:?}");
        assert!(page.location.starts_with("http://stripe.test/c/pay/"), "{}", page.location);
    }
    let open = market.act(|account, _| {
        let open = account.sessions.values().filter(|session| session.body()["status"] == "open");
        open.map(|session| session.id.clone()).collect::<Vec<_>>()
    });
    let [checkout] = open.as_slice() else { panic!("one page, not {open:?}") };
    market.act(|account, _| account.customers.get_mut(ada.payer.as_str()).unwrap().pays = true);
    market.pay(checkout);
    // Back before any event.
    browser.open(&format!("{SITE}/account?session_id={checkout}")).await;
    market.tell_backwards(2).await;
    let renewed = market.shop.workspace("ada").await.unwrap();
    assert_eq!((renewed.state.as_str(), renewed.unpaid), ("live", None));
    assert_ne!(renewed.subscription, ada.subscription);
    assert_eq!(market.status(&renewed), "active");
    assert_eq!(route(&market).await, Some(RouteState::Live));
    days(&market, 40).await;
    assert_eq!((market.shop.life("ada").await, market.status(&renewed)), ("live", "active"));
}

#[tokio::test]
async fn a_pause_closes_with_its_own_letter_and_ends_nothing() {
    let shop = super::shop::Shop::open().await;
    shop.customer("sub_1").await;
    shop.goes_live("ada").await;
    let pause = json!({ "behavior": "void", "resumes_at": null });
    shop.stripe.books().subscription("sub_1")["pause_collection"] = pause;
    for _ in 0..100 {
        shop.world.turn_clock(DAY);
        let app = shop.world.app();
        reconcile::round(app.billing.as_ref().unwrap()).await.unwrap();
    }
    assert_eq!(shop.life("ada").await, "suspended");
    assert_eq!(shop.letters().await, ["paused", "order_received"]);
}
