//! What becomes of a sign-up when money comes, comes twice, or does not come.

use control::model::sign_up::SignUpState;
use control::model::task::Kind;
use reqwest::StatusCode;

use super::shop::{Shop, event, name, order};
use crate::common::wait_until;

#[tokio::test]
async fn a_payment_becomes_a_workspace_once() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    for _ in 0..3 {
        shop.tell("checkout.session.completed", checkout.as_str()).await;
        shop.tell("customer.subscription.created", "sub_1").await;
    }
    shop.settled().await;
    let workspace = shop.workspace("ada").await.unwrap();
    assert_eq!((workspace.state.as_str(), workspace.payer.as_str()), ("preparing", "cus_of_sub_1"));
    assert_eq!(shop.signup(&signup.id).await.state, SignUpState::Paid);
    assert_eq!(shop.tasks(Kind::Provision).await, ["waiting"]);
    assert!(shop.is_reported(&format!("signup/{}", signup.id)).await);
    let customer = shop.store.customer(&name("ada")).await.unwrap().unwrap();
    assert_eq!((customer.email.as_str(), customer.has_password), ("ada@example.com", false));
}

#[tokio::test]
async fn the_news_of_a_subscription_may_be_faster_than_that_of_its_payment() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.tell("customer.subscription.updated", "sub_1").await;
    shop.settled().await;
    assert_eq!(shop.life("ada").await, "preparing");
}

#[tokio::test]
async fn what_was_taken_is_done_after_a_crash_and_when_stripe_is_back() {
    let mut shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.stripe.books().is_down = true;
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    wait_until("it was tried", true, async || shop.stripe.count("GET /v1/checkout") > 0).await;
    // It starts without Stripe: what comes from there is kept meanwhile.
    shop.world.restart().await;
    assert_eq!(shop.life("ada").await, "");
    shop.stripe.books().is_down = false;
    shop.world.turn_clock(std::time::Duration::from_secs(600));
    shop.settled().await;
    assert_eq!(shop.life("ada").await, "preparing");
    assert_eq!(shop.tasks(Kind::Provision).await.len(), 1);
}

#[tokio::test]
async fn control_that_ends_in_the_middle_of_a_look_looks_again() {
    let mut shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.stripe.books().is_silent = true;
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    wait_until("it looks", 1, async || shop.stripe.count("GET /v1/checkout")).await;
    shop.stripe.books().is_silent = false;
    shop.world.restart().await;
    shop.settled().await;
    assert_eq!(shop.life("ada").await, "preparing");
    assert_eq!(shop.tasks(Kind::Provision).await.len(), 1);
}

#[tokio::test]
async fn who_pays_twice_gets_one_workspace_and_the_second_subscription_ends() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    order(&mut browser, "ada@example.com", "").await;
    let signup = shop.signup_of(&browser).await;
    // A second page for the same sign-up, as no one of ours makes it.
    let mut second = shop.stripe.books().sessions["cs_test_1"].clone();
    second["id"] = "cs_test_second".into();
    shop.stripe.books().sessions.insert("cs_test_second".to_owned(), second);
    shop.stripe.books().pay("cs_test_1", "paid", "sub_1", "active");
    shop.stripe.books().pay("cs_test_second", "paid", "sub_2", "active");
    for _ in 0..2 {
        shop.tell("checkout.session.completed", "cs_test_1").await;
        shop.settled().await;
        shop.tell("checkout.session.completed", "cs_test_second").await;
        shop.tell("customer.subscription.updated", "sub_2").await;
        shop.settled().await;
    }
    assert_eq!(shop.stripe.books().subscription("sub_1")["status"], "active");
    assert_eq!(shop.stripe.books().subscription("sub_2")["status"], "canceled");
    assert_eq!(shop.workspace("ada").await.unwrap().subscription.as_str(), "sub_1");
    assert_eq!(shop.tasks(Kind::Provision).await.len(), 1);
    assert_eq!(shop.stripe.count("DELETE"), 1);
    assert!(shop.is_reported("surplus/sub_2").await, "somebody has to give money back");
    assert_eq!(shop.signup(&signup.id).await.subscription.unwrap().as_str(), "sub_1");
}

#[tokio::test]
async fn a_bank_debit_opens_the_workspace_when_the_money_is_there() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "unpaid", "sub_1", "active");
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    shop.settled().await;
    assert_eq!(shop.signup(&signup.id).await.state, SignUpState::Unpaid);
    assert_eq!(shop.life("ada").await, "");
    // Days later: the name is still there for it.
    shop.world.let_pass(std::time::Duration::from_secs(4 * 86_400)).await;
    assert_eq!(shop.sign_up("ada@example.org").await.username, name("ada-2"));
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.tell("checkout.session.async_payment_succeeded", checkout.as_str()).await;
    shop.settled().await;
    assert_eq!(shop.life("ada").await, "preparing");
}

#[tokio::test]
async fn a_bank_debit_that_fails_ends_the_subscription_and_frees_the_name() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "unpaid", "sub_1", "past_due");
    for _ in 0..2 {
        shop.tell("checkout.session.async_payment_failed", checkout.as_str()).await;
        shop.tell("customer.subscription.updated", "sub_1").await;
        shop.settled().await;
    }
    assert_eq!(shop.signup(&signup.id).await.state, SignUpState::Failed);
    assert_eq!(shop.stripe.books().subscription("sub_1")["status"], "canceled");
    assert_eq!((shop.life("ada").await, shop.tasks(Kind::Provision).await.len()), ("", 0));
    assert_eq!(shop.letters().await, ["order_failed"], "told once");
    assert_eq!(shop.sign_up("ada@example.org").await.username, name("ada"));
}

