//! The description of the JSON APIs that is committed is that of the program.

use std::path::Path;

use serde_json::{Value, json};

#[test]
fn the_committed_description_is_the_programs_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == control::operator::openapi::text(),
        "control/openapi.json is old: control openapi > control/openapi.json writes it anew"
    );
}

#[test]
fn whatever_an_operator_changes_may_be_refused_to_who_only_looks() {
    let description: Value = serde_json::from_str(&control::operator::openapi::text()).unwrap();
    let items = description["paths"].as_object().unwrap();
    for (path, item) in items {
        let of_operators = item.as_object().unwrap().iter();
        for (method, operation) in of_operators.filter(|(_, it)| it["tags"] == json!(["operator"]))
        {
            let is_refused = operation["responses"]["403"].is_object();
            assert_eq!(is_refused, method != "get", "{method} {path}");
        }
    }
}
