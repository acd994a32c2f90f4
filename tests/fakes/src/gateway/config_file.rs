//! The gateway's `openclaw.json`: what it refuses, and what `doctor` mends.
//!
//! Pure: text in, verdict out. The real file is JSON5 and its schema runs to
//! thousands of keys; this one reads JSON and checks the two outer levels,
//! which is where a caller's own mistakes show.

use serde_json::{Map, Value};

/// Top-level keys of OpenClaw 2026.9.6 (`openclaw config schema`).
const ROOT_KEYS: &[&str] = &[
    "$schema",
    "meta",
    "env",
    "wizard",
    "diagnostics",
    "logging",
    "update",
    "telemetry",
    "browser",
    "ui",
    "secrets",
    "auth",
    "accessGroups",
    "acp",
    "models",
    "nodeHost",
    "agents",
    "worktreeRoot",
    "worktreeAcceleration",
    "tools",
    "security",
    "bindings",
    "broadcast",
    "attachments",
    "messages",
    "tts",
    "commands",
    "approvals",
    "session",
    "cron",
    "transcripts",
    "hooks",
    "channels",
    "discovery",
    "talk",
    "gateway",
    "cloudWorkers",
    "desktop",
    "memory",
    "mcp",
    "skills",
    "plugins",
    "surfaces",
    "proxy",
];

/// Keys of `gateway` in the same release.
const GATEWAY_KEYS: &[&str] = &[
    "port",
    "mode",
    "bind",
    "customBindHost",
    "publicOrigin",
    "portals",
    "controlUi",
    "cliAgents",
    "terminal",
    "auth",
    "roles",
    "trustedProxies",
    "allowRealIpFallback",
    "tools",
    "tailscale",
    "remote",
    "reload",
    "tls",
    "http",
    "push",
    "nodes",
];

/// The parts of the file the fake acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFile {
    pub port: Option<u16>,
    /// May hold a `${NAME}` of the environment. Comes before the environment's own.
    pub token: Option<String>,
    pub auth_mode: Option<String>,
    /// Exact origins, or `*`.
    pub allowed_origins: Vec<String>,
    /// Addresses of proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<String>,
    pub control_ui_enabled: bool,
    /// Where the control UI lives; empty for `/`.
    pub base_path: String,
    pub chat_completions_enabled: bool,
    /// `agents.defaults.skills`; `None` shows every skill to the agent.
    pub agent_skills: Option<Vec<String>>,
    /// `skills.allowBundled`; `None` allows every bundled skill.
    pub allowed_skills: Option<Vec<String>>,
    /// `skills.entries.<key>.enabled` where it is false.
    pub disabled_skills: Vec<String>,
    /// `tools.deny`.
    pub denied_tools: Vec<String>,
}

impl ConfigFile {
    /// Whether an owner's assistant has `tool`, of the group that plans things.
    pub fn offers(&self, tool: &str) -> bool {
        let denies = |name: &String| name == tool || name == "group:automation" || name == "cron";
        !self.denied_tools.iter().any(denies)
    }
}

/// Why a gateway with this file does not start (exit code 78).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("the file is not JSON: {0}")]
    NotJson(String),
    #[error("<root>: must be an object")]
    NotAnObject,
    #[error("{at}: Unrecognized key: \"{key}\"")]
    UnknownKey { at: &'static str, key: String },
    #[error("Gateway start blocked: existing config is missing gateway.mode.")]
    ModeMissing,
    #[error("{at}: Invalid input: expected {expected}")]
    WrongType { at: &'static str, expected: &'static str },
    /// The real gateway says so in its log only, and on its standard error something else.
    #[error("trusted-proxy and token auth are mutually exclusive")]
    TwoAuthModes,
    #[error("plugin {0} failed to load: Error: boom")]
    PluginCrashed(String),
}

impl ConfigError {
    /// The real gateway's exit code, which is not the one for configurations every time.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::TwoAuthModes | Self::PluginCrashed(_) => 1,
            _ => 78,
        }
    }
}

