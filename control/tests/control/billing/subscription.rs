//! A workspace follows its subscription: grace, suspension, and an end.

use std::time::Duration;

use control::base::clock::Moment;
use control::billing::reconcile;
use control::model::task::Kind;
use control::store::{RETENTION, RetentionTimes};
use control::workspaces;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::RouteState;

use super::shop::{SECRET, Shop, event, name, signature};
use crate::common::edge::TestEdge;
use crate::common::{PASSWORD, SITE, wait_until};

const DAY: Duration = Duration::from_secs(86_400);

async fn live(shop: &Shop) {
    shop.customer("sub_1").await;
    shop.goes_live("ada").await;
    assert_eq!(shop.life("ada").await, "live");
}

/// Stripe changes a field, and tells that something has changed.
async fn change(shop: &Shop, field: &str, value: Value) {
    shop.stripe.books().subscription("sub_1")[field] = value;
    shop.tell("customer.subscription.updated", "sub_1").await;
    shop.settled().await;
}

#[tokio::test]
async fn a_failed_renewal_is_forgiven_for_a_week_and_then_closes_the_door() {
    let edge = TestEdge::start("edge-1").await;
    let mut shop = Shop::open_with(&[&edge]).await;
    live(&shop).await;
    shop.world.put_route("ada").await;
    for _ in 0..2 {
        change(&shop, "status", json!("past_due")).await;
    }
    assert_eq!(shop.life("ada").await, "live");
    assert_eq!(shop.letters().await, ["payment_failed", "order_received"], "told once");
    shop.world.turn_clock(7 * DAY + DAY / 24);
    shop.world.restart().await;
    wait_until("it is suspended", "suspended", async || shop.life("ada").await).await;
    let state = || edge.table().routes.get(&name("ada")).map(|route| route.state);
    wait_until("the edge knows", Some(RouteState::Suspended), async || state()).await;
    // The customer pays after all.
    change(&shop, "status", json!("active")).await;
    assert_eq!(shop.life("ada").await, "live");
    wait_until("the edge knows", Some(RouteState::Live), async || state()).await;
    assert!(
        shop.store.workspace(&name("ada")).await.unwrap().unwrap().billing.grace_until.is_none()
    );
}

#[tokio::test]
async fn an_arranged_end_is_told_and_may_be_taken_back() {
    for (field, value, none) in [
        ("cancel_at", json!(1_802_592_000), Value::Null),
        ("cancel_at_period_end", json!(true), json!(false)),
    ] {
        let shop = Shop::open().await;
        live(&shop).await;
        for _ in 0..2 {
            change(&shop, field, value.clone()).await;
        }
        let end = async || shop.workspace("ada").await.unwrap().billing.cancel_at;
        assert_eq!(end().await, Some(Moment::from_seconds(1_802_592_000)), "{field}");
        assert_eq!(shop.life("ada").await, "live", "it is paid for until then");
        assert_eq!(shop.letters().await, ["order_received", "cancelled"], "{field}: told once");
        change(&shop, field, none).await;
        assert_eq!((end().await, shop.life("ada").await), (None, "live"));
    }
}

#[tokio::test]
async fn an_end_closes_the_door_at_once_and_for_good() {
    let edge = TestEdge::start("edge-1").await;
    let shop = Shop::open_with(&[&edge]).await;
    live(&shop).await;
    shop.world.put_route("ada").await;
    assert_eq!(edge.names(), ["ada"]);
    shop.stripe.books().subscription("sub_1")["status"] = json!("canceled");
    for _ in 0..2 {
        shop.tell("customer.subscription.deleted", "sub_1").await;
        shop.settled().await;
    }
    assert_eq!(shop.life("ada").await, "ending");
    wait_until("no edge leads there", true, async || edge.names().is_empty()).await;
    assert_eq!(shop.tasks(Kind::Recycle).await, ["waiting"]);
    assert!(shop.is_reported("cancel/sub_1").await);
    assert_eq!(shop.letters().await, ["order_received", "cancelled"]);
    // Whatever Stripe says from here on.
    change(&shop, "status", json!("active")).await;
    assert_eq!(shop.life("ada").await, "ending");
}

