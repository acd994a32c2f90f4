//! Who gets in, and what they find.

use crate::gateway::Gateway;
use crate::page::Page;
use crate::running::{HEALTH_TOKEN, ORIGIN, Running, identity, signed};

#[tokio::test]
async fn what_the_edge_has_not_signed_for_us_goes_no_further() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let cases = [
        ("nothing", String::new()),
        ("a foreign key", signed("02", "ada", 0)),
        ("another user", signed("01", "bob", 0)),
        ("an old one", signed("01", "ada", 120)),
        ("a changed one", identity().replacen("ada", "eva", 1)),
        ("garbage", "1.k1.ada".to_owned()),
    ];
    for (what, header) in &cases {
        for path in ["/", "/config.json", "/ws", "/index.html", "/openclaw/", "/v1/models"] {
            let reply = agent.get(path, &[("x-arca-identity", header)]).await;
            assert_eq!((reply.status, &*reply.error_code()), (401, "no_identity"), "{what} {path}");
        }
        let headers = [("x-arca-identity", &**header), ("origin", ORIGIN)];
        let refused = Page::try_open(agent.address, "/ws", &headers).await;
        assert_eq!(refused.err(), Some(401), "{what}");
    }
    assert!(gateway.upgrades().is_empty(), "the gateway was dialled for a stranger");
}

#[tokio::test]
async fn a_person_at_the_wrong_door_is_shown_the_right_one() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let reply = agent.get("/x?y=1", &[("sec-fetch-mode", "navigate")]).await;
    assert_eq!((reply.status, reply.header("location")), (302, Some(&*format!("{ORIGIN}/x?y=1"))));
    let reply = agent.get("/", &[("accept", "text/html")]).await;
    assert_eq!(reply.header("location"), Some(&*format!("{ORIGIN}/")));
    let again = agent.get("/", &[("accept", "text/html"), ("x-arca-identity", "wrong")]).await;
    assert_eq!(again.status, 401, "a redirect would go round in circles");
}

#[tokio::test]
async fn another_sites_page_can_neither_post_nor_open_a_socket() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    for origin in ["http://evil.test", "null", "http://bob.arca.localhost:8080"] {
        let headers = [("x-arca-identity", &*identity()), ("origin", origin)];
        let refused = Page::try_open(agent.address, "/ws", &headers).await;
        assert_eq!(refused.err(), Some(403), "{origin}");
        let reply = agent.ask("POST", "/config.json", &headers).await;
        assert_eq!((reply.status, &*reply.error_code()), (403, "foreign_origin"), "{origin}");
    }
    let refused = Page::try_open(agent.address, "/ws", &[("x-arca-identity", &*identity())]).await;
    assert_eq!(refused.err(), Some(403), "no origin at all");
    assert!(gateway.upgrades().is_empty());
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_only_once() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let page = agent.visit("GET", "/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert!(page.header("permissions-policy").is_some());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(policy.contains("form-action 'self' http://arca.localhost:8080;"), "{policy}");

    let etag = page.header("etag").unwrap();
    let headers = [("x-arca-identity", &*identity()), ("if-none-match", etag)];
    let again = agent.get("/", &headers).await;
    assert_eq!((again.status, &*again.body), (304, ""));
    let head = agent.visit("HEAD", "/").await;
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[tokio::test]
async fn the_page_learns_public_facts_and_no_secret() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let reply = agent.visit("GET", "/config.json").await;
    let facts: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(facts["username"], "ada");
    assert_eq!(facts["site_url"], "http://arca.localhost:8080");
    assert_eq!(facts["skills"][0], "weather");
    assert_eq!(facts["limits"]["message_max_bytes"], 20 << 20);
    assert_eq!(facts["assistant"]["name"], "Assistant");
    assert!(!reply.body.contains("token"), "{}", reply.body);
}

#[tokio::test]
async fn no_path_leads_out_of_the_page_or_into_the_gateway() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    for path in [
        "/../Cargo.toml",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/vendor/../../Cargo.toml",
        "/vendor//marked.esm.js",
        "//etc/passwd",
        "/index.html%00.js",
        "/tests/",
        "/package.json",
        "/v1/chat/completions",
        "/tools/invoke",
        "/hooks/agent",
        "/api/v1/admin",
        "/readyz",
        "/openclaw",
        "/openclaw/",
        "/chat",
    ] {
        for method in ["GET", "POST"] {
            let reply = agent.visit(method, path).await;
            let expected = (404, "not_found".to_owned());
            assert_eq!((reply.status, reply.error_code()), expected, "{method} {path}");
        }
    }
    let wrong_method = agent.visit("DELETE", "/index.html").await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("GET, HEAD")));
    let not_a_socket = agent.visit("GET", "/ws").await;
    assert_eq!(not_a_socket.status, 426);
}

#[tokio::test]
async fn health_says_one_word_to_strangers_and_everything_to_the_operator() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let health = agent.wait_for_health(|health| health["status"] == "ok").await;
    assert_eq!(health["gateway"]["state"], "ready");
    assert!(health["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{health}");
    assert!(health["gateway"]["ready_since"].as_u64().is_some(), "{health}");

    let reply = agent.get("/pflaster/health", &[]).await;
    assert_eq!((reply.status, &*reply.body), (200, r#"{"status":"ok"}"#));
    let wrong = agent.get("/pflaster/health", &[("authorization", "Bearer wrong")]).await;
    assert_eq!((wrong.status, &*wrong.error_code()), (401, "no_token"));

    drop(gateway);
    agent.wait_for_health(|health| health["status"] == "degraded").await;
    let reply = agent.get("/pflaster/health", &[]).await;
    assert_eq!((reply.status, &*reply.body), (503, r#"{"status":"degraded"}"#));
}

#[tokio::test]
async fn metrics_are_for_the_operator_and_count_what_was_refused() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    agent.get("/", &[("x-arca-identity", &*signed("01", "bob", 0))]).await;
    let mut page = Page::connected(agent.address).await;
    page.ask("config.set", &serde_json::json!({})).await;
    for headers in [vec![], vec![("x-arca-identity", &*identity())]] {
        assert_eq!(agent.get("/metrics", &headers).await.status, 401);
    }
    let bearer = format!("Bearer {HEALTH_TOKEN}");
    let metrics = agent.get("/metrics", &[("authorization", &bearer)]).await;
    for line in [
        r#"arca_agent_identities_refused_total{reason="foreign_workspace"} 1"#,
        r#"arca_agent_gateway_requests_refused_total{reason="method"} 1"#,
        r#"arca_agent_gateway_phase{phase="ready"} 1"#,
        "arca_agent_sockets 1",
        r#"arca_agent_links_total{outcome="open"} 1"#,
    ] {
        assert!(metrics.body.lines().any(|seen| seen == line), "{line}: {}", metrics.body);
    }
}

#[tokio::test]
async fn a_head_too_long_or_with_too_many_headers_is_refused() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let long = "x".repeat(40 << 10);
    assert_eq!(agent.get("/", &[("x-long", &long)]).await.status, 431);
    let many = vec![("x-many", "1"); 100];
    assert_eq!(agent.get("/", &many).await.status, 431);
}

#[tokio::test]
async fn strangers_who_say_nothing_do_not_make_the_customer_wait() {
    let gateway = Gateway::start().await;
    let sections = "[supervisor]\nenabled = false\n[limits]\nconnections = 8\n";
    let agent = Running::with(gateway.address, "", sections).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(tokio::net::TcpStream::connect(agent.address).await.unwrap());
    }
    // With a place and ten seconds for each of them this would take minutes.
    assert_eq!(agent.visit("GET", "/config.json").await.status, 200);
}
