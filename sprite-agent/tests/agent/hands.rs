//! What the agent changes for a page, with rights that the page has not.

use std::collections::HashMap;

use serde_json::{Value, json};
use shared::owner_tools;
use sprite_agent::agent::CHANGES_A_MINUTE;
use sprite_agent::gateway::hands::{HAND_SCOPES, HANDS};
use sprite_agent::gateway::methods::SCOPES;

use crate::gateway::Gateway;
use crate::page::Page;
use crate::running::Running;

const FEATURES: &str = include_str!("../../../tests/fakes/src/gateway/features.json");

#[test]
fn every_change_is_one_that_the_gateway_has() {
    let features: Value = serde_json::from_str(FEATURES).unwrap();
    let methods: HashMap<String, String> =
        serde_json::from_value::<Vec<(String, String)>>(features["methods"].clone())
            .unwrap()
            .into_iter()
            .collect();
    for hand in HANDS {
        assert!(methods.contains_key(hand.gateway), "{hand:?}");
        assert!(!methods.contains_key(hand.name), "{hand:?} is the gateway's own");
    }
}

#[tokio::test]
async fn a_change_is_carried_by_a_connection_that_the_page_never_sees() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let asked = json!({"skill": "weather", "on": false});
    let answer = page.ask("arca.skill.switch", &asked).await;
    assert_eq!((&answer["ok"], &answer["payload"]), (&json!(true), &json!({})), "{answer}");
    let frames = gateway.frames();
    let connects = frames.iter().filter(|frame| frame["method"] == "connect");
    let scopes: Vec<_> = connects.map(|frame| frame["params"]["scopes"].clone()).collect();
    assert_eq!(scopes, [json!(SCOPES), json!(HAND_SCOPES)]);
    let last = frames.last().unwrap();
    assert_eq!(last["method"], "skills.update");
    assert_eq!(last["params"], json!({"skillKey": "weather", "enabled": false}));
    assert_eq!(page.ask("chat.send", &json!({"message": "x"})).await["ok"], true);
}

#[tokio::test]
async fn arguments_that_are_not_in_the_table_reach_nobody() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    for (method, params) in [
        ("arca.skill.switch", json!({"skill": "github", "on": true})),
        ("arca.skill.key", json!({"skill": "weather", "key": "k", "env": {"PATH": "/"}})),
        ("arca.schedule.pause", json!({"id": "1"})),
        ("arca.file.set", json!({"name": "../openclaw.json", "content": "{}"})),
        ("arca.conversation.rewind", json!({"sessionKey": "agent:other:x", "entryId": "e"})),
        ("arca.config.set", json!({})),
        ("skills.update", json!({"skillKey": "weather", "enabled": true})),
        ("cron.update", json!({"id": "1", "patch": {}})),
    ] {
        let refused = page.ask(method, &params).await;
        assert_eq!(refused["error"]["code"], "FORBIDDEN", "{method}: {refused}");
    }
    assert_eq!(gateway.frames().len(), 1, "the page's connect, and nothing else");
}

#[tokio::test]
async fn changes_within_a_minute_are_bounded() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    for _ in 0..CHANGES_A_MINUTE {
        assert_eq!(page.ask("arca.schedule.delete", &json!({"id": "1"})).await["ok"], true);
    }
    let mut other = Page::connected(agent.address).await;
    let refused = other.ask("arca.schedule.delete", &json!({"id": "1"})).await;
    assert_eq!(refused["error"]["code"], "UNAVAILABLE");
    assert!(refused["error"]["retryAfterMs"].as_u64().is_some_and(|wait| wait <= 60_000));
}

/// Only its owner's assistant plans something.
#[tokio::test]
async fn what_is_said_to_the_assistant_comes_from_its_owner_and_a_command_from_the_page() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let said = |message: &str| json!({"message": message, "idempotencyKey": "k"});
    assert_eq!(page.ask("chat.send", &said("/restart")).await["ok"], true);
    assert_eq!(gateway.frames().len(), 2, "the page's connect, and the command");
    let answer = page.ask("chat.send", &said("remind me")).await;
    assert_eq!(answer["payload"]["echo"], said("remind me"), "as it was sent");
    assert_eq!(page.ask("chat.abort", &json!({"sessionKey": "agent:main:x"})).await["ok"], true);
    let frames = gateway.frames();
    let connects = frames.iter().filter(|frame| frame["method"] == "connect");
    let connects: Vec<_> = connects.map(|frame| frame["params"].clone()).collect();
    assert_eq!(connects[1]["scopes"], json!(HAND_SCOPES));
    assert_eq!(connects[1]["caps"], json!([]), "the page hears of tools by itself");
    let after: Vec<_> = frames[2..].iter().map(|frame| frame["method"].clone()).collect();
    assert_eq!(after, ["connect", "config.get", "chat.send", "chat.abort"].map(Value::from));
    assert_eq!(gateway.scopes_of("chat.send"), [json!(SCOPES), json!(HAND_SCOPES)]);

    // One of a page that has no connection yet goes nowhere.
    let mut early = Page::open(agent.address).await;
    early.event("connect.challenge").await;
    let refused = early.ask("chat.send", &said("hello")).await;
    assert_eq!(refused["error"]["details"]["reason"], "not-forwarded", "{refused}");
    assert_eq!(refused["error"]["message"], "connect first", "{refused}");
    assert_eq!(gateway.frames().len(), frames.len());
}

#[tokio::test]
async fn where_an_owner_could_do_more_what_is_said_has_no_more_rights_than_the_page() {
    let gateway = Gateway::start().await;
    gateway.deny(json!(["exec", "gateway"]), true);
    let agent = Running::watching(gateway.address).await;
    let seen = agent.wait_for_health(|health| health["gateway"]["cannot_plan"].is_string()).await;
    let why = seen["gateway"]["cannot_plan"].as_str().unwrap();
    assert!(why.starts_with("tools.deny in openclaw.json lacks plugins, openclaw"), "{why}");
    let mut page = Page::connected(agent.address).await;
    for _ in 0..2 {
        let said = json!({"message": "hello", "idempotencyKey": "k"});
        let answer = page.ask("chat.send", &said).await;
        assert_eq!(answer["payload"]["echo"], said, "it is said all the same");
    }
    assert_eq!(gateway.scopes_of("chat.send"), [json!(SCOPES), json!(SCOPES)]);
    assert_eq!(gateway.scopes_of("config.patch"), [json!(HAND_SCOPES)], "tried once");
}

#[tokio::test]
async fn what_the_configuration_lacks_is_added_once_and_nobody_is_fought_over_it() {
    let gateway = Gateway::start().await;
    gateway.deny(json!(["exec"]), false);
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let said = json!({"message": "remind me"});
    assert_eq!(page.ask("chat.send", &said).await["payload"]["echo"], said);
    assert_eq!(gateway.scopes_of("chat.send"), [json!(HAND_SCOPES)]);
    let denied = gateway.seen.configuration.lock().unwrap().denied.clone();
    assert_eq!(denied[0], "exec", "what was there stays");
    assert!(owner_tools::missing(&json!({"tools": {"deny": denied}})).is_empty(), "{denied}");

    // The assistant has a shell, and takes it out again.
    gateway.deny(json!(["exec"]), false);
    assert_eq!(page.ask("chat.send", &said).await["payload"]["echo"], said);
    assert_eq!(gateway.scopes_of("chat.send"), [json!(HAND_SCOPES), json!(SCOPES)]);
    assert_eq!(gateway.scopes_of("config.patch").len(), 1);
}
