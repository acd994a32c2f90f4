//! The keys that skills need: set one by one, and told of without being shown.

use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const KEY_MAX_BYTES: usize = 4 << 10;

/// Twice the longest one of OpenClaw's own skills.
const VARIABLE_MAX_BYTES: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkillKey {
    pub(super) skill: String,
    key: String,
    /// A variable, of a skill that has no key of its own or needs more than that.
    name: Option<String>,
}

/// The parameters for `skills.update`.
///
/// # Errors
/// Names the parameter that is not available.
pub(super) fn update(asked: SkillKey) -> Result<Value, &'static str> {
    let SkillKey { skill, key, name } = asked;
    if key.len() > KEY_MAX_BYTES || key.contains(char::is_control) {
        return Err("key");
    }
    match name {
        None => Ok(json!({"skillKey": skill, "apiKey": key})),
        Some(name) if is_of_a_key(&name) => Ok(json!({"skillKey": skill, "env": {name: key}})),
        Some(_) => Err("name"),
    }
}

/// What other variables do to a program is not for a page to say.
fn is_of_a_key(variable: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_named = |end: &&str| variable.len() > end.len() && variable.ends_with(*end);
    variable.len() <= VARIABLE_MAX_BYTES
        && variable.bytes().all(is_plain)
        && ["_KEY", "_TOKEN"].iter().any(is_named)
}

/// The skills that have a key in `config`, whose secrets may be blotted out.
pub(super) fn kept(config: &Value) -> Vec<Value> {
    let is_there = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(parts) => !parts.is_empty(),
        _ => false,
    };
    let entries = config["skills"]["entries"].as_object().into_iter().flatten();
    let keyed = entries.filter(|(_, entry)| is_there(&entry["apiKey"]) || is_there(&entry["env"]));
    keyed.map(|(name, _)| name.as_str().into()).collect()
}