#[tokio::test]
async fn what_ends_while_it_is_prepared_is_prepared_no_further() {
    let shop = Shop::open().await;
    shop.customer("sub_1").await;
    let lease = shop.claim(Kind::Provision).await;
    change(&shop, "status", json!("canceled")).await;
    assert_eq!(shop.tasks(Kind::Provision).await, ["cancelled"]);
    let now = Moment::from_seconds(shop.world.now_seconds());
    let late = workspaces::workspace_is_live(&shop.store, &name("ada"), &lease, now).await;
    assert!(late.is_err(), "whoever was at it has lost the right to go on");
    assert_eq!(shop.life("ada").await, "ending");
}

#[tokio::test]
async fn a_name_rests_after_its_workspace_and_nothing_names_the_customer() {
    let shop = Shop::open().await;
    live(&shop).await;
    change(&shop, "status", json!("canceled")).await;
    let lease = shop.claim(Kind::Recycle).await;
    let now = || Moment::from_seconds(shop.world.now_seconds());
    for _ in 0..2 {
        let end = (30 * DAY, &shop.world.app().renderer);
        workspaces::workspace_is_ended(&shop.store, &name("ada"), end, &lease, now())
            .await
            .unwrap();
    }
    let ended = shop.workspace("ada").await.unwrap();
    assert_eq!(ended.state.as_str(), "ended");
    assert!(shop.store.customer(&name("ada")).await.unwrap().is_none());
    assert_eq!(shop.signup(&ended.signup).await.email, "");
    let receipt = shop.store.receipt(&name("ada")).await.unwrap().unwrap();
    assert_eq!((receipt.reason.as_str(), receipt.lines.len()), ("subscription", 2));
    assert_eq!(shop.letters().await.iter().filter(|kind| *kind == "deleted").count(), 1);
    assert_eq!(shop.sign_up("ada@example.org").await.username, name("ada-2"));
    shop.world.turn_clock(31 * DAY);
    let times = RetentionTimes {
        account_idle: DAY,
        tasks: 90 * DAY,
        mails: DAY,
        tickets: DAY,
        orders: 400 * DAY,
    };
    for rule in RETENTION {
        shop.store.forget(rule, &times, now()).await.unwrap();
    }
    assert!(shop.workspace("ada").await.is_none());
    assert_eq!(shop.sign_up("ada@example.net").await.username, name("ada"));
    // The old subscription speaks again.
    change(&shop, "status", json!("active")).await;
    assert!(shop.workspace("ada").await.is_none());
}

#[tokio::test]
async fn a_word_nobody_knows_changes_nothing_and_is_told_to_a_person() {
    let shop = Shop::open().await;
    live(&shop).await;
    change(&shop, "status", json!("dormant")).await;
    assert_eq!(shop.life("ada").await, "live");
    assert!(shop.is_reported("status/sub_1/dormant").await);
}

