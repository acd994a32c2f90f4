//! The operator's API: who may use it, and what it says.

use crate::common::{ADMIN_KEY, PASSWORD, World};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn nothing_is_told_without_the_key() {
    let world = World::start(&[]).await;
    let api = world.running.as_ref().unwrap().api;
    for path in ["/api/routes", "/api/customers", "/api/edges", "/api/locks", "/api/nothing"] {
        for key in ["", "Bearer wrong", ADMIN_KEY, "Basic x"] {
            let request = world.http.get(format!("http://{api}{path}"));
            let response = request.header("authorization", key).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path} {key}");
            assert!(response.headers().contains_key("x-request-id"));
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        let response = world.http.get(format!("http://{api}{path}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn who_is_refused_is_in_the_journal_and_does_not_fill_it() {
    let world = World::start(&[]).await;
    let api = world.running.as_ref().unwrap().api;
    for _ in 0..30 {
        let request = world.http.get(format!("http://{api}/api/routes")).bearer_auth("wrong");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    let journal = world.cli("journal --json").await;
    let said = "refused GET /api/routes to 127.0.0.1 with 401";
    assert_eq!(journal.matches(said).count(), 20, "{journal}");
    assert!(!journal.contains("wrong"), "{journal}");
}

#[tokio::test]
async fn customers_are_added_once_and_with_a_good_password() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    let add = async |username: &str, email: &str, password: &str| {
        let body = json!({ "username": username, "email": email, "password": password });
        let (status, answer) = world.api(Method::POST, "/api/customers", Some(body)).await;
        (status.as_u16(), answer["error"]["field"].as_str().unwrap_or_default().to_owned())
    };
    let too_long = "x".repeat(1_025);
    let check = async |username, email, password, status, field: &str| {
        assert_eq!(add(username, email, password).await, (status, field.to_owned()));
    };
    check("ada", "other@mail.test", PASSWORD, 409, "username").await;
    check("Ada", "ada@mail.test", PASSWORD, 422, "username").await;
    check("www", "ada@mail.test", PASSWORD, 422, "username").await;
    check("bob", "bob", PASSWORD, 422, "email").await;
    check("bob", "bob@mail.test", "short", 422, "password").await;
    check("bob", "bob@mail.test", "passwordpassword", 422, "password").await;
    check("bob", "bob@mail.test", &too_long, 422, "password").await;
    check("bob", "bob@mail.test", PASSWORD, 201, "").await;
    let (_, customers) = world.api(Method::GET, "/api/customers?limit=1", None).await;
    assert_eq!(customers["items"][0]["workspace_url"], "http://ada.arca.test:8080");
    assert_eq!(customers["next"], "ada");
    let (_, rest) = world.api(Method::GET, "/api/customers?limit=1&after=ada", None).await;
    assert_eq!(rest["items"][0]["username"], "bob");
}

#[tokio::test]
async fn a_customer_is_added_in_the_language_that_they_are_written_to_in() {
    let world = World::start(&[]).await;
    let add = async |username: &str, language: Option<&str>| {
        let email = format!("{username}@mail.test");
        let body = json!({ "username": username, "email": email, "language": language });
        world.api(Method::POST, "/api/customers", Some(body)).await
    };
    for (username, asked, language) in [("ada", Some("de"), "de"), ("bob", None, "en")] {
        let (status, answer) = add(username, asked).await;
        assert_eq!((status, &answer["language"]), (StatusCode::CREATED, &json!(language)));
    }
    let (status, answer) = add("eve", Some("fr")).await;
    assert_eq!(
        (status, &answer["error"]["field"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("language"))
    );
    let added = world.cli("--json customers add eve eve@mail.test --language de").await;
    let added: serde_json::Value = serde_json::from_str(&added).unwrap();
    assert_eq!(added["language"], "de");
}

#[tokio::test]
async fn suspending_and_resuming_reach_the_route_and_last() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let state = async || {
        let (_, route) = world.api(Method::GET, "/api/routes/ada", None).await;
        route["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "live");
    let (status, _) = world.api(Method::POST, "/api/customers/ada/suspend", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(state().await, "suspended");
    let body = json!({ "upstream": "https://ada-2.sprites.test" });
    world.api(Method::PUT, "/api/routes/ada", Some(body)).await;
    assert_eq!(state().await, "suspended");
    world.api(Method::POST, "/api/customers/ada/resume", None).await;
    assert_eq!(state().await, "live");
    let (status, _) = world.api(Method::POST, "/api/customers/bob/suspend", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn metrics_name_no_customer() {
    let world = World::start(&[]).await;
    world.add_customer("ada").await;
    world.put_route("ada").await;
    let api = world.running.as_ref().unwrap().api;
    let metrics = world.http.get(format!("http://{api}/metrics")).send().await.unwrap();
    let text = metrics.text().await.unwrap();
    assert!(text.contains("arca_control_generation 2"), "{text}");
    assert!(text.contains("arca_control_routes 1"), "{text}");
    assert!(!text.contains("ada"), "{text}");
}

#[tokio::test]
async fn locks_are_put_listed_and_removed() {
    let world = World::start(&[]).await;
    let session = "0a".repeat(16);
    let path = format!("/api/locks/ada/{session}");
    let until = world.now_seconds() + 60;
    let (status, _) = world.api(Method::PUT, &path, Some(json!({ "until": until }))).await;
    assert_eq!(status, StatusCode::OK);
    world.api(Method::PUT, "/api/locks/ada", None).await;
    let (_, locks) = world.api(Method::GET, "/api/locks?limit=1", None).await;
    assert_eq!(locks["items"], json!([{ "username": "ada" }]));
    assert_eq!(locks["next"], "ada");
    let (_, locks) = world.api(Method::GET, "/api/locks?after=ada", None).await;
    assert_eq!(locks["items"], json!([{ "username": "ada", "session": session, "until": until }]));
    // Beyond what every reader and column keeps exactly, the edges' sum would be another.
    for until in [1, (1 << 53) + 1, u64::MAX] {
        let body = json!({ "until": until });
        let (status, _) = world.api(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{until}");
    }
    let (status, _) = world.api(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = world.api(Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
