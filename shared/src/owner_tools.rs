//! The tools that OpenClaw gives to the assistant of its owner only, but for the one that plans.
//!
//! What a customer says counts as its owner's, so that their assistant can plan. It does only
//! while the gateway's configuration denies the rest: control writes that, and the agent looks.

use serde_json::Value;

/// In OpenClaw 2026.9.6 they are offered where `senderIsOwner` is set. `automations` is not here.
pub const DENIED: [&str; 13] = [
    "gateway",
    "plugins",
    "openclaw",
    "sessions",
    "screen",
    "terminal",
    "portal",
    "nodes",
    "computer",
    "mobile_ui",
    "conversations_list",
    "conversations_send",
    "conversations_turn",
];

/// Those that `tools.deny` of an `openclaw.json` does not name. A denial holds over whatever else
/// the configuration allows, also to one assistant.
pub fn missing(config: &Value) -> Vec<&'static str> {
    let denied = config.pointer("/tools/deny").and_then(Value::as_array);
    let denied: Vec<_> = denied.into_iter().flatten().filter_map(Value::as_str).collect();
    let is_denied =
        |tool: &str| denied.iter().map(|name| name.trim()).any(|name| name == "*" || name == tool);
    DENIED.into_iter().filter(|tool| !is_denied(tool)).collect()
}

/// `tools.deny` as it is, and what it lacks.
pub fn completed(config: &Value) -> Value {
    let denied = config.pointer("/tools/deny").and_then(Value::as_array);
    let mut denied = denied.cloned().unwrap_or_default();
    denied.extend(missing(config).into_iter().map(Value::from));
    denied.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_denied_is_missing_and_what_is_there_stays() {
        let check = |config: Value, expected: &[&str]| {
            assert_eq!(missing(&config), expected, "{config}");
            assert!(missing(&json!({"tools": {"deny": completed(&config)}})).is_empty());
        };
        check(json!({}), &DENIED);
        check(json!({"tools": []}), &DENIED);
        check(json!({"tools": {"deny": "gateway"}}), &DENIED);
        check(json!({"tools": {"deny": ["*"]}}), &[]);
        check(json!({"tools": {"deny": ["exec", " gateway"]}}), &DENIED[1..]);
        let own = json!({"tools": {"deny": ["exec"]}});
        assert_eq!(completed(&own)[0], "exec");
    }
}