/// A plugin of this name crashes the gateway that loads it.
const CRASHING_PLUGIN: &str = "crashing-plugin";

type IsRight = fn(&Value) -> bool;

/// Values whose type is looked at: where, what is expected, and whether it is that.
const TYPES: &[(&str, &str, IsRight)] = &[
    ("/gateway/port", "number", Value::is_u64),
    ("/gateway/mode", "string", Value::is_string),
    ("/gateway/trustedProxies", "array", Value::is_array),
    ("/agents/defaults/skills", "array", Value::is_array),
];

/// Reads the file as a starting gateway does.
///
/// # Errors
/// The first thing that keeps a gateway from starting.
pub fn parse(text: &str) -> Result<ConfigFile, ConfigError> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| ConfigError::NotJson(error.to_string()))?;
    let root = value.as_object().ok_or(ConfigError::NotAnObject)?;
    if let Some(key) = unknown(root, ROOT_KEYS) {
        return Err(ConfigError::UnknownKey { at: "<root>", key });
    }
    let gateway = root.get("gateway").and_then(Value::as_object);
    if let Some(key) = gateway.and_then(|gateway| unknown(gateway, GATEWAY_KEYS)) {
        return Err(ConfigError::UnknownKey { at: "gateway", key });
    }
    if gateway.and_then(|gateway| gateway.get("mode")).is_none() {
        return Err(ConfigError::ModeMissing);
    }
    for (at, expected, is_right) in TYPES {
        if value.pointer(at).is_some_and(|found| !is_right(found)) {
            return Err(ConfigError::WrongType { at, expected });
        }
    }
    let plugins = value.pointer("/plugins/allow").map(strings).unwrap_or_default();
    if let Some(plugin) = plugins.into_iter().find(|plugin| plugin == CRASHING_PLUGIN) {
        return Err(ConfigError::PluginCrashed(plugin));
    }
    let file = read(&value);
    if file.auth_mode.as_deref() == Some("trusted-proxy") {
        return Err(ConfigError::TwoAuthModes);
    }
    Ok(file)
}

/// Removes what `parse` does not know, switches off the skills that cannot
/// run here (`unusable`), and says what it changed.
///
/// Like the real doctor it does not invent a missing `gateway.mode`, so that
/// a gateway may still refuse the mended file.
///
/// # Errors
/// `NotJson` and `NotAnObject` cannot be mended: the file stays as it is.
pub fn repair(text: &str, unusable: &[&str]) -> Result<(Value, Vec<String>), ConfigError> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| ConfigError::NotJson(error.to_string()))?;
    let root = value.as_object_mut().ok_or(ConfigError::NotAnObject)?;
    let mut changes = remove_unknown(root, ROOT_KEYS, "");
    if let Some(gateway) = root.get_mut("gateway").and_then(Value::as_object_mut) {
        changes.extend(remove_unknown(gateway, GATEWAY_KEYS, "gateway."));
    }
    for skill in unusable {
        let entry = child(child(child(root, "skills"), "entries"), skill);
        if entry.get("enabled") != Some(&Value::Bool(false)) {
            entry.insert("enabled".to_owned(), Value::Bool(false));
            changes.push(format!("disabled skill {skill}: its program is not installed"));
        }
    }
    Ok((value, changes))
}

fn remove_unknown(object: &mut Map<String, Value>, known: &[&str], at: &str) -> Vec<String> {
    let mut changes = Vec::new();
    while let Some(key) = unknown(object, known) {
        object.remove(&key);
        changes.push(format!("removed unknown key {at}{key}"));
    }
    changes
}

/// The object at `key`, put there if anything else stands in its place.
fn child<'a>(object: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = object.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("just made one")
}

fn unknown(object: &Map<String, Value>, known: &[&str]) -> Option<String> {
    object.keys().find(|key| !known.contains(&key.as_str())).cloned()
}

