//! What is done to a sprite: files, services, checkpoints, network. Each step twice.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use vendors::sprites::checkpoints::CheckpointId;
use vendors::sprites::files::AbsolutePath;
use vendors::sprites::policy::{Action, NetworkPolicy, NetworkRule};
use vendors::sprites::services::{Definition, ServiceStatus};
use vendors::sprites::{ServiceName, SpritesError};

use super::sink::{Answer, Sink};
use super::sprites::{missing, name, sprites};

fn lines(lines: &[Value]) -> Answer {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Answer::text(200, text).header("content-type", "application/x-ndjson")
}

fn complete() -> Value {
    json!({ "type": "complete", "data": "done" })
}

fn service() -> ServiceName {
    ServiceName::parse("agent").unwrap()
}

fn definition() -> Definition {
    Definition {
        command: "/opt/agent".to_owned(),
        arguments: Vec::new(),
        environment: BTreeMap::new(),
        directory: None,
        needs: vec!["gateway".to_owned()],
        http_port: Some(8080),
    }
}

fn conflict() -> Answer {
    Answer::json(409, &json!({ "error": "service exists with another definition" }))
}

#[tokio::test]
async fn a_file_is_written_with_its_folders_and_mode() {
    let written = || Answer::json(200, &json!({ "path": "/a b/c", "size": 3, "mode": "0600" }));
    let sink = Sink::start([written(), written()]).await;
    let path = AbsolutePath::parse("/a b/c").unwrap();
    for _ in 0..2 {
        let content = Bytes::from_static(b"\0\xff\n");
        sprites(&sink).write_file(&name(), path, 0o600, content).await.unwrap();
    }
    let seen = sink.seen();
    assert_eq!(sink.calls()[0], "PUT /v1/sprites/arca-1/fs/write");
    assert_eq!(seen[0].query("path"), Some("/a b/c"));
    assert_eq!(seen[0].query("workingDir"), Some("/"));
    assert_eq!(seen[0].query("mode"), Some("0600"));
    assert_eq!(seen[0].query("mkdirParents"), Some("true"));
    assert_eq!(seen[0].query("mkdir"), Some("true"));
    assert_eq!(seen[0].header("content-type"), Some("application/octet-stream"));
    assert_eq!(seen[0].body, &b"\0\xff\n"[..]);
    assert_eq!(seen[0].query, seen[1].query);
}

#[tokio::test]
async fn a_missing_file_is_told_from_a_missing_sprite() {
    let no_file = json!({ "error": "open /x", "code": "ENOENT", "path": "/x" });
    let sink = Sink::start([
        Answer::text(200, "content"),
        Answer::json(404, &no_file),
        missing(),
        Answer::text(404, "<html>"),
        Answer::text(200, "x".repeat(9)),
    ])
    .await;
    let sprites = sprites(&sink);
    let read = async || sprites.read_file(&name(), AbsolutePath::parse("/x").unwrap(), 8).await;
    assert_eq!(read().await.unwrap().as_deref(), Some(&b"content"[..]));
    assert_eq!(read().await.unwrap(), None);
    assert!(matches!(read().await, Err(SpritesError::Missing(_))));
    assert!(matches!(read().await, Err(SpritesError::Refused { .. })));
    assert!(matches!(read().await, Err(SpritesError::Lost(_))), "more than was asked for");
    assert!(AbsolutePath::parse("x").is_none() && AbsolutePath::parse("/x\0").is_none());
}

#[tokio::test]
async fn a_service_is_put_and_may_be_put_again() {
    let started = lines(&[json!({ "type": "started" }), complete()]);
    let already = lines(&[json!({ "message": "Service already running with that command" })]);
    let sink = Sink::start([started, already]).await;
    let sprites = sprites(&sink);
    for _ in 0..2 {
        sprites.put_service(&name(), &service(), &definition()).await.unwrap();
    }
    let seen = sink.seen();
    assert_eq!(sink.calls()[0], "PUT /v1/sprites/arca-1/services/agent");
    assert_eq!(seen[0].query("duration"), Some("2s"));
    assert_eq!(seen[0].json()["http_port"], 8080);
    assert_eq!(seen[0].body, seen[1].body);
}

#[tokio::test]
async fn a_changed_service_replaces_the_old_one() {
    let sink = Sink::start([conflict(), Answer::text(204, ""), lines(&[complete()])]).await;
    sprites(&sink).put_service(&name(), &service(), &definition()).await.unwrap();
    let path = "/v1/sprites/arca-1/services/agent";
    assert_eq!(
        sink.calls(),
        [format!("PUT {path}"), format!("DELETE {path}"), format!("PUT {path}")]
    );

    let sink = Sink::start([conflict(), missing()]).await;
    let error = sprites(&sink).put_service(&name(), &service(), &definition()).await.unwrap_err();
    assert!(matches!(error, SpritesError::Missing(_)), "{error:?}");
}

