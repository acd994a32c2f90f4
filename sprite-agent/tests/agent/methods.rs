//! The table of methods, held against what the gateway has, and at work.

use std::collections::HashMap;

use serde_json::{Value, json};
use sprite_agent::gateway::control_ui_methods::{ALLOWED, REFUSED};
use sprite_agent::gateway::methods::{Carrier, METHODS, OWN_SCOPES, SCOPES, is_allowed};

use crate::gateway::Gateway;
use crate::page::Page;
use crate::running::Running;

/// Methods and the scope each needs, as recorded from the release that is pinned.
const FEATURES: &str = include_str!("../../../tests/fakes/src/gateway/features.json");

/// Methods whose scope depends on the parameters. With those that the table lets
/// pass, `operator.write` is enough; the record says what they need at most.
const BY_PARAMETERS: &[&str] = &["sessions.delete", "sessions.patch"];

/// Within the same scopes, and not in the list that the gateway tells: found in its source.
const UNADVERTISED: &[&str] = &[
    "poll",
    "push.test",
    "push.web.subscribe",
    "push.web.test",
    "push.web.unsubscribe",
    "push.web.vapidPublicKey",
    "sessions.get",
    "sessions.resolve",
    "sessions.steer",
    "sessions.usage",
    "sessions.usage.logs",
    "sessions.usage.timeseries",
];

fn recorded() -> HashMap<String, String> {
    let features: Value = serde_json::from_str(FEATURES).unwrap();
    serde_json::from_value(
        features["methods"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    )
    .unwrap()
}

#[test]
fn every_method_of_the_table_exists_and_needs_no_more_than_our_scopes() {
    let recorded = recorded();
    for method in METHODS {
        let scope = recorded.get(method.name).unwrap_or_else(|| panic!("{method:?} is unknown"));
        let scopes = if method.carrier == Carrier::Own { OWN_SCOPES } else { SCOPES };
        let is_enough = scopes.contains(&scope.as_str()) || BY_PARAMETERS.contains(&method.name);
        assert!(is_enough, "{method:?} needs {scope}");
    }
}

#[test]
fn what_the_table_does_not_name_is_refused_whatever_scope_it_needs() {
    let recorded = recorded();
    assert!(recorded.len() > 400, "the record is whole");
    let passing = recorded.keys().filter(|name| is_allowed(name)).count();
    assert_eq!(passing, METHODS.len());
}

#[test]
fn every_method_that_the_gateways_own_page_could_reach_is_allowed_or_refused_by_name() {
    let within_reach =
        |name: &str, scope: &str| SCOPES.contains(&scope) || BY_PARAMETERS.contains(&name);
    let mut reachable: Vec<_> = recorded()
        .into_iter()
        .filter(|(name, scope)| within_reach(name, scope))
        .map(|(name, _)| name)
        .chain(UNADVERTISED.iter().map(ToString::to_string))
        .collect();
    let mut named: Vec<_> = ALLOWED.iter().chain(REFUSED).map(ToString::to_string).collect();
    reachable.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, reachable);
}

#[tokio::test]
async fn a_parameter_that_is_not_in_the_table_is_named_and_the_connection_kept() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    let evil = json!({"key": "agent:main:x", "label": "x", "permissionMode": "full"});
    let refused = page.ask("sessions.patch", &evil).await;
    assert_eq!(refused["error"]["code"], "FORBIDDEN");
    let message = "parameter \"permissionMode\" is not available here";
    assert_eq!(refused["error"]["message"], message);
    let hasty = json!({"key": "agent:main:x", "expectedSessionId": "s"});
    assert_eq!(page.ask("sessions.delete", &hasty).await["error"]["code"], "FORBIDDEN");
    let renamed = page.ask("sessions.patch", &json!({"key": "agent:main:x", "label": "y"})).await;
    assert_eq!(renamed["ok"], true, "{renamed}");
    let methods: Vec<_> = gateway.frames().iter().map(|frame| frame["method"].clone()).collect();
    assert_eq!(methods, [json!("connect"), json!("sessions.patch")]);
}

#[tokio::test]
async fn questions_are_carried_by_a_connection_of_the_agents_own() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    assert_eq!(gateway.upgrades().len(), 1, "it is opened when it is needed");
    let answer = json!({"id": "q1", "answers": {"answers": {"colour": ["blue"]}}});
    let resolved = page.ask("question.resolve", &answer).await;
    assert_eq!(resolved["payload"]["echo"], answer);
    assert_eq!(page.ask("exec.approval.list", &json!({})).await["ok"], true);

    let connects: Vec<_> = gateway
        .frames()
        .iter()
        .filter(|frame| frame["method"] == "connect")
        .map(|frame| frame["params"]["scopes"].clone())
        .collect();
    assert_eq!(connects, [json!(SCOPES), json!(OWN_SCOPES)]);
    let own = gateway.upgrades()[1].to_lowercase();
    assert!(own.contains("operator.read,operator.approvals,operator.questions"), "{own}");
}

#[tokio::test]
async fn of_the_own_connections_events_only_those_about_questions_reach_the_page() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    page.ask("question.list", &json!({})).await;
    let sent = page.send("question.resolve", &json!({"id": "events", "cancel": true})).await;
    assert_eq!(page.next().await["event"], "question.requested");
    assert_eq!(page.next().await["id"], sent.as_str());
}

#[tokio::test]
async fn a_question_that_the_gateway_did_not_live_to_answer_is_said_to_be_open() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let mut page = Page::connected(agent.address).await;
    page.ask("question.list", &json!({})).await;
    let pending = page.send("question.resolve", &json!({"id": "hang", "cancel": true})).await;
    page.ask("chat.send", &json!({"message": "hello"})).await;
    gateway.restart();
    assert_eq!(page.answer(&pending).await["error"]["code"], "UNAVAILABLE");
    let mut again = Page::connected(agent.address).await;
    assert_eq!(again.ask("question.list", &json!({})).await["ok"], true);
}
