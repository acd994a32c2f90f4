//! The account page: what is paid, until when, and what can be done about it.

use crate::common::browser::{Browser, Page};
use crate::common::order::Order;
use crate::common::{PASSWORD, SITE, World};
use reqwest::{Method, StatusCode};
use serde_json::json;

const DAY: u64 = 86_400_000;

/// Ada's page, with her workspace's subscription as `columns` say.
async fn page(columns: &str) -> Page {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    order.pay().await;
    order.workspace_is("live").await;
    world.database.run(format!("UPDATE workspaces SET {columns}")).await;
    let mut browser = order.browser();
    let fields = [("session_id", crate::common::order::CHECKOUT), ("password", PASSWORD)];
    let set = browser.submit(&format!("{SITE}/welcome"), &fields).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{set:?}");
    let page = browser.open(&format!("{SITE}/account")).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    page
}

/// Days after the beginning of these tests' time, 15 January 2027.
fn in_days(days: u64) -> u64 {
    1_800_000_000_000 + days * DAY
}

#[tokio::test]
async fn a_paid_workspace_says_when_it_is_paid_next_and_can_be_cancelled() {
    let page = page(&format!("period_end_at = {}", in_days(20))).await;
    for part in ["$7 a month", "Next payment", "4 February 2027"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(page.body.contains("action=\"/account/billing\""), "{}", page.body);
    assert!(page.body.contains("action=\"/account/cancel\""), "{}", page.body);
    assert!(!page.body.contains("data-testid=\"past-due\""), "{}", page.body);
}

#[tokio::test]
async fn a_cancelled_one_says_until_when_it_is_open() {
    let end = in_days(20);
    let page = page(&format!("period_end_at = {end}, cancel_at = {end}")).await;
    assert!(page.body.contains("Cancelled, open until"), "{}", page.body);
    assert!(!page.body.contains("action=\"/account/cancel\""), "{}", page.body);
}

#[tokio::test]
async fn a_failed_renewal_is_told_at_the_top_with_the_way_to_repair_it() {
    let columns = format!("subscription_status = 'past_due', grace_until_at = {}", in_days(5));
    let page = page(&columns).await;
    let warning = page.body.find("data-testid=\"past-due\"").expect("a warning");
    assert!(warning < page.body.find("Open your workspace").unwrap(), "first of all");
    assert!(page.body.contains("until 20 January 2027"), "{}", page.body);
    assert!(page.body.contains("Repair the payment"), "{}", page.body);
}

#[tokio::test]
async fn what_an_operator_closed_is_no_missed_payment() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.signed_in().await;
    let (status, answer) = world.api(Method::POST, "/api/customers/ada/suspend", None).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let page = browser.open(&format!("{SITE}/account")).await;
    assert!(page.body.contains("nothing to do with your payment"), "{}", page.body);
    assert!(page.body.contains("href=\"/contact\">write to us"), "{}", page.body);
    assert!(!page.body.contains("Repair the payment"), "{}", page.body);
}

#[tokio::test]
async fn a_workspace_that_an_operator_opened_has_no_plan() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let mut browser = Browser::new(&world);
    browser.log_in("ada", PASSWORD).await;
    let page = browser.open(&format!("{SITE}/account")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.body.contains("data-testid=\"plan\""), "{}", page.body);
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_the_present_one() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let mut browser = Browser::new(&world);
    browser.log_in("ada", PASSWORD).await;
    let address = format!("{SITE}/account/password");
    let new = "another-orbit-under-copper-hills";
    let wrong = browser.submit(&address, &[("current", "not this one"), ("new", new)]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("aria-describedby=\"current-error\" autofocus"), "{}", wrong.body);
    let weak = browser.submit(&address, &[("current", PASSWORD), ("new", "short")]).await;
    assert!(weak.body.contains("aria-describedby=\"new-hint new-error\""), "{}", weak.body);
    let done = browser.submit(&address, &[("current", PASSWORD), ("new", new)]).await;
    assert_eq!(done.location, "/account?changed=password");
    let page = browser.open(&format!("{SITE}/account?changed=password")).await;
    assert!(page.body.contains("Your password is changed"), "{}", page.body);
}

#[tokio::test]
async fn it_says_how_long_the_machine_was_awake_this_month_and_nothing_where_that_is_not_known() {
    let world = World::start(&[]).await;
    let order = Order::begin(&world).await;
    let mut browser = order.signed_in().await;
    let account = format!("{SITE}/account");
    assert!(!browser.open(&account).await.body.contains("data-testid=\"awake\""));
    let row = "INSERT INTO awake_times (username, month, seconds, machine, assignment, counted)
         VALUES ('ada', '2027-01', 11000, 'm', 1, 1)";
    world.database.run(row.to_owned()).await;
    let page = browser.open(&account).await;
    assert!(page.body.contains("<dt>Awake this month</dt><dd data-testid=\"awake\">3 hours</dd>"));
    let (_, money) = world.api(Method::GET, "/api/money", None).await;
    assert_eq!(money["awake_hours"], 3.1, "{money}");
    // Of 31 days 14 and a third have passed; no machine has a disk here.
    let ada = json!({ "username": "ada", "hours": 3.1, "cost": "$0.35", "margin": "$6.65" });
    assert_eq!(money["longest_awake"], json!([ada]));
    let machines = ["machine_cost", "margin", "costing_more_than_paid"].map(|key| &money[key]);
    assert_eq!(json!(machines), json!(["$0.31", "$6.69", 0]), "{money}");
    let said = world.cli("money").await;
    assert!(said.contains("awake for 3.1 hours this month"), "{said}");
    let said = world.cli("customers show ada").await;
    assert!(said.contains("3.1 hours this month: $0.35 in the whole of it"), "{said}");
    browser.language = Some("de");
    let page = browser.open(&account).await;
    assert!(page.body.contains("Wach in diesem Monat") && page.body.contains(">3 Stunden<"));
    world.database.run("UPDATE awake_times SET seconds = 1000000".to_owned()).await;
    let (_, money) = world.api(Method::GET, "/api/money", None).await;
    assert_eq!(money["costing_more_than_paid"], 1, "{money}");
    assert_eq!(money["longest_awake"][0]["margin"], "-$21.42", "{money}");
    world.database.run("UPDATE awake_times SET month = '2026-12'".to_owned()).await;
    assert!(!browser.open(&account).await.body.contains("data-testid=\"awake\""));
}
