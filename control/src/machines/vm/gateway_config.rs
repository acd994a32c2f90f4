//! The gateway's configuration for one workspace. Pure.

use serde_json::{Map, Value, json};
use shared::owner_tools;

use super::layout::{GATEWAY_LOG, GATEWAY_PORT};

/// Of each of the gateway's log files, where the operator's template has no other wish: its own
/// default of a hundred times as much fills a disk.
const LOG_MAX_BYTES: u64 = 1 << 20;

/// Completes `template`: its port, whose pages it serves, the customer's skills, and what their
/// assistant may not do although its words count as its owner's ([`owner_tools`]).
///
/// Everything else, such as which models there are, is the operator's.
pub fn render(template: &Value, public_url: &str, skills: &[String]) -> String {
    let mut config = template.clone();
    set(&mut config, &["gateway", "port"], json!(GATEWAY_PORT));
    set(&mut config, &["gateway", "controlUi", "allowedOrigins"], json!([public_url]));
    set(&mut config, &["logging", "file"], json!(GATEWAY_LOG));
    if !config["logging"]["maxFileBytes"].is_u64() {
        set(&mut config, &["logging", "maxFileBytes"], json!(LOG_MAX_BYTES));
    }
    set(&mut config, &["agents", "defaults", "skills"], json!(skills));
    set(&mut config, &["skills", "allowBundled"], json!(skills));
    let denied = owner_tools::completed(&config);
    set(&mut config, &["tools", "deny"], denied);
    let mut text = serde_json::to_string_pretty(&config).expect("a value is JSON");
    text.push('\n');
    text
}

/// Makes the objects on the way; what is no object there is replaced.
fn set(config: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *config = value;
        return;
    };
    if !config.is_object() {
        *config = Value::Object(Map::new());
    }
    let object = config.as_object_mut().expect("it is one now");
    set(object.entry(*first).or_insert(Value::Null), rest, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_workspace_is_filled_in_and_the_rest_is_kept() {
        let template = json!({
            "gateway": { "mode": "local", "port": 9 },
            "models": { "mode": "replace" },
            "skills": { "entries": { "github": { "enabled": false } } },
            "tools": { "profile": "messaging", "deny": ["gateway", "exec"] },
        });
        let skills = ["weather".to_owned()];
        let text = render(&template, "https://ada.arca.test", &skills);
        let seen: Value = serde_json::from_str(&text).unwrap();
        let expected = json!({
            "gateway": {
                "mode": "local", "port": 3001,
                "controlUi": { "allowedOrigins": ["https://ada.arca.test"] },
            },
            "models": { "mode": "replace" },
            "logging": { "file": GATEWAY_LOG, "maxFileBytes": LOG_MAX_BYTES },
            "agents": { "defaults": { "skills": ["weather"] } },
            "skills": {
                "entries": { "github": { "enabled": false } },
                "allowBundled": ["weather"],
            },
            "tools": { "profile": "messaging", "deny": seen["tools"]["deny"] },
        });
        assert_eq!(seen, expected);
        assert_eq!(seen["tools"]["deny"][1], "exec");
        assert!(owner_tools::missing(&seen).is_empty(), "{seen}");
    }

    #[test]
    fn the_same_workspace_gives_the_same_text() {
        let render = || render(&json!({}), "https://ada.arca.test", &[]);
        assert_eq!(render(), render());
    }
}
