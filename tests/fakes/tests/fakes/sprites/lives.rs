//! Creating, listing, sleeping, ending; limits and faults.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::provider::{Provider, processes};

#[tokio::test]
async fn a_sprite_is_created_cold_with_its_url_and_only_once() {
    let provider = Provider::start().await;
    let sprite = provider.create("one").await;
    assert_eq!(sprite["status"], "cold");
    assert!(sprite["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{sprite}");
    let again = provider.call(Method::POST, "/v1/sprites", &json!({"name": "one"})).await;
    assert_eq!(again.0, StatusCode::CONFLICT);
    let bad = provider.call(Method::POST, "/v1/sprites", &json!({"name": "a_b"})).await;
    assert_eq!(bad.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        provider.get("/v1/sprites/two").await,
        (StatusCode::NOT_FOUND, json!({"error": "sprite not found"}))
    );
}

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let provider = Provider::with_sprite("one").await;
    let client = fakes::http::client().build().unwrap();
    for path in ["/v1/sprites", "/v1/sprites/one", "/v1/sprites/one/exec", "/v1/sprites/two"] {
        let answer = client.get(format!("{}{path}", provider.base)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body, json!({"error": "authentication failed"}));
    }
}

#[tokio::test]
async fn a_listing_goes_on_page_by_page() {
    let provider = Provider::start().await;
    for name in ["pool-1", "pool-2", "pool-3", "other"] {
        provider.create(name).await;
    }
    let mut names = Vec::new();
    let mut path = "/v1/sprites?prefix=pool-&max_results=2".to_owned();
    loop {
        let (_, page) = provider.get(&path).await;
        assert_eq!(page["cold"], 4);
        let rows = page["sprites"].as_array().unwrap().iter();
        names.extend(rows.map(|row| row["name"].as_str().unwrap().to_owned()));
        let Some(token) = page["next_continuation_token"].as_str() else { break };
        assert_eq!(page["has_more"], true);
        path = format!("/v1/sprites?prefix=pool-&max_results=2&continuation_token={token}");
    }
    assert_eq!(names, ["pool-1", "pool-2", "pool-3"]);
}

