//! The table of methods, held against what the gateway has, and at work.

use std::collections::HashMap;

use serde_json::{Value, json};
use sprite_agent::gateway::methods::{METHODS, SCOPES, is_allowed};

use crate::gateway::Gateway;
use crate::page::Page;
use crate::running::Running;

/// Methods and the scope each needs, as recorded from the release that is pinned.
const FEATURES: &str = include_str!("../../../tests/fakes/src/gateway/features.json");

/// Methods whose scope depends on the parameters. With those that the table lets
/// pass, `operator.write` is enough; the record says what they need at most.
const BY_PARAMETERS: &[&str] = &["sessions.delete", "sessions.patch"];

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
        let is_enough = SCOPES.contains(&scope.as_str()) || BY_PARAMETERS.contains(&method.name);
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