#[tokio::test]
async fn a_service_that_ends_at_once_has_not_started() {
    let check = async |answer, expected: &str| {
        let sink = Sink::start([answer]).await;
        let error = sprites(&sink).start_service(&name(), &service()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(sink.calls(), ["POST /v1/sprites/arca-1/services/agent/start"]);
    };
    let exit = json!({ "type": "exit", "exit_code": 78 });
    check(
        lines(&[json!({ "type": "started" }), exit, complete()]),
        "the provider failed: the service ended at once with code 78",
    )
    .await;
    check(
        lines(&[json!({ "type": "error", "data": "no such program" })]),
        "the provider failed: no such program",
    )
    .await;
    check(
        lines(&[json!({ "type": "started" })]),
        "the provider's answer cannot be read: its stream ended before saying how it went",
    )
    .await;
    check(Answer::text(503, "waking"), "the provider is busy: 503 Service Unavailable: waking")
        .await;
}

#[tokio::test]
async fn stopping_and_deleting_twice_change_nothing() {
    let no_service = || Answer::json(404, &json!({ "error": "service not found" }));
    let stopped = json!({ "type": "stopped", "exit_code": 143 });
    let sink = Sink::start([
        lines(&[json!({ "type": "stopping" }), stopped, complete()]),
        Answer::json(409, &json!({ "error": "service is not running" })),
        no_service(),
        Answer::text(204, ""),
        no_service(),
        missing(),
        missing(),
    ])
    .await;
    let sprites = sprites(&sink);
    for _ in 0..3 {
        sprites.stop_service(&name(), &service()).await.unwrap();
    }
    for _ in 0..2 {
        sprites.delete_service(&name(), &service()).await.unwrap();
    }
    assert!(sprites.stop_service(&name(), &service()).await.is_err(), "the sprite is missing");
    assert!(sprites.delete_service(&name(), &service()).await.is_err());
    assert_eq!(sink.seen()[0].query("timeout"), Some("10s"));
}

#[tokio::test]
async fn services_are_listed_and_found() {
    let row = json!({ "name": "agent", "cmd": "/opt/agent", "args": [], "needs": null,
        "http_port": 8080, "state": { "name": "agent", "status": "running", "pid": 7 } });
    let no_service = Answer::json(404, &json!({ "error": "service not found" }));
    let sink =
        Sink::start([Answer::json(200, &json!([row])), Answer::json(200, &row), no_service]).await;
    let sprites = sprites(&sink);
    let all = sprites.services(&name()).await.unwrap();
    assert_eq!(all[0].status(), Some(&ServiceStatus::Running));
    let one = sprites.service(&name(), &service()).await.unwrap().unwrap();
    assert_eq!((one.name.as_str(), one.http_port), ("agent", Some(8080)));
    assert!(sprites.service(&name(), &service()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_same_checkpoint_twice_is_one() {
    let none = || Answer::json(200, &json!([{ "id": "Current" }]));
    let one =
        || Answer::json(200, &json!([{ "id": "Current" }, { "id": "v1", "comment": "base-1" }]));
    let made = lines(&[json!({ "type": "info", "data": "  ID: v1" }), complete()]);
    let sink = Sink::start([none(), made, one(), one()]).await;
    let sprites = sprites(&sink);
    let first = sprites.ensure_checkpoint(&name(), "base-1").await.unwrap();
    assert_eq!(first.id.as_str(), "v1");
    assert_eq!(sprites.ensure_checkpoint(&name(), "base-1").await.unwrap(), first);
    let path = "/v1/sprites/arca-1/checkpoint";
    let look = format!("GET {path}s");
    assert_eq!(sink.calls(), [look.clone(), format!("POST {path}"), look.clone(), look]);
    assert_eq!(sink.seen()[1].json(), json!({ "comment": "base-1" }));
}

#[tokio::test]
async fn a_checkpoint_that_fails_under_200_fails() {
    let failure = lines(&[json!({ "type": "error", "error": "no space" })]);
    let sink = Sink::start([Answer::text(200, "[]"), failure]).await;
    let error = sprites(&sink).ensure_checkpoint(&name(), "base-1").await.unwrap_err();
    assert_eq!(error.to_string(), "the provider failed: no space");
}

#[tokio::test]
async fn a_restore_is_read_to_its_end() {
    let info = || json!({ "type": "info", "data": "Restoring..." });
    let check = async |answer, is_done| {
        let sink = Sink::start([answer]).await;
        let result = sprites(&sink).restore(&name(), &CheckpointId::parse("v1").unwrap()).await;
        assert_eq!(result.is_ok(), is_done, "{result:?}");
        assert_eq!(sink.calls(), ["POST /v1/sprites/arca-1/checkpoints/v1/restore"]);
        assert!(sink.seen()[0].body.is_empty());
    };
    check(lines(&[info(), complete()]), true).await;
    check(lines(&[info(), json!({ "type": "error", "error": "overlay" })]), false).await;
    check(lines(&[info()]), false).await;
    check(missing(), false).await;
}

#[tokio::test]
async fn the_network_policy_is_replaced() {
    let domain = |domain: &str, action| NetworkRule::Domain { domain: domain.to_owned(), action };
    let policy = NetworkPolicy {
        rules: vec![domain("*.example.org", Action::Allow), domain("*", Action::Deny)],
    };
    let text = json!({ "rules": [
        { "domain": "*.example.org", "action": "allow" }, { "domain": "*", "action": "deny" },
    ]});
    let sink = Sink::start([Answer::text(204, ""), Answer::json(200, &text)]).await;
    let sprites = sprites(&sink);
    sprites.set_network_policy(&name(), &policy).await.unwrap();
    assert_eq!(sprites.network_policy(&name()).await.unwrap(), policy);
    let path = "/v1/sprites/arca-1/policy/network";
    assert_eq!(sink.calls(), [format!("POST {path}"), format!("GET {path}")]);
    assert_eq!(sink.seen()[0].json(), text);
}
