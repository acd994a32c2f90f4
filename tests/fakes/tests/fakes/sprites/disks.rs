//! Files, checkpoints, and what is left of them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::provider::Provider;

const READ: &str = "/v1/sprites/one/fs/read?workingDir=%2Fhome%2Fsprite&path=";
const WRITE: &str = "/v1/sprites/one/fs/write?workingDir=%2Fhome%2Fsprite&path=";

async fn write(provider: &Provider, name: &str, text: &str) {
    let written =
        provider.request(Method::PUT, &format!("{WRITE}{name}")).body(text.to_owned()).send();
    assert_eq!(written.await.unwrap().status(), StatusCode::OK);
}

async fn read(provider: &Provider, name: &str) -> Option<String> {
    let response = provider.request(Method::GET, &format!("{READ}{name}")).send().await.unwrap();
    match response.status() {
        StatusCode::OK => Some(response.text().await.unwrap()),
        StatusCode::NOT_FOUND => None,
        other => panic!("{name}: {other}"),
    }
}

#[tokio::test]
async fn files_and_commands_see_the_same_disk_and_sprites_do_not() {
    let provider = Provider::with_sprite("one").await;
    provider.create("two").await;
    write(&provider, "deep/note", "mine").await;
    let said = provider.shell("one", "cat /home/sprite/deep/note", b"").await;
    assert_eq!(said.stdout, "mine");
    let said = provider.shell("two", "ls -A /home/sprite; ls /home", b"").await;
    assert_eq!(said.stdout, "sprite\n");
    provider.shell("one", "mkdir -p /etc/x; echo a > /etc/x/y; rm /etc/issue; ls /etc", b"").await;
    assert!(!std::path::Path::new("/etc/x").exists());
    assert!(std::path::Path::new("/etc/issue").exists());
}

#[tokio::test]
async fn an_upload_can_be_larger_than_any_other_body() {
    let provider = Provider::with_sprite("one").await;
    let body = vec![7; 20 * 1024 * 1024];
    let written = provider.request(Method::PUT, &format!("{WRITE}big")).body(body.clone());
    let written: Value = written
        .header("content-type", "application/octet-stream")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(written["size"], body.len());
    let back = provider.request(Method::GET, &format!("{READ}big")).send().await.unwrap();
    assert_eq!(back.bytes().await.unwrap(), body);
}

#[tokio::test]
async fn a_restore_brings_back_the_disk_and_restarts_everything() {
    let provider = Provider::with_sprite("one").await;
    write(&provider, "base", "base").await;
    let create = "/v1/sprites/one/checkpoint";
    let lines = provider.lines(Method::POST, create, &json!({"comment": "clean"})).await;
    assert_eq!(lines[1]["data"], "  ID: v1");
    assert_eq!(lines[2]["data"], "Checkpoint v1 created successfully");
    write(&provider, "secret", "secret").await;
    let _ = provider.socket("/v1/sprites/one/exec?cmd=sleep&cmd=600").await.unwrap();
    let restore = "/v1/sprites/one/checkpoints/v1/restore";
    let lines = provider.lines(Method::POST, restore, &Value::Null).await;
    assert_eq!(lines.last().unwrap()["type"], "complete", "{lines:?}");
    assert_eq!(read(&provider, "base").await.as_deref(), Some("base"));
    assert_eq!(read(&provider, "secret").await, None);
    assert_eq!(provider.get("/v1/sprites/one/exec").await.1["count"], 0);
}

#[tokio::test]
async fn earlier_data_stays_readable_in_the_sprites_checkpoints() {
    let provider = Provider::with_sprite("one").await;
    write(&provider, "secret", "secret").await;
    provider.lines(Method::POST, "/v1/sprites/one/checkpoint", &json!({})).await;
    let said =
        provider.shell("one", "rm /home/sprite/secret; grep -rl secret /.sprite/checkpoints", b"");
    assert_eq!(said.await.stdout.trim(), "/.sprite/checkpoints/v1/home/sprite/secret");
}

#[tokio::test]
async fn a_failed_restore_is_a_line_of_a_200() {
    let provider = Provider::with_sprite("one").await;
    let restore = |id: &str| format!("/v1/sprites/one/checkpoints/{id}/restore");
    let lines = provider.lines(Method::POST, &restore("v9"), &Value::Null).await;
    assert_eq!(lines.last().unwrap()["error"], "checkpoint not found: v9");

    provider.lines(Method::POST, "/v1/sprites/one/checkpoint", &json!({})).await;
    let trouble = json!({"restore_fails": true});
    provider.call(Method::PUT, "/_fake/sprites/one/trouble", &trouble).await;
    let lines = provider.lines(Method::POST, &restore("v1"), &Value::Null).await;
    assert_eq!(lines.last().unwrap()["error"], "failed to start overlay service tree");
    let refused = provider.socket("/v1/sprites/one/exec?cmd=true").await;
    assert_eq!(refused.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn checkpoints_are_listed_after_the_current_state_and_belong_to_one_sprite() {
    let provider = Provider::with_sprite("one").await;
    provider.create("two").await;
    provider.lines(Method::POST, "/v1/sprites/one/checkpoint", &json!({"comment": "mine"})).await;
    let (_, list) = provider.get("/v1/sprites/one/checkpoints").await;
    assert_eq!((&list[0]["id"], &list[1]["id"]), (&json!("Current"), &json!("v1")));
    assert_eq!(list[1]["comment"], "mine");
    let other = provider.get("/v1/sprites/two/checkpoints/v1").await;
    assert_eq!(other.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_network_policy_is_kept_and_a_bad_one_refused() {
    let provider = Provider::with_sprite("one").await;
    let path = "/v1/sprites/one/policy/network";
    assert_eq!(provider.get(path).await.1, json!({"rules": []}));
    let policy = json!({"rules": [{"domain": "*", "action": "deny"}]});
    assert_eq!(provider.call(Method::POST, path, &policy).await.0, StatusCode::NO_CONTENT);
    assert_eq!(provider.get(path).await.1, policy);
    let bad = json!({"rules": [{"domain": "*"}]});
    assert_eq!(provider.call(Method::POST, path, &bad).await.0, StatusCode::BAD_REQUEST);
}
