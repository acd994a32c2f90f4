//! Customers who want everything about them deleted.

use control::model::task::Kind;
use control::model::workspace::EndReason;
use reqwest::{Method, StatusCode};

use super::market::Market;
use crate::common::edge::TestEdge;
use crate::common::wait_until;

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