#[tokio::test]
async fn who_was_refused_by_a_bank_orders_again_in_the_same_browser() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    order(&mut browser, "ada@example.com", "ada").await;
    let refused = shop.signup_of(&browser).await;
    shop.stripe.books().pay("cs_test_1", "unpaid", "sub_1", "past_due");
    shop.tell("checkout.session.async_payment_failed", "cs_test_1").await;
    shop.settled().await;
    shop.world.let_pass(std::time::Duration::from_secs(60)).await;
    let page = order(&mut browser, "ada@example.com", "ada").await;
    assert_eq!(page.location, "http://stripe.test/pay/cs_test_2#fid");
    let signup = shop.signup_of(&browser).await;
    assert_ne!(signup.id, refused.id);
    assert_eq!((signup.username, signup.state), (name("ada"), SignUpState::Open));
}

#[tokio::test]
async fn a_page_that_nobody_paid_ends_its_sign_up() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    let id = checkout.as_str().to_owned();
    shop.stripe.books().sessions.get_mut(&id).unwrap()["status"] = "expired".into();
    shop.tell("checkout.session.expired", &id).await;
    shop.settled().await;
    assert_eq!(shop.signup(&signup.id).await.state, SignUpState::Expired);
    assert_eq!(shop.sign_up("ada@example.org").await.username, name("ada"));
}

#[tokio::test]
async fn money_that_comes_when_the_name_is_gone_gets_another_name() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.clone().unwrap().id;
    shop.world.let_pass(std::time::Duration::from_secs(2 * 3_600)).await;
    let other = shop.sign_up("ada@example.org").await;
    assert_eq!(other.username, name("ada"));
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    shop.settled().await;
    assert_eq!(shop.signup(&signup.id).await.username, name("ada-2"));
    assert_eq!(shop.life("ada-2").await, "preparing");
}

#[tokio::test]
async fn what_ended_before_it_was_opened_is_told_to_a_person() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "canceled");
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    shop.tell("customer.subscription.deleted", "sub_1").await;
    shop.settled().await;
    assert_eq!((shop.life("ada").await, shop.tasks(Kind::Provision).await.len()), ("", 0));
    assert!(shop.is_reported("late/sub_1").await);
}

#[tokio::test]
async fn a_session_of_another_shop_on_the_same_account_is_left_alone() {
    let shop = Shop::open().await;
    shop.sign_up("ada@example.com").await;
    shop.stripe.books().sessions.get_mut("cs_test_1").unwrap()["client_reference_id"] =
        "order-17".into();
    shop.stripe.books().pay("cs_test_1", "paid", "sub_1", "active");
    assert_eq!(
        shop.deliver(&event("checkout.session.completed", "cs_test_1")).await,
        StatusCode::OK
    );
    shop.settled().await;
    assert_eq!(shop.tasks(Kind::Stripe).await, ["done"]);
    assert_eq!(shop.life("ada").await, "");
}

#[tokio::test]
async fn a_lost_webhook_costs_an_hour_and_not_the_payment() {
    let mut shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.world.let_pass(std::time::Duration::from_secs(3_601)).await;
    // The first look comes with the start.
    shop.world.restart().await;
    wait_until("it is found", "preparing", async || shop.life("ada").await).await;
}

#[tokio::test]
async fn a_payment_for_something_else_opens_no_workspace_however_often_it_is_seen() {
    let shop = Shop::open().await;
    let signup = shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    // A payment link of the same account, with the id of a sign-up put behind it.
    let mut link = shop.stripe.books().sessions[checkout.as_str()].clone();
    link["id"] = "cs_link".into();
    link["metadata"] = serde_json::json!({});
    shop.stripe.books().sessions.insert("cs_link".to_owned(), link);
    shop.stripe.books().pay("cs_link", "paid", "sub_link", "active");
    // One of our own pages, whose subscription is to something else.
    shop.stripe.books().pay(checkout.as_str(), "paid", "sub_1", "active");
    shop.stripe.books().subscription("sub_1")["items"]["data"][0]["price"]["id"] =
        "price_cheap".into();
    for _ in 0..2 {
        for session in ["cs_link", checkout.as_str()] {
            shop.tell("checkout.session.completed", session).await;
        }
        for subscription in ["sub_link", "sub_1"] {
            shop.tell("customer.subscription.updated", subscription).await;
        }
        shop.settled().await;
    }
    assert_eq!(shop.life("ada").await, "");
    assert_eq!(shop.signup(&signup.id).await.state, SignUpState::Open);
    assert!(shop.is_reported("foreign/cs_link").await);
    assert!(shop.is_reported(&format!("foreign/{checkout}")).await);
    // It was a mistake of ours, and is mended: the next look opens the workspace.
    shop.stripe.books().subscription("sub_1")["items"]["data"][0]["price"]["id"] =
        super::stripe::PRICE.into();
    shop.tell("checkout.session.completed", checkout.as_str()).await;
    shop.settled().await;
    assert_eq!(shop.life("ada").await, "preparing");
}
