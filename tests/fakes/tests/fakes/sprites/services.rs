//! Services: what starts, what stays, what comes back.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::provider::Provider;

const WEB: &str = "/v1/sprites/one/services/web";

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["type"].as_str()).collect()
}

async fn put(provider: &Provider, definition: &Value) -> Vec<Value> {
    provider.lines(Method::PUT, &format!("{WEB}?duration=300ms"), definition).await
}

async fn state(provider: &Provider) -> Value {
    provider.get(WEB).await.1["state"].clone()
}

#[tokio::test]
async fn a_service_starts_is_stopped_for_good_and_deleted() {
    let provider = Provider::with_sprite("one").await;
    let definition = json!({"cmd": "sh", "args": ["-c", "echo up; exec sleep 600"]});
    let lines = put(&provider, &definition).await;
    assert_eq!(kinds(&lines), ["started", "stdout", "complete"]);
    assert_eq!(lines[2]["log_files"]["combined"], "/.sprite/logs/services/web.log");
    let again = provider.call(Method::PUT, WEB, &definition).await;
    assert!(again.1["message"].as_str().unwrap().contains("already running"), "{again:?}");
    let other = json!({"cmd": "sleep", "args": ["1"]});
    assert_eq!(provider.call(Method::PUT, WEB, &other).await.0, StatusCode::CONFLICT);

    let lines = provider.lines(Method::POST, &format!("{WEB}/stop"), &Value::Null).await;
    assert_eq!(kinds(&lines), ["stopping", "stopped", "complete"]);
    assert_eq!(state(&provider).await["status"], "failed");
    let stop = provider.call(Method::POST, &format!("{WEB}/stop"), &Value::Null).await;
    assert_eq!(stop.0, StatusCode::CONFLICT);
    let logs = provider.lines(Method::GET, &format!("{WEB}/logs?lines=5"), &Value::Null).await;
    assert_eq!(logs[0]["data"], "up");

    assert_eq!(provider.call(Method::DELETE, WEB, &Value::Null).await.0, StatusCode::NO_CONTENT);
    assert_eq!(provider.get(WEB).await.0, StatusCode::NOT_FOUND);
    let left = provider.shell("one", "cat /.sprite/logs/services/web.log", b"").await;
    assert_eq!(left.stdout, "up\n", "logs outlive their service");
}

#[tokio::test]
async fn a_crash_is_told_and_made_good() {
    let provider = Provider::with_sprite("one").await;
    put(&provider, &json!({"cmd": "sleep", "args": ["600"]})).await;
    let signal = json!({"name": "web", "signal": "KILL"});
    let sent = provider.call(Method::POST, "/v1/sprites/one/services/signal", &signal).await;
    assert_eq!(sent.0, StatusCode::NO_CONTENT);
    let restarted = |state: &Value| state["restart_count"] == 1 && state["status"] == "running";
    provider.wait_until("started again", || state(&provider), restarted).await;
}

#[tokio::test]
async fn a_start_that_fails_says_so_before_complete() {
    let provider = Provider::with_sprite("one").await;
    let lines = put(&provider, &json!({"cmd": "/no/such"})).await;
    assert_eq!(kinds(&lines), ["error", "complete"]);
    provider.call(Method::DELETE, WEB, &Value::Null).await;
    let lines = put(&provider, &json!({"cmd": "sh", "args": ["-c", "exit 3"]})).await;
    assert_eq!(kinds(&lines)[..2], ["started", "exit"], "{lines:?}");
    assert_eq!(lines[1]["exit_code"], 3);
}

#[tokio::test]
async fn services_come_back_after_a_cold_start_with_new_processes_and_after_a_warm_one_with_the_same()
 {
    let provider = Provider::with_sprite("one").await;
    put(&provider, &json!({"cmd": "sleep", "args": ["600"]})).await;
    let before = state(&provider).await;
    for (depth, comes_back_the_same) in [("warm", true), ("cold", false)] {
        let sleep = json!({"to": depth});
        provider.call(Method::POST, "/_fake/sprites/one/sleep", &sleep).await;
        assert_eq!(provider.status("one").await, depth);
        let running = |state: &Value| state["status"] == "running";
        let now = provider.wait_until("running", || state(&provider), running).await;
        assert_eq!(now["started_at"] == before["started_at"], comes_back_the_same, "{depth}");
    }
}

#[tokio::test]
async fn the_first_service_after_a_wake_can_be_refused() {
    let provider = Provider::with(|settings| settings.unready_after_wake = true).await;
    provider.create("one").await;
    let definition = json!({"cmd": "sleep", "args": ["600"]});
    let first = provider.call(Method::PUT, WEB, &definition).await;
    assert_eq!(first.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(kinds(&put(&provider, &definition).await), ["started", "complete"]);
}

#[tokio::test]
async fn a_wedged_sprite_hangs_about_services_and_checkpoints_and_only_there() {
    let provider = Provider::with_sprite("one").await;
    provider.call(Method::PUT, "/_fake/sprites/one/trouble", &json!({"wedged": true})).await;
    for path in ["/v1/sprites/one/services", "/v1/sprites/one/checkpoints"] {
        let call = provider.request(Method::GET, path).timeout(Duration::from_millis(300)).send();
        assert!(call.await.unwrap_err().is_timeout(), "{path}");
    }
    assert_eq!(provider.shell("one", "true", b"").await.exit, Some(0));
    let deleted = provider.call(Method::DELETE, "/v1/sprites/one", &Value::Null).await;
    assert_eq!(deleted.0, StatusCode::NO_CONTENT);
}
