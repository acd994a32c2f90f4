//! What crosses between page and gateway while both are there.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::gateway::{Gateway, TOKEN};
use crate::page::Page;
use crate::running::Running;
use crate::waiting::wait_until;

#[tokio::test]
async fn a_page_that_speaks_first_is_connected_too() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    for _ in 0..20 {
        let mut page = Page::open(agent.address).await;
        assert_eq!(page.ask("connect", &json!({})).await["ok"], true);
    }
}

#[tokio::test]
async fn the_gateway_sees_our_connect_and_nothing_of_the_visitor() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::open(agent.address).await;
    page.event("connect.challenge").await;
    let evil = json!({"role": "admin", "scopes": ["operator.admin"], "auth": {"token": "x"},
        "client": {"id": "openclaw-control-ui"}});
    assert_eq!(page.ask("connect", &evil).await["ok"], true);

    let connect = &gateway.frames()[0]["params"];
    assert_eq!(connect["auth"], json!({"token": TOKEN}));
    assert_eq!(connect["role"], "operator");
    assert_eq!(connect["scopes"], json!(["operator.read", "operator.write"]));
    assert_eq!(connect["caps"], json!(["tool-events"]));
    assert_eq!(connect["client"]["id"], "gateway-client");
    assert_eq!(connect["client"]["mode"], "backend");
    assert_eq!((&connect["minProtocol"], &connect["maxProtocol"]), (&json!(4), &json!(4)));

    let upgrade = gateway.upgrades()[0].to_lowercase();
    assert!(upgrade.contains("\"x-openclaw-scopes\": \"operator.read,operator.write\""));
    for absent in ["origin", "forwarded", "x-real-ip", "x-arca", "cookie", "ada"] {
        assert!(!upgrade.contains(absent), "{absent}: {upgrade}");
    }
}

#[tokio::test]
async fn the_page_gets_a_hello_without_secrets() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let hello = Page::open(agent.address).await.greet().await;
    let text = hello.to_string();
    assert!(!text.contains("SECRET") && !text.contains(TOKEN), "{text}");
    assert_eq!(hello["payload"]["features"]["methods"], json!(["chat.send"]));
}

#[tokio::test]
async fn a_method_that_is_not_listed_is_refused_and_the_connection_kept() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let refused = page.ask("config.set", &json!({"x": 1})).await;
    assert_eq!(refused["error"]["code"], "FORBIDDEN");
    assert_eq!(refused["error"]["message"], "method \"config.set\" is not available here");
    let answered = page.ask("chat.send", &json!({"message": "/still there?"})).await;
    assert_eq!(answered["payload"]["echo"]["message"], "/still there?");
    let methods: Vec<_> = gateway.frames().iter().map(|frame| frame["method"].clone()).collect();
    assert_eq!(methods, [json!("connect"), json!("chat.send")]);
}

#[tokio::test]
async fn answers_that_nobody_waits_for_do_not_reach_the_page() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let id = page.send("chat.send", &json!({"message": "/others"})).await;
    let next = page.next().await;
    assert_eq!(next["id"], id.as_str(), "{next}");
}

#[tokio::test]
async fn what_is_no_request_ends_the_socket() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    for garbage in ["", "hello", r#"{"type":"event"}"#] {
        let mut page = Page::connected(agent.address).await;
        page.send_text(garbage).await;
        assert_eq!(page.closed().await, 1008, "{garbage}");
    }
}

#[tokio::test]
async fn frames_keep_their_order_under_load() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(page.send("chat.send", &json!({"message": "/burst:100"})).await);
    }
    for id in ids {
        for number in 0..100 {
            assert_eq!(page.next().await["payload"], number);
        }
        assert_eq!(page.next().await["id"], id.as_str());
    }
}

#[tokio::test]
async fn a_big_message_passes_both_ways_and_a_bigger_one_is_named() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let message = "x".repeat(5 << 20);
    let answer = page.ask("chat.send", &json!({"message": message})).await;
    assert_eq!(answer["payload"]["echo"]["message"].as_str().map(str::len), Some(5 << 20));
    page.send("chat.send", &json!({"message": "x".repeat(21 << 20)})).await;
    assert_eq!(page.closed().await, 1009);
}

#[tokio::test]
async fn a_big_message_before_the_hello_is_not_taken() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::open(agent.address).await;
    page.event("connect.challenge").await;
    page.send("connect", &json!({"padding": "x".repeat(64 << 10)})).await;
    assert_eq!(page.closed().await, 1009);
    assert!(gateway.frames().is_empty());
}

#[tokio::test]
async fn a_message_too_big_for_the_gateway_is_not_tried_again() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    for message in ["too-big", "/too-big"] {
        let mut page = Page::connected(agent.address).await;
        page.send("chat.send", &json!({"message": message})).await;
        assert_eq!(page.closed().await, 1009, "{message}");
    }
}

#[tokio::test]
async fn a_page_that_does_not_read_holds_the_gateway_back() {
    const PIECES: usize = 200;
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let id = page.send("chat.send", &json!({"message": format!("/flood:{PIECES}")})).await;
    let flooded = || gateway.seen.flooded.load(Ordering::Relaxed);
    let mut before = usize::MAX;
    while flooded() == 0 || flooded() != before {
        before = flooded();
        assert!(before < PIECES, "a flood of {PIECES} MiB went somewhere");
        // Long enough for a megabyte to cross, if anything still takes it.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for _ in 0..PIECES {
        assert_eq!(page.next().await["event"], "x");
    }
    assert_eq!(page.next().await["id"], id.as_str());
}

#[tokio::test]
async fn pages_beyond_the_limit_are_told_to_come_later() {
    let gateway = Gateway::start().await;
    let sections = "[supervisor]\nenabled = false\n[limits]\nsockets = 2\n";
    let agent = Running::with(gateway.address, "", sections).await;
    let first = Page::connected(agent.address).await;
    let _second = Page::connected(agent.address).await;
    let headers =
        [("x-arca-identity", &*crate::running::identity()), ("origin", crate::running::ORIGIN)];
    assert_eq!(Page::try_open(agent.address, "/ws", &headers).await.err(), Some(503));
    drop(first);
    agent.wait_for_health(|health| health["sockets"] == 1).await;
    Page::connected(agent.address).await;
}

#[tokio::test]
async fn a_page_that_leaves_takes_its_link_along() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    drop(Page::connected(agent.address).await);
    agent.wait_for_health(|health| health["sockets"] == 0).await;
    wait_until("one upgrade only", || gateway.upgrades().len(), |upgrades| *upgrades == 1).await;
}