#[tokio::test]
async fn labels_and_url_settings_change() {
    let provider = Provider::with_sprite("one").await;
    let body = json!({"url_settings": {"auth": "sprite"}, "labels": ["a"]});
    let (status, sprite) = provider.call(Method::PUT, "/v1/sprites/one", &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&sprite["url_settings"]["auth"], &sprite["labels"]),
        (&json!("sprite"), &json!(["a"]))
    );
    let bad = json!({"url_settings": {"auth": "secret"}});
    let refused = provider.call(Method::PUT, "/v1/sprites/one", &bad).await;
    assert_eq!(refused.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn too_many_creations_are_told_when_to_come_back() {
    let provider = Provider::with(|settings| settings.creations = 1).await;
    provider.create("one").await;
    let refused = provider.request(Method::POST, "/v1/sprites").json(&json!({"name": "two"}));
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"], "sprite_creation_rate_limited");
}

#[tokio::test]
async fn too_many_running_is_another_refusal_and_a_sleeper_makes_room() {
    let provider = Provider::with(|settings| settings.running_limit = 1).await;
    provider.create("one").await;
    provider.create("two").await;
    provider.shell("one", "true", b"").await;
    let refused = provider.get("/v1/sprites/two/exec").await;
    assert_eq!(refused.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.1["error"], "concurrent_sprite_limit_exceeded");
    let refused = provider.call(Method::POST, "/v1/sprites", &json!({"name": "three"})).await;
    assert_eq!(refused.1["error"], "concurrent_sprite_limit_exceeded");
    provider.call(Method::POST, "/_fake/sprites/one/sleep", &json!({"to": "warm"})).await;
    assert_eq!(provider.shell("two", "true", b"").await.exit, Some(0));
}

#[tokio::test]
async fn a_quiet_sprite_turns_warm_then_cold_and_wakes_by_a_command() {
    let provider = Provider::with(|settings| {
        settings.idle = Duration::from_millis(100);
        settings.cold = Duration::from_millis(300);
    })
    .await;
    provider.create("one").await;
    provider.shell("one", "echo scratch > /tmp/x; echo kept > x", b"").await;
    let status = || provider.status("one");
    provider.wait_until("asleep", status, |status| status != "running").await;
    provider.wait_until("cold", status, |status| status == "cold").await;
    let said = provider.shell("one", "cat x; cat /tmp/x", b"").await;
    assert_eq!((said.stdout.as_str(), said.exit), ("kept\n", Some(1)));
}

#[tokio::test]
async fn sleep_cuts_connections_and_a_warm_process_goes_on() {
    use futures_util::StreamExt as _;
    let provider = Provider::with_sprite("one").await;
    let path = "/v1/sprites/one/exec?cmd=sh&cmd=-c&cmd=echo+here%3B+exec+sleep+600\
                &max_run_after_disconnect=0";
    let mut socket = provider.socket(path).await.unwrap();
    for _ in 0..3 {
        socket.next().await.unwrap().unwrap();
    }
    provider.call(Method::POST, "/_fake/sprites/one/sleep", &json!({"to": "warm"})).await;
    assert!(socket.next().await.is_none_or(|end| end.is_err()));
    assert_eq!(provider.status("one").await, "warm");
    let (_, sessions) = provider.get("/v1/sprites/one/exec").await;
    assert_eq!(sessions["count"], 1, "{sessions}");
}

#[tokio::test]
async fn a_deleted_sprite_leaves_no_process_and_no_folder() {
    let provider = Provider::with_sprite("one").await;
    let mark = "6007";
    let script = format!("setsid sleep {mark} >/dev/null 2>&1 &");
    provider.shell("one", &script, b"").await;
    let running = || async { processes(&format!("sleep {mark}")) };
    provider.wait_until("left alone", running, |found| !found.is_empty()).await;
    let delete = || provider.call(Method::DELETE, "/v1/sprites/one", &Value::Null);
    assert_eq!(delete().await.0, StatusCode::NO_CONTENT);
    provider.wait_until("gone", running, Vec::is_empty).await;
    assert_eq!(std::fs::read_dir(provider.state.path()).unwrap().count(), 0);
    assert_eq!(delete().await.0, StatusCode::NOT_FOUND);
    provider.create("one").await;
}

#[tokio::test]
async fn no_process_outlives_a_killed_provider() {
    let (provider, mut program) = Provider::program().await;
    provider.create("one").await;
    provider.shell("one", "setsid sleep 6008 >/dev/null 2>&1 &", b"").await;
    let running = || async { processes("sleep 6008") };
    provider.wait_until("left alone", running, |found| !found.is_empty()).await;
    program.kill().await.unwrap();
    provider.wait_until("gone", running, Vec::is_empty).await;
}

#[tokio::test]
async fn a_creation_whose_answer_is_lost_has_happened() {
    let provider = Provider::start().await;
    let fault = json!({
        "match": {"method": "POST", "path": "/v1/sprites"},
        "fault": "after-commit:reset",
    });
    let armed = provider.call(Method::POST, "/_fake/faults", &fault).await;
    assert_eq!(armed.0, StatusCode::CREATED);
    let lost = provider.request(Method::POST, "/v1/sprites").json(&json!({"name": "one"}));
    assert!(lost.send().await.is_err());
    assert_eq!(provider.get("/v1/sprites/one").await.0, StatusCode::OK);
    let fault = json!({"match": {"path": "/v1/sprites/one/exec"}, "fault": "status:503"});
    provider.call(Method::POST, "/_fake/faults", &fault).await;
    let refused = provider.socket("/v1/sprites/one/exec?cmd=true").await;
    assert_eq!(refused.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(provider.shell("one", "true", b"").await.exit, Some(0));
}

#[tokio::test]
async fn a_running_process_can_be_seen_on_the_page() {
    let provider = Provider::with_sprite("one").await;
    let _run = provider.socket("/v1/sprites/one/exec?cmd=sleep&cmd=6011").await.unwrap();
    let page = || async { provider.get_url(&format!("{}/_fake", provider.base)).await.1 };
    provider.wait_until("listed", page, |page| page.contains("sleep 6011")).await;
}

#[tokio::test]
async fn a_task_inside_holds_a_sprite_awake_until_it_expires() {
    const HELD: Duration = Duration::from_secs(4);
    let provider = Provider::with(|settings| settings.idle = Duration::from_millis(100)).await;
    provider.create("one").await;
    // Perl's base is on every Debian.
    let ask = "perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(\"/.sprite/api.sock\"); \
               print $s join(\"\", <STDIN>); $s->flush; print while <$s>'";
    let begun = std::time::Instant::now();
    let hold = b"PUT /v1/tasks/work HTTP/1.0\r\ncontent-type: application/json\r\n\
                 content-length: 15\r\n\r\n{\"expire\":\"4s\"}";
    let said = provider.shell("one", ask, hold).await;
    assert!(said.stdout.contains("200 OK"), "{said:?}");
    let said = provider.shell("one", ask, b"GET /v1/tasks HTTP/1.0\r\n\r\n").await;
    assert!(said.stdout.contains("\"name\":\"work\""), "{said:?}");
    let status = || provider.status("one");
    loop {
        let seen = status().await;
        if begun.elapsed() >= HELD {
            break;
        }
        assert_eq!(seen, "running");
    }
    provider.wait_until("asleep", status, |status| status != "running").await;
}

#[tokio::test]
async fn who_only_looks_keeps_no_sprite_awake() {
    let provider = Provider::with(|settings| settings.idle = Duration::from_millis(500)).await;
    provider.create("one").await;
    provider.shell("one", "true", b"").await;
    let look = || async {
        provider.get_url(&format!("{}/_fake", provider.base)).await;
        provider.status("one").await
    };
    provider.wait_until("asleep while somebody looks", look, |status| status != "running").await;
}
