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
    // How long it was awake came with the answer.
    let counted = "SELECT CASE WHEN counted >= 0 THEN machine ELSE '' END FROM awake_times
                   WHERE username = 'ada'";
    wait_until("its time is kept", Some(name.clone()), async || database.text(counted).await).await;

    town.provider.sleep(&name).await;
    assert_ne!(status(&town, &name).await, "running");
    // Asked right before it was to be woken: who was not asked since is woken all the same.
    let (due, asked) = (unix_millis() + 60_000, unix_millis() - 61_000);
    let soon =
        format!("UPDATE sprites SET next_due_at = {due}, asked_at = {asked} WHERE name = '{name}'");
    database.run(soon).await;
    wait_until("it is awake", "running".to_owned(), async || status(&town, &name).await).await;
    // It says that there is nothing: that is kept.
    let due = "SELECT CASE WHEN next_due_at IS NULL THEN 'nothing' ELSE 'something' END
               FROM sprites WHERE username = 'ada'";
    let due = async || database.text(due).await;
    wait_until("its word is kept", Some("nothing".to_owned()), due).await;
}

/// A reminder is created by the assistant's own word, its machine frozen before it is due.
#[tokio::test]
async fn a_reminder_comes_within_a_minute_of_its_time_although_the_machine_sleeps() {
    const CONVERSATION: &str = "agent:main:x";
    let town = Town::start(1).await;
    let task = town.pay("ada").await;
    town.until_done(&task).await;
    let database = &town.installation.database;
    let name = database.text("SELECT name FROM sprites WHERE username = 'ada'").await.unwrap();
    let mut page = town.page("ada").await;
    let remind = json!({ "sessionKey": CONVERSATION, "message": "REMIND 45",
        "idempotencyKey": "k" });
    assert_eq!(page.request("chat.send", remind).await.unwrap()["ok"], true);
    let jobs = page.request("cron.list", json!({})).await.unwrap();
    let due = jobs["payload"]["jobs"][0]["nextRunAtMs"].as_u64().unwrap();
    drop(page);
    let ask = format!("UPDATE sprites SET asked_at = 0 WHERE name = '{name}'");
    let known = "SELECT CASE WHEN next_due_at IS NULL THEN 'no' ELSE 'yes' END FROM sprites
                 WHERE username = 'ada'";
    // An agent may be asked before it has heard of the reminder itself.
    let known = async || {
        database.run(ask.clone()).await;
        database.text(known).await
    };
    wait_until("control knows", Some("yes".to_owned()), known).await;

    town.provider.freeze(&name).await;
    database.run(ask).await;
    wait_until("it is awake", "running".to_owned(), async || status(&town, &name).await).await;
    let mut page = town.page("ada").await;
    let at = loop {
        let asked = json!({ "sessionKey": CONVERSATION });
        let history = page.request("chat.history", asked).await.unwrap();
        let last = history["payload"]["messages"].as_array().and_then(|all| all.last());
        let last = last.filter(|message| message.to_string().contains("it is time"));
        if let Some(at) = last.and_then(|message| message["timestamp"].as_u64()) {
            break at;
        }
        assert!(unix_millis() < due + 120_000, "{history}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    eprintln!("the reminder came {} ms after its time", at - due);
    assert!(at < due + 60_000);
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
