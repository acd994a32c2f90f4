//! The gateway's own page behind `/openclaw/`.

use serde_json::json;

use crate::gateway::{Gateway, TOKEN};
use crate::page::Page;
use crate::running::{ORIGIN, Running, UNSUPERVISED, identity};

async fn with_control_ui(gateway: &Gateway) -> Running {
    Running::with(gateway.address, "proxy_ui = true", UNSUPERVISED).await
}

#[tokio::test]
async fn files_are_read_through_us_without_anything_of_the_visitor() {
    let gateway = Gateway::start().await;
    let agent = with_control_ui(&gateway).await;
    let headers = [
        ("x-arca-identity", &*identity()),
        ("x-forwarded-for", "203.0.113.9"),
        ("cookie", "a=b"),
        ("authorization", "Bearer x"),
        ("accept-language", "en"),
    ];
    let reply = agent.get("/openclaw/assets/x.js?v=1", &headers).await;
    let seen = reply.body.to_lowercase();
    assert!(seen.starts_with("file\nget /openclaw/assets/x.js?v=1 "), "{seen}");
    assert!(seen.contains("accept-language: en"), "{seen}");
    assert!(seen.contains("x-openclaw-scopes: operator.read,operator.write"), "{seen}");
    for absent in ["forwarded", "cookie", "authorization", "x-arca", TOKEN] {
        assert!(!seen.contains(absent), "{absent}: {seen}");
    }
    assert_eq!(agent.visit("POST", "/openclaw/x").await.status, 405);
    assert_eq!(agent.visit("GET", "/v1/models").await.status, 404);
}

#[tokio::test]
async fn its_socket_gets_the_token_as_a_password_and_keeps_its_own_words() {
    let gateway = Gateway::start().await;
    let agent = with_control_ui(&gateway).await;
    let headers = [("x-arca-identity", &*identity()), ("origin", ORIGIN)];
    let mut page = Page::try_open(agent.address, "/openclaw/", &headers).await.unwrap();
    page.event("connect.challenge").await;
    let hello = page.ask("connect", &json!({"device": {"signature": "s"}})).await;
    assert!(!hello.to_string().contains("deviceToken"), "{hello}");
    let connect = &gateway.frames()[0]["params"];
    assert_eq!(connect["auth"]["password"], TOKEN);
    assert_eq!(connect["device"]["signature"], "s");
    assert!(gateway.upgrades()[0].contains(ORIGIN));
    assert_eq!(page.ask("config.get", &json!({})).await["ok"], true);
    gateway.restart();
    assert_eq!(page.closed().await, 1012);
}
