//! Machines are woken for what their assistants have scheduled, and give out their logs.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::process::time::unix_millis;

use super::installation::Town;
use crate::common::wait_until;

async fn status(town: &Town, name: &str) -> String {
    let sprites = town.provider.sprites().await;
    let sprite = sprites.iter().find(|sprite| sprite["name"] == name);
    sprite.and_then(|sprite| sprite["status"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_machine_that_sleeps_is_woken_before_its_assistant_has_something_to_do() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let database = &town.installation.database;
    let name = database.text("SELECT name FROM sprites WHERE username = 'ada'").await.unwrap();
    // The agent was asked while the machine was awake, and has nothing to do.
    let asked = "SELECT CASE WHEN asked_at > 0 THEN 'yes' ELSE 'no' END FROM sprites
                 WHERE username = 'ada'";
    wait_until("it was asked", Some("yes".to_owned()), async || database.text(asked).await).await;

    town.provider.sleep(&name).await;
    assert_ne!(status(&town, &name).await, "running");
    let due = unix_millis() + 60_000;
    let soon =
        format!("UPDATE sprites SET next_due_at = {due}, asked_at = 0 WHERE name = '{name}'");
    database.run(soon).await;
    wait_until("it is awake", "running".to_owned(), async || status(&town, &name).await).await;
    // It says that there is nothing: that is kept.
    let due = "SELECT CASE WHEN next_due_at IS NULL THEN 'nothing' ELSE 'something' END
               FROM sprites WHERE username = 'ada'";
    let due = async || database.text(due).await;
    wait_until("its word is kept", Some("nothing".to_owned()), due).await;
}

#[tokio::test]
async fn the_log_of_a_workspace_is_fetched_from_its_machine() {
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let logs = async |query: &str| {
        let path = format!("/api/workspaces/ada/logs{query}");
        town.control().api(Method::GET, &path, None).await
    };
    let (code, piece) = logs("").await;
    assert_eq!(code, StatusCode::OK, "{piece}");
    assert!(piece["text"].as_str().unwrap().contains("ready"), "{piece}");
    let (_, rest) = logs(&format!("?after={}", piece["cursor"].as_str().unwrap())).await;
    assert_eq!(rest["more"], json!(false));
    let (code, piece) = logs("?log=agent&since=2026-01-01T00:00:00Z").await;
    assert_eq!(code, StatusCode::OK, "{piece}");
    assert!(piece["text"].as_str().unwrap().contains("the agent of ada"), "{piece}");
    assert_eq!(logs("?log=other").await.0, StatusCode::BAD_REQUEST);
    let (code, _) = town.control().api(Method::GET, "/api/workspaces/bob/logs", None).await;
    assert_eq!(code, StatusCode::NOT_FOUND);
}
