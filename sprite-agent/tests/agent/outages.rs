//! What a page lives through while the gateway goes away and comes back.

use serde_json::json;

use crate::gateway::Gateway;
use crate::page::Page;
use crate::running::{Running, UNSUPERVISED};

#[tokio::test]
async fn a_restart_of_the_gateway_keeps_the_pages_socket() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    for _ in 0..3 {
        let pending = page.send("chat.send", &json!({"message": "/hang"})).await;
        let other = page.send("chat.history", &json!({"message": "hang"})).await;
        // Both have reached the gateway when a later one is answered.
        page.ask("chat.send", &json!({"message": "/hello"})).await;
        gateway.restart();

        let mut answered = [page.next().await, page.next().await, page.next().await]
            .into_iter()
            .filter(|frame| frame["type"] == "res")
            .map(|frame| {
                assert_eq!(frame["error"]["code"], "UNAVAILABLE");
                assert_eq!(frame["error"]["message"], "the connection to the assistant was lost");
                frame["id"].as_str().unwrap().to_owned()
            })
            .collect::<Vec<_>>();
        answered.sort_by_key(|id| id.parse::<u32>().unwrap());
        assert_eq!(answered, [pending, other]);

        assert_eq!(page.event("arca.gateway").await["state"], "restarting");
        page.greet().await;
        assert_eq!(page.event("arca.gateway").await["state"], "ready");
        assert_eq!(page.ask("chat.send", &json!({"message": "/hello"})).await["ok"], true);
    }
    assert_eq!(gateway.upgrades().len(), 4);
}

#[tokio::test]
async fn a_gateway_that_dies_and_comes_back_is_found_again() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let address = gateway.address;
    drop(gateway);
    assert_eq!(page.event("arca.gateway").await["state"], "restarting");
    let refused = page.ask("chat.send", &json!({"message": "hello"})).await;
    assert_eq!(refused["error"]["code"], "UNAVAILABLE");

    let _gateway = Gateway::start_at(address, || true).await;
    page.greet().await;
    assert_eq!(page.event("arca.gateway").await["state"], "ready");
    assert_eq!(page.ask("chat.send", &json!({"message": "hello"})).await["ok"], true);
}

#[tokio::test]
async fn a_page_that_comes_too_early_waits_for_the_gateway() {
    let gateway = Gateway::start().await;
    let address = gateway.address;
    drop(gateway);
    let agent = Running::with(address, "", UNSUPERVISED).await;
    let mut page = Page::open(agent.address).await;
    assert_eq!(page.event("arca.gateway").await["state"], "starting");
    let refused = page.ask("connect", &json!({})).await;
    assert_eq!(refused["error"]["code"], "UNAVAILABLE");

    let _gateway = Gateway::start_at(address, || true).await;
    page.greet().await;
    assert_eq!(page.event("arca.gateway").await["state"], "ready");
}

#[tokio::test]
async fn a_gateway_that_refuses_our_token_has_failed_and_says_nothing_more() {
    let gateway = Gateway::start().await;
    let agent = Running::with_wrong_token(gateway.address).await;
    // Found out by the agent itself, before any page tries.
    let health = agent.wait_for_health(|health| health["status"] == "failed").await;
    assert_eq!(health["gateway"]["reason"], "connection_refused");
    let mut page = Page::open(agent.address).await;
    let told = page.event("arca.gateway").await;
    assert_eq!(told["state"], "failed");
    assert!(!told.to_string().contains("token"), "{told}");
}

#[tokio::test]
async fn an_agent_that_stops_says_so() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let (code, ()) = tokio::join!(page.closed(), agent.stop());
    assert_eq!(code, 1012);
}