#[tokio::test]
async fn the_account_leads_to_the_billing_portal() {
    let shop = Shop::open().await;
    live(&shop).await;
    let body = json!({ "password": PASSWORD });
    let path = "/api/customers/ada/password";
    let (status, answer) = shop.world.api(Method::POST, path, Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let mut browser = shop.browser();
    browser.log_in("ada", PASSWORD).await;
    let page = browser.submit(&format!("{SITE}/account/billing"), &[]).await;
    let seen = (page.status, page.location.as_str());
    assert_eq!(seen, (StatusCode::SEE_OTHER, "http://stripe.test/portal/front"));
    let page = shop.browser().submit(&format!("{SITE}/account/billing"), &[]).await;
    assert_eq!(page.location, "/login?to=account", "a stranger signs in first");
    shop.stripe.books().is_down = true;
    let page = browser.submit(&format!("{SITE}/account/billing"), &[]).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_account_says_which_card_pays_and_comes_without_it_when_stripe_is_away() {
    let shop = Shop::open().await;
    live(&shop).await;
    let body = json!({ "password": PASSWORD });
    shop.world.api(Method::POST, "/api/customers/ada/password", Some(body)).await;
    let mut browser = shop.browser();
    browser.log_in("ada", PASSWORD).await;
    let card = json!({"id": "pm_1", "object": "payment_method", "type": "card",
        "card": {"brand": "visa", "last4": "4242"}});
    shop.stripe.books().subscription("sub_1")["default_payment_method"] = card;
    let page = browser.open(&format!("{SITE}/account")).await;
    assert!(page.body.contains(">Visa ending in 4242<"), "{}", page.body);
    browser.language = Some("de");
    let page = browser.open(&format!("{SITE}/account")).await;
    assert!(page.body.contains(">Visa mit den Endziffern 4242<"), "{}", page.body);
    browser.language = None;
    shop.stripe.books().is_down = true;
    let page = browser.open(&format!("{SITE}/account")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Next payment"), "{}", page.body);
    assert!(!page.body.contains("Paid with"), "{}", page.body);
}

#[tokio::test]
async fn one_button_cancels_and_another_takes_it_back() {
    let shop = Shop::open().await;
    live(&shop).await;
    let body = json!({ "password": PASSWORD });
    shop.world.api(Method::POST, "/api/customers/ada/password", Some(body)).await;
    let mut browser = shop.browser();
    browser.log_in("ada", PASSWORD).await;
    for _ in 0..2 {
        for (path, ends) in [("cancel", true), ("cancel", true), ("keep", false), ("keep", false)] {
            let page = browser.submit(&format!("{SITE}/account/{path}"), &[]).await;
            assert_eq!(page.location, "/account#plan-title", "{path}: {page:?}");
            let workspace = shop.workspace("ada").await.unwrap();
            assert_eq!(workspace.billing.cancel_at.is_some(), ends, "{path}");
            let account = browser.open(&format!("{SITE}/account")).await;
            assert_eq!(account.body.contains("action=\"/account/keep\""), ends, "{path}");
            assert_eq!(account.body.contains("and nothing more is charged"), ends, "{path}");
        }
    }
    let letters = shop.letters().await;
    let count = |kind: &str| letters.iter().filter(|letter| *letter == kind).count();
    assert_eq!((count("cancelled"), count("cancellation_undone")), (2, 2), "{letters:?}");
    let stranger = shop.browser().submit(&format!("{SITE}/account/cancel"), &[]).await;
    assert_eq!(stranger.location, "/login?to=account");
}

#[tokio::test]
async fn an_end_that_is_taken_back_and_arranged_again_is_told_each_time() {
    let shop = Shop::open().await;
    live(&shop).await;
    for ends in [true, false, true, false] {
        for _ in 0..2 {
            change(&shop, "cancel_at_period_end", json!(ends)).await;
        }
    }
    let letters = shop.letters().await;
    let count = |kind: &str| letters.iter().filter(|letter| *letter == kind).count();
    assert_eq!((count("cancelled"), count("cancellation_undone")), (2, 2), "{letters:?}");
}

#[tokio::test]
async fn whoever_buys_a_second_workspace_is_told_that_it_is_one() {
    let shop = Shop::open().await;
    shop.customer("sub_1").await;
    assert!(!shop.letters().await.contains(&"another_workspace".to_owned()));
    let second = shop.sign_up("Ada@example.com").await;
    let checkout = second.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_2", "active");
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    shop.settled().await;
    let told = shop.letters().await;
    assert_eq!(told.iter().filter(|kind| *kind == "another_workspace").count(), 1, "{told:?}");
}

#[tokio::test]
async fn collecting_that_is_paused_closes_the_workspace_until_it_goes_on() {
    let shop = Shop::open().await;
    live(&shop).await;
    change(&shop, "pause_collection", json!({ "behavior": "void", "resumes_at": null })).await;
    assert_eq!(shop.life("ada").await, "suspended");
    change(&shop, "pause_collection", Value::Null).await;
    assert_eq!(shop.life("ada").await, "live");
}

#[tokio::test]
async fn an_expired_card_deletes_no_workspace() {
    let shop = Shop::open().await;
    live(&shop).await;
    change(&shop, "cancellation_details", json!({ "reason": "payment_failed" })).await;
    change(&shop, "status", json!("canceled")).await;
    assert_eq!(shop.life("ada").await, "suspended");
}

#[tokio::test]
async fn what_the_operator_closed_no_payment_opens_nor_the_operator_what_is_unpaid() {
    let shop = Shop::open().await;
    live(&shop).await;
    shop.world.put_route("ada").await;
    let suspensions = async || {
        let customer = shop.store.customer(&name("ada")).await.unwrap().unwrap();
        let route = shop.store.route(&name("ada")).await.unwrap().unwrap();
        (customer.suspensions.to_string(), route.state.as_str())
    };
    shop.store.set_suspended(&name("ada"), true).await.unwrap();
    assert_eq!(suspensions().await, ("operator".to_owned(), "suspended"));
    change(&shop, "status", json!("unpaid")).await;
    assert_eq!(suspensions().await, ("operator,non_payment".to_owned(), "suspended"));
    change(&shop, "status", json!("active")).await;
    assert_eq!(suspensions().await, ("operator".to_owned(), "suspended"));
    change(&shop, "status", json!("unpaid")).await;
    shop.store.set_suspended(&name("ada"), false).await.unwrap();
    assert_eq!(suspensions().await, ("non_payment".to_owned(), "suspended"));
    change(&shop, "status", json!("active")).await;
    assert_eq!(suspensions().await, (String::new(), "live"));
}

#[tokio::test]
async fn a_clock_that_was_ahead_once_hides_no_cancellation() {
    let shop = Shop::open().await;
    live(&shop).await;
    let ahead = "UPDATE workspaces SET looked_at = 9000000000000";
    shop.world.database.run(ahead.to_owned()).await;
    change(&shop, "status", json!("canceled")).await;
    assert_eq!(shop.life("ada").await, "ending");
}

/// What Stripe tells meanwhile is not believed, told again, and followed.
#[tokio::test]
async fn a_clock_that_was_an_hour_wrong_and_is_right_again_costs_nobody_anything() {
    let shop = Shop::open().await;
    live(&shop).await;
    let (right, letters) = (shop.world.now_seconds(), shop.letters().await);
    let tickets = async || shop.world.api(Method::GET, "/api/tickets", None).await.1;
    let before = tickets().await;
    let billing = shop.world.app().billing.clone().unwrap();
    for hours_ahead in [1, 0, -1, 0] {
        shop.world.set_seconds(right.checked_add_signed(hours_ahead * 3_600).unwrap());
        reconcile::round(&billing).await.unwrap();
        assert_eq!(shop.life("ada").await, "live", "{hours_ahead}");
        let customer = shop.store.customer(&name("ada")).await.unwrap().unwrap();
        assert!(customer.suspensions.is_empty(), "{hours_ahead}");
    }
    assert_eq!((shop.letters().await, tickets().await), (letters, before));
    shop.world.set_seconds(right + 3_600);
    shop.stripe.books().subscription("sub_1")["status"] = json!("canceled");
    let body = event("customer.subscription.deleted", "sub_1");
    let told = async || shop.send(&signature(SECRET, right, body.as_bytes()), &*body).await.status;
    assert_eq!(told().await, StatusCode::BAD_REQUEST);
    shop.world.set_seconds(right);
    assert_eq!(told().await, StatusCode::OK);
    shop.settled().await;
    assert_eq!(shop.life("ada").await, "ending");
}

#[tokio::test]
async fn an_answer_to_an_earlier_question_changes_nothing() {
    let shop = Shop::open().await;
    live(&shop).await;
    let subscription = shop.workspace("ada").await.unwrap().subscription;
    let now = Moment::from_seconds(shop.world.now_seconds());
    let earlier = shop.store.begin_look(&subscription).await.unwrap().unwrap();
    let later = shop.store.begin_look(&subscription).await.unwrap().unwrap();
    let answer = shop.stripe.books().subscription("sub_1").clone();
    let answer = serde_json::from_value(answer).unwrap();
    let app = shop.world.app();
    let look = |before| workspaces::Look {
        subscription: &answer,
        before,
        looked: now,
        grace: DAY,
        unpaid: app.sign_up.unpaid,
        renderer: &app.renderer,
    };
    let follow = async |before| {
        let followed = workspaces::follow_subscription(&shop.store, &look(before), now).await;
        followed.unwrap().is_some()
    };
    assert!(follow(&later).await);
    assert!(!follow(&earlier).await, "it was asked before the later one");
    assert!(!follow(&later).await, "each is followed once");
}
