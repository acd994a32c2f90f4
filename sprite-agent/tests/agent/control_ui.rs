//! The gateway's own page behind `/openclaw/`.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::{Gateway, TOKEN};
use crate::page::Page;
use crate::running::{ORIGIN, Reply, Running, UNSUPERVISED, ask_with_body, identity};

/// An agent that has a place for choices; nothing is chosen.
async fn asleep(gateway: &Gateway, folder: &TempDir) -> Running {
    let file = folder.path().join("settings.json");
    let sections = format!("[settings]\nfile = \"{}\"\n{UNSUPERVISED}", file.display());
    Running::with(gateway.address, "", &sections).await
}

async fn with_control_ui(gateway: &Gateway, folder: &TempDir) -> Running {
    let agent = asleep(gateway, folder).await;
    assert_eq!(choose(&agent, r#"{"gateway_page":true}"#).await.status, 200);
    agent
}

async fn choose(agent: &Running, body: &str) -> Reply {
    let headers = [("x-arca-identity", &*identity()), ("origin", ORIGIN)];
    ask_with_body(agent.address, "PUT", "/settings.json", &headers, body).await
}

async fn open(agent: &Running, path: &str) -> Result<Page, u16> {
    let headers = [("x-arca-identity", &*identity()), ("origin", ORIGIN)];
    Page::try_open(agent.address, path, &headers).await
}

#[tokio::test]
async fn files_are_read_through_us_without_anything_of_the_visitor() {
    let (gateway, folder) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = with_control_ui(&gateway, &folder).await;
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
async fn a_path_that_could_lead_out_of_the_page_is_refused() {
    let (gateway, folder) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = with_control_ui(&gateway, &folder).await;
    for path in [
        "/openclaw/../healthz",
        "/openclaw/%2e%2e/healthz",
        "/openclaw/.%2E/healthz",
        "/openclaw/x/../../../healthz",
        "/openclaw//../healthz",
        "/openclaw/..%2fhealthz",
        "/openclaw/..%5chealthz",
        "/openclaw/..;/healthz",
    ] {
        let reply = agent.visit("GET", path).await;
        assert_eq!((reply.status, reply.error_code().as_str()), (400, "bad_path"), "{path}");
        assert_eq!(open(&agent, path).await.err(), Some(400), "{path}");
    }
}

#[tokio::test]
async fn it_is_off_until_its_customer_switches_it_on_and_ends_when_it_is_switched_off() {
    let (gateway, folder) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = asleep(&gateway, &folder).await;
    assert_eq!(agent.visit("GET", "/openclaw/").await.status, 404);
    assert_eq!(open(&agent, "/openclaw/").await.err(), Some(404));
    let facts = |reply: &Reply| serde_json::from_str::<Value>(&reply.body).unwrap();
    let before = facts(&agent.visit("GET", "/settings.json").await);
    assert_eq!(before, json!({"gateway_page": false, "gateway_page_available": true}));

    let foreign = [("x-arca-identity", &*identity()), ("origin", "http://evil.test")];
    let body = r#"{"gateway_page":true}"#;
    let refused = ask_with_body(agent.address, "PUT", "/settings.json", &foreign, body).await;
    assert_eq!(refused.status, 403);
    for nonsense in ["", "{", r#"{"gateway_page":1}"#, r#"{"gateway_page":true,"more":1}"#] {
        assert_eq!(choose(&agent, nonsense).await.status, 400, "{nonsense}");
    }
    assert_eq!(agent.visit("GET", "/openclaw/").await.status, 404);

    assert_eq!(facts(&choose(&agent, body).await)["gateway_page"], true);
    assert_eq!(agent.visit("GET", "/openclaw/").await.status, 200);
    let config = facts(&agent.visit("GET", "/config.json").await);
    assert_eq!(config["settings"]["gateway_page"], true);
    let mut page = open(&agent, "/openclaw/").await.unwrap();
    page.greet().await;
    assert_eq!(choose(&agent, r#"{"gateway_page":false}"#).await.status, 200);
    assert_eq!(page.closed().await, 1008);
    assert_eq!(agent.visit("GET", "/openclaw/").await.status, 404);
}

#[tokio::test]
async fn where_the_operator_forbids_it_or_nothing_can_be_kept_it_cannot_be_switched_on() {
    let (gateway, folder) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let file = folder.path().join("settings.json");
    std::fs::write(&file, r#"{"gateway_page":true}"#).unwrap();
    let kept = format!("[settings]\nfile = \"{}\"\n{UNSUPERVISED}", file.display());
    for (keys, sections) in [("proxy_ui = false", kept.as_str()), ("", UNSUPERVISED)] {
        let agent = Running::with(gateway.address, keys, sections).await;
        assert_eq!(choose(&agent, r#"{"gateway_page":true}"#).await.status, 403);
        assert_eq!(agent.visit("GET", "/openclaw/").await.status, 404);
    }
}

#[tokio::test]
async fn its_socket_speaks_as_the_agent_and_keeps_to_the_list_of_methods() {
    let (gateway, folder) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = with_control_ui(&gateway, &folder).await;
    let mut page = open(&agent, "/openclaw/").await.unwrap();
    page.event("connect.challenge").await;
    let asked = json!({"role": "operator", "scopes": ["operator.admin", "operator.pairing"],
        "device": {"signature": "s"}, "client": {"id": "openclaw-control-ui"}});
    let hello = page.ask("connect", &asked).await;
    for absent in ["deviceToken", "recoveryScope", "pluginSurfaceUrls", "config.set"] {
        assert!(!hello.to_string().contains(absent), "{absent}: {hello}");
    }
    let connect = &gateway.frames()[0]["params"];
    assert_eq!(connect["auth"], json!({"token": TOKEN}));
    assert_eq!(connect["scopes"], json!(["operator.read", "operator.write"]));
    assert_eq!((&connect["role"], &connect["device"]), (&json!("operator"), &Value::Null));
    assert!(!gateway.upgrades()[0].contains(ORIGIN));
    for method in ["tools.invoke", "config.get", "logs.tail", "portal.open", "connect"] {
        let refused = page.ask(method, &json!({})).await;
        assert_eq!(refused["error"]["code"], "FORBIDDEN", "{method}");
    }
    let evil = json!({"key": "main", "permissionMode": "full"});
    assert_eq!(page.ask("sessions.patch", &evil).await["error"]["code"], "FORBIDDEN");
    assert_eq!(page.ask("chat.history", &json!({})).await["ok"], true);
    let methods: Vec<_> = gateway.frames().iter().map(|frame| frame["method"].clone()).collect();
    assert_eq!(methods, [json!("connect"), json!("chat.history")]);
    gateway.restart();
    assert_eq!(page.closed().await, 1012);
}

#[tokio::test]
async fn another_role_and_what_comes_before_connect_end_its_socket() {
    let (gateway, folder) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = with_control_ui(&gateway, &folder).await;
    for (method, params) in [
        ("connect", json!({"role": "node"})),
        ("connect", json!({"scopes": []})),
        ("health", json!({})),
    ] {
        let mut page = open(&agent, "/openclaw/").await.unwrap();
        page.event("connect.challenge").await;
        page.send(method, &params).await;
        assert_eq!(page.closed().await, 1008, "{method} {params}");
    }
    assert!(gateway.frames().is_empty());
}
