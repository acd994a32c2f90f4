//! What a visitor meets: pages, sign-in, the chat, sign-out, and every no on the way.

use e2e::{BASE_DOMAIN, Mirror, Opening, Plan, SharedWorld, Visitor, WorldGuard};
use reqwest::Method;
use serde_json::{Value, json};
use shared::session::SESSION_COOKIE;

static WORLD: SharedWorld = SharedWorld::new();

async fn world() -> WorldGuard {
    WORLD.enter(|| Plan::with_tenants(&["ada"])).await
}

fn host(username: &str) -> String {
    format!("{username}.{BASE_DOMAIN}")
}

#[tokio::test]
async fn an_unknown_name_is_a_page_for_people_and_json_for_programs() {
    let world = world().await;
    let visitor = world.visitor();
    let page = visitor.open(&world.workspace_url("nobody")).await.unwrap();
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.header("cache-control").contains("no-store"), "{page:?}");
    // In the site's look, with somebody to turn to.
    let contact = format!("href=\"{}/contact\"", world.site_url());
    assert!(page.body.contains("<svg") && page.body.contains(&contact), "{}", page.body);
    let url = world.workspace_url("nobody");
    let answer = visitor.fetch(&url, Method::GET, &url, &[]).await.unwrap();
    assert_eq!(answer.status, 404);
    assert!(answer.json().unwrap()["error"]["code"].is_string());
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn a_foreign_or_malformed_host_never_reaches_an_upstream() {
    let world = world().await;
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("host", mirror.address(), "sprite-host").await.unwrap();
    let cookie = format!("{SESSION_COOKIE}={}", world.session_token("host").await.unwrap());
    let visitor = world.visitor();
    let status = async |host: &str| {
        let request = visitor.bare(Method::GET, host, "/").header("cookie", &cookie);
        request.send().await.unwrap().status().as_u16()
    };
    for host in [
        "evil.test",
        "127.0.0.1",
        "arcamatrix.localhost.evil.test",
        "h_st.arcamatrix.localhost",
        "xn--host.arcamatrix.localhost",
        "host.host.arcamatrix.localhost",
        "hostarcamatrix.localhost",
        "-host.arcamatrix.localhost",
    ] {
        let status = status(host).await;
        assert!(matches!(status, 404 | 421), "{host} got {status}");
    }
    assert_eq!(mirror.requests(), 0);
    assert_eq!((status(&world.workspace_host("host")).await, mirror.requests()), (200, 1));
    world.control.remove_route("host").await.unwrap();
}

#[tokio::test]
async fn without_a_session_pages_lead_to_sign_in_and_all_else_is_401() {
    let world = world().await;
    let visitor = world.visitor();
    let url = world.workspace_url("ada");
    let page = visitor.open(&format!("{url}/some/page?x=1")).await.unwrap();
    assert_eq!(page.status, 200);
    assert_eq!(page.hops[1].path(), "/auth/login");
    assert!(page.hops[1].query().unwrap_or_default().contains("return="), "{:?}", page.hops);
    assert!(page.url.as_str().starts_with(&format!("{}/login", world.site_url())), "{page:?}");
    let answer =
        visitor.fetch(&url, Method::GET, &format!("{url}/config.json"), &[]).await.unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.json().unwrap()["error"]["code"].is_string());
}

