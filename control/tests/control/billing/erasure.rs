//! Customers who want everything about them deleted.

use control::model::task::Kind;
use control::model::workspace::EndReason;
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::market::Market;
use crate::common::browser::{ADA, Browser};
use crate::common::edge::TestEdge;
use crate::common::{PASSWORD, SITE, wait_until};

#[tokio::test]
async fn access_subscription_and_machine_end_once_however_often_it_is_asked_for() {
    let edge = TestEdge::start("edge-1").await;
    let market = Market::open(&[&edge]).await;
    let ada = market.live("ada@example.com").await;
    let world = &market.shop.world;
    world.put_route("ada").await;
    for _ in 0..2 {
        let (status, begun) = world.api(Method::POST, "/api/customers/ada/erase", None).await;
        assert_eq!(status, StatusCode::OK, "{begun:#}");
        assert!(begun["task"].is_string(), "{begun:#}");
        wait_until("no edge leads there", true, async || edge.names().is_empty()).await;
        let workspace = market.shop.workspace("ada").await.unwrap();
        assert_eq!(workspace.end_reason, Some(EndReason::Erasure));
        assert_eq!(market.status(&ada), "canceled");
        assert_eq!(market.shop.tasks(Kind::Recycle).await, ["waiting"], "once");
    }
}

#[tokio::test]
async fn who_has_no_workspace_is_gone_at_once() {
    let market = Market::open(&[]).await;
    let world = &market.shop.world;
    world.add_customer("eve").await;
    let erase = async || world.api(Method::POST, "/api/customers/eve/erase", None).await;
    let (status, begun) = erase().await;
    assert_eq!((status, begun["task"].is_null()), (StatusCode::OK, true), "{begun:#}");
    assert_eq!(erase().await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_customer_deletes_everything_on_the_account_page_with_the_password() {
    let edge = TestEdge::start("edge-1").await;
    let market = Market::open(&[&edge]).await;
    let ada = market.live("ada@example.com").await;
    let world = &market.shop.world;
    world.put_route("ada").await;
    let set = json!({ "password": PASSWORD });
    let (status, answer) = world.api(Method::POST, "/api/customers/ada/password", Some(set)).await;
    assert!(status.is_success(), "{answer:#}");
    let mut browser = Browser::new(world);
    browser.log_in("ada", PASSWORD).await;
    let account = browser.open(&format!("{SITE}/account")).await;
    assert!(account.body.contains("href=\"/account/delete\""), "{}", account.body);
    let address = format!("{SITE}/account/delete");
    let page = browser.open(&address).await;
    assert!(page.body.contains("ada.arca.test:8080"), "{}", page.body);

    let wrong = browser.submit(&address, &[("current", "not this one")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("This is not your present password"), "{}", wrong.body);
    assert_eq!((edge.names().len(), market.status(&ada)), (1, "active"));

    let goodbye = format!("{SITE}/account/deleted");
    assert_eq!(browser.open(&goodbye).await.location, "/account", "nothing is deleted yet");

    let done = browser.submit(&address, &[("current", PASSWORD)]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(done.location, format!("{ADA}/auth/deleted"));
    for _ in 0..2 {
        let page = browser.open(&goodbye).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("Your workspace is closed"), "{}", page.body);
    }
    wait_until("no edge leads there", true, async || edge.names().is_empty()).await;
    assert_eq!(market.status(&ada), "canceled");
    assert_eq!(market.shop.tasks(Kind::Recycle).await, ["waiting"]);
    let again = browser.submit(&address, &[("current", PASSWORD)]).await;
    assert_eq!(again.location, "/login?to=account", "it is signed out");
    let (_, journal) = world.api(Method::GET, "/api/journal", None).await;
    assert!(journal.to_string().contains("has everything deleted at once"), "{journal:#}");
}

#[tokio::test]
async fn the_form_that_deletes_everything_may_be_sent_several_times_at_once() {
    let market = Market::open(&[]).await;
    let world = &market.shop.world;
    // Without a workspace the account is gone at once.
    world.add_customer("eve").await;
    let mut browser = Browser::new(world);
    browser.log_in("eve", PASSWORD).await;
    let address = format!("{SITE}/account/delete");
    let confirm =
        async |mut browser: Browser<'_>| browser.submit(&address, &[("current", PASSWORD)]).await;
    let pages = join_all((0..4).map(|_| confirm(browser.clone()))).await;
    for page in pages {
        let is_gone = page.location.ends_with("//eve.arca.test:8080/auth/deleted");
        assert!(is_gone || page.location == "/login?to=account", "{page:?}");
    }
}
