//! Sprites made, found, listed and deleted; what is unknown stays unknown.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use vendors::Again;
use vendors::sprites::address::Probe;
use vendors::sprites::{
    Existence, NewSprite, SpriteName, SpriteStatus, Sprites, SpritesError, UrlAuth,
};

use super::sink::{Answer, Sink, secret};

const TOKEN: &str = "org/1/2/never-printed";

pub(crate) fn sprites(sink: &Sink) -> Sprites {
    Sprites::new(&sink.url, &secret(TOKEN)).unwrap()
}

pub(crate) fn name() -> SpriteName {
    SpriteName::parse("arca-1").unwrap()
}

pub(crate) fn missing() -> Answer {
    Answer::json(404, &json!({ "error": "sprite not found" }))
}

fn new() -> NewSprite {
    NewSprite {
        name: name(),
        labels: vec!["arcamatrix".to_owned(), "task-1".to_owned()],
        auth: UrlAuth::Public,
    }
}

fn sprite() -> Value {
    json!({
        "id": "sprite-1", "name": "arca-1", "organization": "org", "status": "cold",
        "url": "https://arca-1-bhmkr.sprites.app", "url_settings": { "auth": "public" },
        "labels": ["arcamatrix", "task-1"], "created_at": "2026-01-13T10:30:00Z",
    })
}

fn exists() -> Answer {
    Answer::json(409, &json!({ "error": "sprite already exists" }))
}

#[tokio::test]
async fn a_sprite_is_made_with_labels_and_an_open_url() {
    let sink = Sink::start([Answer::json(201, &sprite())]).await;
    let made = sprites(&sink).ensure(&new()).await.unwrap();
    assert_eq!(made.address().unwrap().as_str(), "https://arca-1-bhmkr.sprites.app");
    assert_eq!(made.status, Some(SpriteStatus::Cold));
    assert_eq!(sink.calls(), ["POST /v1/sprites"]);
    let expected = json!({
        "name": "arca-1", "url_settings": { "auth": "public" },
        "labels": ["arcamatrix", "task-1"], "wait_for_capacity": true,
    });
    let seen = &sink.seen()[0];
    assert_eq!(seen.json(), expected);
    assert_eq!(seen.header("authorization"), Some("Bearer org/1/2/never-printed"));
}

#[tokio::test]
async fn the_same_sprite_twice_is_one() {
    let sink =
        Sink::start([Answer::json(201, &sprite()), exists(), Answer::json(200, &sprite())]).await;
    let sprites = sprites(&sink);
    let first = sprites.ensure(&new()).await.unwrap();
    assert_eq!(sprites.ensure(&new()).await.unwrap().id, first.id);
    assert_eq!(sink.calls(), ["POST /v1/sprites", "POST /v1/sprites", "GET /v1/sprites/arca-1"]);
}