#[tokio::test]
async fn a_visitor_signs_in_chats_and_signs_out() {
    let world = world().await;
    let visitor = world.signed_in("ada").await.unwrap();
    let url = world.workspace_url("ada");
    assert_eq!(session(&visitor, &url).await["signed_in"], true);

    let mut chat = world.chat(&visitor, "ada").await.unwrap().unwrap();
    let hello = chat.hello().await.unwrap();
    let text = hello.to_string();
    for secret in ["deviceToken", "pluginSurfaceUrls", "recoveryScope"] {
        assert!(!text.contains(secret), "hello-ok carries {secret}");
    }
    let run = chat.say("agent:main:main", "good morning").await.unwrap();
    let turn = chat.turn(&run).await.unwrap();
    assert_eq!(turn.state, "final");
    assert!(turn.text.contains("good morning"), "{turn:?}");
    assert!(turn.deltas > 1, "the answer streams: {turn:?}");
    let history = chat.request("chat.history", json!({"sessionKey": "agent:main:main"})).await;
    assert!(history.unwrap().to_string().contains("good morning"));

    let denied = chat.request("config.set", json!({})).await.unwrap();
    assert_eq!(denied["error"]["code"], "FORBIDDEN");
    assert_eq!(chat.request("health", json!({})).await.unwrap()["ok"], true);

    let headers = [("accept", "application/json")];
    let logout = format!("{url}/auth/logout");
    let answer = visitor.fetch(&url, Method::POST, &logout, &headers).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.json().unwrap()),
        (200, json!({"signed_out": true}))
    );
    assert_eq!(answer.header("clear-site-data"), "\"storage\"", "{answer:?}");
    chat.closed().await.unwrap();
    assert_eq!(session(&visitor, &url).await["signed_in"], false);
    let page = visitor.open(&url).await.unwrap();
    assert!(page.url.as_str().starts_with(&format!("{}/login", world.site_url())), "{page:?}");
}

async fn session(visitor: &Visitor, url: &str) -> Value {
    let page = visitor.fetch(url, Method::GET, &format!("{url}/auth/session"), &[]).await.unwrap();
    assert_eq!(page.status, 200);
    page.json().unwrap()
}

#[tokio::test]
async fn a_stolen_cookie_is_worth_nothing_after_sign_out() {
    let world = world().await;
    let visitor = world.signed_in("ada").await.unwrap();
    let url = world.workspace_url("ada");
    let token = visitor.jar().value(&host("ada"), SESSION_COOKIE).unwrap().to_owned();
    world.watch("a session token", &token, &[]);
    let thief = world.visitor();
    thief.jar().plant(&host("ada"), SESSION_COOKIE, &token);
    assert_eq!(session(&thief, &url).await["signed_in"], true);
    let logout = format!("{url}/auth/logout");
    visitor.fetch(&url, Method::POST, &logout, &[]).await.unwrap();
    assert_eq!(session(&thief, &url).await["signed_in"], false);
}

#[tokio::test]
async fn another_sites_page_cannot_sign_anybody_out() {
    let world = world().await;
    let visitor = world.signed_in("ada").await.unwrap();
    let url = world.workspace_url("ada");
    let logout = format!("{url}/auth/logout");
    for origin in ["https://evil.test", world.site_url()] {
        let answer = visitor.fetch(origin, Method::POST, &logout, &[]).await.unwrap();
        assert_eq!(answer.status, 403, "{origin}");
    }
    assert_eq!(session(&visitor, &url).await["signed_in"], true);
}

#[tokio::test]
async fn a_websocket_needs_a_session_and_the_workspaces_own_origin() {
    let world = world().await;
    let stranger = world.visitor();
    let refusal = world.chat(&stranger, "ada").await.unwrap().err().unwrap();
    assert_eq!(refusal.status, 401, "{refusal:?}");

    let cookie = format!("{SESSION_COOKIE}={}", world.session_token("ada").await.unwrap());
    let own = world.workspace_url("ada");
    for (origin, expected) in [
        (Some("https://evil.test"), 403),
        (Some(world.site_url()), 403),
        (Some("null"), 403),
        (None, 403),
        (Some(own.as_str()), 101),
    ] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let opening = Opening {
            address: world.edges[0].address(),
            host: &world.workspace_host("ada"),
            path: "/ws",
            headers: &headers,
        };
        let opened = e2e::Chat::open(&opening).await.unwrap();
        let status = opened.map_or_else(|refusal| refusal.status.as_u16(), |_| 101);
        assert_eq!(status, expected, "origin {origin:?}");
    }
}

#[tokio::test]
async fn a_link_in_a_mail_leads_back_in_and_not_to_sign_in() {
    let world = world().await;
    let visitor = world.signed_in("ada").await.unwrap();
    let url = format!("{}/", world.workspace_url("ada"));
    let bounce = visitor.follow_link("https://mail.test/inbox", &url).await.unwrap();
    assert_eq!(bounce.status, 200, "a browser keeps back the strict cookie: {bounce:?}");
    assert_eq!(bounce.url.as_str(), url, "no redirect: that would be cross-site again");
    assert!(bounce.header("cache-control").contains("no-store"));
    // The page asks again by itself, and now it is the same site that asks.
    let page = visitor.follow_link(&url, &url).await.unwrap();
    assert_eq!((page.status.as_u16(), page.url.as_str()), (200, url.as_str()));
    assert_ne!(page.body, bounce.body);
}