fn read(root: &Value) -> ConfigFile {
    let text = |path: &str| root.pointer(path).and_then(Value::as_str);
    let flag = |path: &str| root.pointer(path).and_then(Value::as_bool);
    let list = |path: &str| root.pointer(path).map(strings);
    let entries = root.pointer("/skills/entries").and_then(Value::as_object);
    ConfigFile {
        port: root
            .pointer("/gateway/port")
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok()),
        token: text("/gateway/auth/token").map(str::to_owned),
        auth_mode: text("/gateway/auth/mode").map(str::to_owned),
        allowed_origins: list("/gateway/controlUi/allowedOrigins").unwrap_or_default(),
        trusted_proxies: list("/gateway/trustedProxies").unwrap_or_default(),
        control_ui_enabled: flag("/gateway/controlUi/enabled").unwrap_or(true),
        base_path: text("/gateway/controlUi/basePath")
            .unwrap_or_default()
            .trim_end_matches('/')
            .to_owned(),
        chat_completions_enabled: flag("/gateway/http/endpoints/chatCompletions/enabled")
            .unwrap_or(false),
        agent_skills: list("/agents/defaults/skills"),
        allowed_skills: list("/skills/allowBundled"),
        disabled_skills: entries
            .into_iter()
            .flatten()
            .filter(|(_, entry)| entry.get("enabled") == Some(&Value::Bool(false)))
            .map(|(key, _)| key.clone())
            .collect(),
        denied_tools: list("/tools/deny").unwrap_or_default(),
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../fixtures/config-token-mode.json");

    #[test]
    fn the_recorded_config_starts_a_gateway() {
        let config = parse(GOOD).expect("it started the real one");
        assert_eq!(config.port, Some(3001));
        assert_eq!(config.base_path, "/openclaw");
        assert_eq!(config.allowed_origins, ["https://cust1.example.test"]);
        assert_eq!(config.disabled_skills, ["github"]);
        assert!(config.chat_completions_enabled);
    }

    #[test]
    fn what_keeps_a_gateway_from_starting_is_named() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
        };
        check(r#"{"bogus":1,"gateway":{"mode":"local"}}"#, r#"<root>: Unrecognized key: "bogus""#);
        check(r#"{"gateway":{"mode":"local","zork":1}}"#, r#"gateway: Unrecognized key: "zork""#);
        check("[]", "<root>: must be an object");
        check(
            r#"{"gateway":{"mode":"local","port":"3001"}}"#,
            "/gateway/port: Invalid input: expected number",
        );
        assert_eq!(parse(r#"{"gateway":{}}"#), Err(ConfigError::ModeMissing));
        assert_eq!(parse("{}"), Err(ConfigError::ModeMissing));
        assert!(matches!(parse("{ nope"), Err(ConfigError::NotJson(_))));
    }

    #[test]
    fn doctor_removes_unknown_keys_and_says_so() {
        let (mended, changes) =
            repair(r#"{"bogus":1,"gateway":{"zork":2,"mode":"local","port":3001}}"#, &[])
                .expect("it is JSON");
        assert_eq!(changes, ["removed unknown key bogus", "removed unknown key gateway.zork"]);
        let config = parse(&mended.to_string()).expect("mended");
        assert_eq!(config.port, Some(3001), "what was good stays");
    }

    #[test]
    fn doctor_does_not_invent_a_mode() {
        let (mended, _) = repair("{}", &[]).expect("it is JSON");
        assert_eq!(parse(&mended.to_string()), Err(ConfigError::ModeMissing));
    }

    #[test]
    fn doctor_switches_off_what_cannot_run_and_twice_is_once() {
        let (mended, changes) = repair(GOOD, &["summarize"]).expect("it is JSON");
        assert_eq!(changes.len(), 1, "{changes:?}");
        let (_, again) = repair(&mended.to_string(), &["summarize"]).expect("it is JSON");
        assert_eq!(again, Vec::<String>::new());
    }
}