#[tokio::test]
async fn a_sprite_whose_making_was_cut_off_is_found() {
    for obstacle in [Answer::HangUp, exists(), Answer::text(400, r#"{"error":"name exists"}"#)] {
        let sink = Sink::start([obstacle, Answer::json(200, &sprite())]).await;
        assert_eq!(sprites(&sink).ensure(&new()).await.unwrap().id.as_deref(), Some("sprite-1"));
    }
    let sink = Sink::start([Answer::HangUp, missing()]).await;
    let error = sprites(&sink).ensure(&new()).await.unwrap_err();
    assert!(matches!(error, SpritesError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn somebody_elses_sprite_is_not_taken() {
    let mut theirs = sprite();
    theirs["labels"] = json!(["arcamatrix"]);
    let sink = Sink::start([exists(), Answer::json(200, &theirs)]).await;
    let error = sprites(&sink).ensure(&new()).await.unwrap_err();
    assert_eq!(error.to_string(), "sprite arca-1 exists and is not ours");
    assert_eq!(error.again(), Again::Never);
}

#[tokio::test]
async fn a_url_setting_that_was_ignored_is_set() {
    let mut closed = sprite();
    closed["url_settings"] = json!({ "auth": "sprite" });
    let sink = Sink::start([Answer::json(201, &closed), Answer::json(200, &sprite())]).await;
    let made = sprites(&sink).ensure(&new()).await.unwrap();
    assert_eq!(made.auth(), Some(&UrlAuth::Public));
    assert_eq!(sink.calls()[1], "PUT /v1/sprites/arca-1");
    assert_eq!(sink.seen()[1].json(), json!({ "url_settings": { "auth": "public" } }));
}

#[tokio::test]
async fn the_two_limits_are_told_apart() {
    let check = async |body: Value, again| {
        let limited = || Answer::json(429, &body).header("retry-after", "9");
        let sink = Sink::start([limited(), missing()]).await;
        let error = sprites(&sink).ensure(&new()).await.unwrap_err();
        assert_eq!(error.again(), again, "{error}");
        let sink = Sink::start([limited(), Answer::json(200, &sprite())]).await;
        assert!(sprites(&sink).ensure(&new()).await.is_ok(), "an earlier call had made it");
    };
    let limited = json!({ "error": "sprite_creation_rate_limited", "retry_after_seconds": 30 });
    check(limited, Again::After(Duration::from_secs(30))).await;
    check(json!({ "error": "concurrent_sprite_limit_exceeded" }), Again::Never).await;
}

#[tokio::test]
async fn a_sprite_exists_or_is_gone_or_nobody_knows() {
    let check = async |answer, expected: &str| {
        let sink = Sink::start([answer]).await;
        let existence = sprites(&sink).look(&name()).await;
        let seen = match &existence {
            Existence::Exists(_) => "exists",
            Existence::Gone => "gone",
            Existence::Unknown(_) => "unknown",
        };
        assert_eq!(seen, expected, "{existence:?}");
    };
    check(Answer::json(200, &sprite()), "exists").await;
    check(missing(), "gone").await;
    check(Answer::text(404, "<html>404</html>"), "unknown").await;
    check(Answer::json(401, &json!({ "error": "authentication failed" })), "unknown").await;
    check(Answer::text(503, ""), "unknown").await;
    check(Answer::text(200, "{"), "unknown").await;
    check(Answer::text(302, "").header("location", "https://sprites.dev/"), "unknown").await;
    check(Answer::HangUp, "unknown").await;
}

#[tokio::test]
async fn deleting_twice_is_deleting_once() {
    let sink = Sink::start([Answer::text(204, ""), missing(), Answer::text(404, "<html>")]).await;
    let sprites = sprites(&sink);
    sprites.delete(&name()).await.unwrap();
    sprites.delete(&name()).await.unwrap();
    assert!(sprites.delete(&name()).await.is_err(), "a proxy's 404 proves nothing");
    assert_eq!(sink.calls()[0], "DELETE /v1/sprites/arca-1");
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let page = |names: &[&str], next: Option<&str>| {
        let rows: Vec<_> =
            names.iter().map(|name| json!({ "name": name, "org_slug": "o" })).collect();
        Answer::json(
            200,
            &json!({
                "sprites": rows, "has_more": next.is_some(), "next_continuation_token": next,
                "running_limit": 3, "running": 1, "name": "org",
            }),
        )
    };
    let sink = Sink::start([page(&["a", "b"], Some("t/1 +")), page(&["c"], None)]).await;
    let fleet = sprites(&sink).list("arca-").await.unwrap();
    let names: Vec<_> = fleet.sprites.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!((fleet.running_limit, fleet.running), (Some(3), Some(1)));
    let seen = sink.seen();
    assert_eq!(seen[0].query("prefix"), Some("arca-"));
    assert_eq!(seen[0].query("max_results"), Some("50"));
    assert_eq!(seen[0].query("continuation_token"), None);
    assert_eq!(seen[1].query("continuation_token"), Some("t/1 +"));
}

#[tokio::test]
async fn a_page_that_fails_fails_the_list() {
    let first = json!({ "sprites": [], "has_more": true, "next_continuation_token": "t" });
    let sink = Sink::start([Answer::json(200, &first), Answer::text(503, "")]).await;
    assert!(sprites(&sink).list("").await.is_err());
}

#[tokio::test]
async fn a_probe_carries_the_vms_own_token_and_meets_no_wall() {
    let sink = Sink::start([
        Answer::text(200, "ready"),
        Answer::text(302, "").header("location", "https://sprites.dev/auth/sprite"),
        Answer::HangUp,
    ])
    .await;
    let sprites = sprites(&sink);
    let probe = async || sprites.probe(&sink.url, "/pflaster/health", &secret("health")).await;
    let answered = probe().await;
    assert!(
        matches!(&answered, Probe::Answered { status: StatusCode::OK, body } if body == b"ready"),
        "{answered:?}"
    );
    assert!(matches!(probe().await, Probe::Walled));
    assert!(matches!(probe().await, Probe::Silent(_)));
    let seen = &sink.seen()[0];
    assert_eq!(seen.path, "/pflaster/health");
    assert_eq!(seen.headers.get_all("authorization").iter().count(), 1);
    assert_eq!(seen.header("authorization"), Some("Bearer health"));
}
