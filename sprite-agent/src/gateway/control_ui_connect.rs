//! The `connect` of the gateway's own page, and the gateway's answer to it. Pure.
//!
//! The page asks for every right and for a role, signs both with a key of its
//! browser, and the gateway would remember what was asked. So nothing of it is
//! sent but its capabilities: the agent connects in its place, as it does for
//! the chat page, without a device that could be remembered.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::Secret;

use super::control_ui_methods;
use super::methods::SCOPES;
use super::request::{Request, connect_frame_with};

/// The page has a dozen of them.
const CAPABILITIES_MAX: usize = 64;
const CAPABILITY_MAX_BYTES: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Asked {
    role: Option<String>,
    scopes: Option<Vec<String>>,
    caps: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("not a connect")]
    NotAConnect,
    #[error("this role is not available here")]
    Role,
    #[error("none of these scopes is available here")]
    Scopes,
}

/// The agent's `connect` in place of the page's.
///
/// # Errors
/// For another role than an operator's, and when nothing is left of the scopes.
pub fn in_place_of(request: &Request<'_>, token: &Secret<String>) -> Result<String, Refused> {
    // A list is a struct to serde, too.
    let is_object = |params: &&RawValue| params.get().starts_with('{');
    let params = request.params.filter(is_object).ok_or(Refused::NotAConnect)?;
    let asked: Asked = serde_json::from_str(params.get()).map_err(|_| Refused::NotAConnect)?;
    if asked.role.is_some_and(|role| role != "operator") {
        return Err(Refused::Role);
    }
    let scopes = capped(asked.scopes.as_deref());
    if scopes.is_empty() {
        return Err(Refused::Scopes);
    }
    let capabilities: Vec<_> = asked
        .caps
        .iter()
        .map(String::as_str)
        .filter(|name| name.len() <= CAPABILITY_MAX_BYTES)
        .take(CAPABILITIES_MAX)
        .collect();
    Ok(connect_frame_with(&request.id, token, &scopes, &capabilities))
}

/// Of what was asked for, what our own page may have. An administrator has all of it.
fn capped(asked: Option<&[String]>) -> Vec<&'static str> {
    let has = |scope: &str| {
        asked.is_none_or(|asked| {
            asked.iter().any(|asked| asked == scope || asked == "operator.admin")
        })
    };
    SCOPES.iter().copied().filter(|scope| has(scope)).collect()
}

/// The hello without what would let the page in by another way, and with those methods
/// only that it may call.
pub fn without_credentials(text: &str) -> String {
    let Ok(mut frame) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    if let Some(payload) = frame.get_mut("payload").and_then(Value::as_object_mut) {
        payload.remove("pluginSurfaceUrls");
        if let Some(auth) = payload.get_mut("auth").and_then(Value::as_object_mut) {
            auth.remove("deviceToken");
            auth.remove("recoveryScope");
        }
        if let Some(methods) = payload.get_mut("features").and_then(|all| all.get_mut("methods")) {
            let has = |name: &str| methods.as_array().is_some_and(|all| all.contains(&json!(name)));
            let may = control_ui_methods::ALLOWED.iter().copied().filter(|name| has(name));
            *methods = may.collect();
        }
    }
    frame.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(params: &Value) -> Result<Value, Refused> {
        let text = json!({"type": "req", "id": "7", "method": "connect", "params": params});
        let text = text.to_string();
        let token = Secret::new("the-token".to_owned());
        let frame = in_place_of(&Request::parse(&text).unwrap(), &token)?;
        Ok(serde_json::from_str(&frame).unwrap())
    }

    #[test]
    fn nothing_of_what_the_page_says_of_itself_is_sent() {
        let frame = connect(&json!({
            "role": "operator", "scopes": ["operator.admin", "operator.pairing"],
            "client": {"id": "openclaw-control-ui", "mode": "ui"}, "caps": ["tool-events", "x"],
            "auth": {"deviceToken": "PAGE"}, "device": {"id": "PAGE", "signature": "PAGE"},
        }));
        let frame = frame.unwrap();
        assert!(!frame.to_string().contains("PAGE"), "{frame}");
        assert_eq!(frame["id"], "7");
        assert_eq!(frame["params"]["scopes"], json!(SCOPES));
        assert_eq!(frame["params"]["caps"], json!(["tool-events", "x"]));
        assert_eq!(frame["params"]["auth"], json!({"token": "the-token"}));
    }

    #[test]
    fn scopes_are_capped_and_roles_are_operators() {
        let scopes = |scopes: Value| {
            connect(&json!({"scopes": scopes})).map(|frame| frame["params"]["scopes"].clone())
        };
        assert_eq!(
            scopes(json!(["operator.read", "operator.approvals"])),
            Ok(json!(["operator.read"]))
        );
        assert_eq!(scopes(json!(["operator.pairing"])), Err(Refused::Scopes));
        assert_eq!(scopes(json!([])), Err(Refused::Scopes));
        assert_eq!(scopes(Value::Null), Ok(json!(SCOPES)));
        for role in ["node", "worker", "Operator", ""] {
            assert_eq!(connect(&json!({"role": role})).err(), Some(Refused::Role), "{role}");
        }
        assert_eq!(connect(&json!({"role": 1})).err(), Some(Refused::NotAConnect));
        assert_eq!(connect(&json!([])).err(), Some(Refused::NotAConnect));
    }

    #[test]
    fn credentials_stay_with_the_agent() {
        let hello = json!({"type": "res", "id": "1", "ok": true, "payload": {
            "snapshot": {}, "pluginSurfaceUrls": {"canvas": "SECRET"},
            "features": {"methods": ["chat.send", "tools.invoke"]},
            "auth": {"role": "operator", "deviceToken": "SECRET", "recoveryScope": "SECRET"}}});
        let frame = without_credentials(&hello.to_string());
        assert!(!frame.contains("SECRET") && frame.contains("snapshot"), "{frame}");
        let frame: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["payload"]["features"]["methods"], json!(["chat.send"]));
    }
}
