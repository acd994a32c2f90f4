//! What a sprite may do. Kept and shown, not enforced: from here there is no
//! way out to the Internet in any case.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fleet::Fleet;
use super::refusal::Refusal;

/// Rules of one network policy.
const RULES_MAX: usize = 256;

pub fn router() -> Router<Arc<Fleet>> {
    Router::new().route("/v1/sprites/{name}/policy/{kind}", get(show).post(set).delete(remove))
}

async fn show(
    State(fleet): State<Arc<Fleet>>,
    Path((name, kind)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let sprite = fleet.find(&name)?;
    let unset = unset(&kind)?;
    Ok(Json(sprite.record().policies.get(&kind).cloned().unwrap_or(unset)))
}

async fn set(
    State(fleet): State<Arc<Fleet>>,
    Path((name, kind)): Path<(String, String)>,
    Json(policy): Json<Value>,
) -> Result<StatusCode, Refusal> {
    let sprite = fleet.find(&name)?;
    unset(&kind)?;
    check(&kind, &policy).map_err(Refusal::bad_request)?;
    sprite.change(|record| record.policies.insert(kind, policy))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(fleet): State<Arc<Fleet>>,
    Path((name, kind)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let sprite = fleet.find(&name)?;
    unset(&kind)?;
    if kind == "network" {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"));
    }
    sprite.change(|record| record.policies.remove(&kind))?;
    Ok(StatusCode::NO_CONTENT)
}

fn unset(kind: &str) -> Result<Value, Refusal> {
    match kind {
        // No rules: unrestricted.
        "network" => Ok(json!({"rules": []})),
        "privileges" => Ok(json!({"profile": ""})),
        "resources" => Ok(json!({})),
        _ => Err(Refusal::not_found("not found")),
    }
}

fn check(kind: &str, policy: &Value) -> Result<(), String> {
    match kind {
        "network" => {
            let rules = policy["rules"].as_array().ok_or("rules must be a list")?;
            if rules.len() > RULES_MAX {
                return Err(format!("at most {RULES_MAX} rules"));
            }
            rules.iter().try_for_each(rule)
        }
        "privileges" => match policy["profile"].as_str().unwrap_or_default() {
            "" | "minimal" | "standard" | "privileged" => Ok(()),
            other => Err(format!("unknown profile: {other}")),
        },
        _ => policy.is_object().then_some(()).ok_or_else(|| "policy must be an object".to_owned()),
    }
}

fn rule(rule: &Value) -> Result<(), String> {
    let includes = rule["include"].is_string() && rule["domain"].is_null();
    let decides = rule["domain"].as_str().is_some_and(|domain| !domain.is_empty())
        && matches!(rule["action"].as_str(), Some("allow" | "deny"));
    (includes || decides).then_some(()).ok_or_else(|| format!("invalid rule: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_includes_a_set_or_decides_on_a_domain() {
        let good = json!({"rules": [
            {"include": "defaults"},
            {"domain": "*.example.org", "action": "allow"},
            {"domain": "*", "action": "deny"},
        ]});
        assert_eq!(check("network", &good), Ok(()));
        assert_eq!(check("network", &json!({"rules": []})), Ok(()));
        for bad in [json!({"domain": "a", "action": "maybe"}), json!({"action": "deny"})] {
            assert!(check("network", &json!({"rules": [bad]})).is_err(), "{bad}");
        }
        assert!(check("network", &json!({})).is_err());
    }
}