#[tokio::test]
async fn a_service_worker_script_is_refused() {
    let world = world().await;
    let visitor = world.signed_in("ada").await.unwrap();
    let url = world.workspace_url("ada");
    let worker = [("service-worker", "script")];
    for path in ["/sw.js", "/app.js", "/"] {
        let target = format!("{url}{path}");
        let answer = visitor.fetch(&url, Method::GET, &target, &worker).await.unwrap();
        assert_eq!(answer.status, 403, "{path}");
    }
}

#[tokio::test]
async fn a_sprite_is_told_who_asks_and_never_how_they_signed_in() {
    let world = world().await;
    let mirror = Mirror::start().await.unwrap();
    world.control.put_route("mirror", mirror.address(), "sprite-mirror").await.unwrap();
    let token = world.session_token("mirror").await.unwrap();
    let visitor = world.visitor();
    let answer = visitor
        .bare(Method::POST, &world.workspace_host("mirror"), "/echo?x=1")
        .header("origin", world.workspace_url("mirror"))
        .header("cookie", format!("theme=dark; {SESSION_COOKIE}={token}; __Host-arca_nonce=abc"))
        .header("x-arca-identity", "1.k1.forged")
        .header("x-arca-anything", "forged")
        .header("x-openclaw-scopes", "operator.admin")
        .header("forwarded", "for=203.0.113.9")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-real-ip", "203.0.113.9")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "one hop only")
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().get("service-worker-allowed").is_none());
    let seen: Value = answer.json().await.unwrap();
    assert_eq!((&seen["method"], &seen["target"]), (&json!("POST"), &json!("/echo?x=1")));
    assert_eq!(seen["body"], "hello");
    let values = |name: &str| -> Vec<String> {
        let headers = seen["headers"].as_array().unwrap();
        let named = headers.iter().filter(|header| header[0] == name);
        named.map(|header| header[1].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(values("host"), [mirror.address().to_string()]);
    assert_eq!(values("cookie"), ["theme=dark"]);
    assert_eq!(values("x-forwarded-host"), [world.workspace_host("mirror")]);
    assert_eq!(values("x-forwarded-proto"), ["http"]);
    assert_eq!(values("x-forwarded-for"), ["127.0.0.1"]);
    for gone in ["x-arca-anything", "x-openclaw-scopes", "forwarded", "x-real-ip", "x-hop"] {
        assert_eq!(values(gone), Vec::<String>::new(), "{gone}");
    }
    assert_eq!(values("x-request-id").len(), 1);
    assert_eq!(values("traceparent").len(), 1);
    let identity = values("x-arca-identity");
    assert!(identity.len() == 1 && identity[0].starts_with("1.k1.mirror."), "{identity:?}");
    assert!(!seen.to_string().contains(&token), "the token reached the sprite");
    world.control.remove_route("mirror").await.unwrap();
}

#[tokio::test]
async fn a_program_signs_in_through_the_portal() {
    let world = world().await;
    let visitor = world.visitor();
    let site = world.site_url().trim_start_matches("http://").to_owned();
    let ask = async |password: &str| {
        let body = json!({"username": "ada", "password": password});
        visitor.bare(Method::POST, &site, "/api/portal").json(&body).send().await.unwrap()
    };
    let refused = ask("not the password of ada").await;
    assert_eq!(refused.status(), 401);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["error"]["code"], "invalid_credentials");
    let granted: Value = ask(&world.customer("ada").password).await.json().await.unwrap();
    let token = granted["session"].as_str().unwrap();
    world.watch("a portal session", token, &[]);
    assert!(granted["expires_at"].as_u64().unwrap() > shared::process::time::unix_seconds());
    let config = visitor
        .bare(Method::GET, &world.workspace_host("ada"), "/config.json")
        .header("cookie", format!("{SESSION_COOKIE}={token}"))
        .send()
        .await
        .unwrap();
    let config: Value = config.json().await.unwrap();
    assert_eq!(config["username"], "ada");
}
