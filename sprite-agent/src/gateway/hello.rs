//! The gateway's answer to `connect`, and the little of it that the page gets.

use std::hash::{Hash as _, Hasher as _};

use serde_json::{Map, Value, json};

use super::hands::{HANDS, Hand};
use super::methods;

#[derive(Debug, PartialEq)]
pub enum Hello {
    /// The frame for the page.
    Welcome(String),
    /// Not now: the gateway is still starting or already stopping.
    NotYet,
    /// The gateway will not have us; trying again at once is no use. Why, for our log.
    Refused(String),
}

/// Reads the answer to our `connect`.
///
/// What the page gets is picked out, not what it must not get left out: a new
/// version of the gateway cannot leak a secret that we have not heard of.
pub fn read(text: &str, scopes: &[&str]) -> Hello {
    let Ok(frame) = serde_json::from_str::<Value>(text) else {
        return Hello::Refused("the answer to connect is not JSON".to_owned());
    };
    if frame["ok"] != true {
        let error = &frame["error"];
        if error["code"] == "UNAVAILABLE" {
            return Hello::NotYet;
        }
        return Hello::Refused(format!("{} {}", error["code"], error["details"]["code"]));
    }
    let payload = &frame["payload"];
    let granted = &payload["auth"]["scopes"];
    let has = |scope: &&str| granted.as_array().is_some_and(|all| all.contains(&json!(scope)));
    if !scopes.iter().all(has) {
        // Happens when something between us and the gateway adds a forwarded header:
        // connected, and every request refused.
        return Hello::Refused(format!("the gateway granted only the scopes {granted}"));
    }
    let welcome = json!({
        "type": "res",
        "id": frame["id"],
        "ok": true,
        "payload": {
            "type": payload["type"],
            "protocol": payload["protocol"],
            "server": server(&payload["server"]),
            "features": features(&payload["features"]),
            "auth": picked(&payload["auth"], &["role", "scopes"]),
            "policy": payload["policy"],
        },
    });
    Hello::Welcome(welcome.to_string())
}

/// The page learns whether the gateway was started anew since it was asked something: then a
/// message without an answer may have been acted on, and sending it again would act twice.
fn server(server: &Value) -> Value {
    let mut hasher = std::hash::DefaultHasher::new();
    server["bootId"].as_str().hash(&mut hasher);
    let mut told = picked(server, &["version", "buildId"]);
    // The id itself is the gateway's own business.
    told["boot"] = format!("{:016x}", hasher.finish()).into();
    told
}

fn picked(object: &Value, keys: &[&str]) -> Value {
    keys.iter()
        .filter_map(|key| Some(((*key).to_owned(), object.get(key)?.clone())))
        .collect::<Map<_, _>>()
        .into()
}

fn features(features: &Value) -> Value {
    let mut features = picked(features, &["methods", "events", "capabilities"]);
    if let Some(names) = features.get_mut("methods").and_then(Value::as_array_mut) {
        // What the agent does for the page is there when the gateway can do it.
        let has = |hand: &&Hand| names.contains(&json!(hand.gateway));
        let hands: Vec<Value> = HANDS.iter().filter(has).map(|hand| hand.name.into()).collect();
        names.retain(|name| name.as_str().is_some_and(methods::is_allowed));
        names.extend(hands);
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::methods::SCOPES;

    fn answer(scopes: &Value) -> String {
        json!({"type": "res", "id": "1", "ok": true, "payload": {
            "type": "hello-ok", "protocol": 4,
            "server": {"version": "2026.9.6", "buildId": "b", "bootId": "SECRET", "connId": "SECRET"},
            "features": {"methods": ["health", "config.set", "chat.send"], "events": ["chat"]},
            "snapshot": {"presence": [{"ip": "SECRET"}]},
            "pluginSurfaceUrls": {"canvas": "http://127.0.0.1:3001/SECRET"},
            "auth": {"method": "token", "role": "operator", "scopes": scopes,
                     "deviceToken": "SECRET", "recoveryScope": "SECRET"},
            "policy": {"maxPayload": 26_214_400},
            "somethingNew": "SECRET",
        }})
        .to_string()
    }

    #[test]
    fn secrets_do_not_reach_the_page() {
        let Hello::Welcome(frame) = read(&answer(&json!(SCOPES)), SCOPES) else {
            panic!("not welcome")
        };
        assert!(!frame.contains("SECRET"), "{frame}");
        let frame: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(frame["id"], "1");
        assert_eq!(frame["payload"]["type"], "hello-ok");
        assert_eq!(frame["payload"]["features"]["methods"], json!(["health", "chat.send"]));
        assert_eq!(frame["payload"]["policy"]["maxPayload"], 26_214_400);
        assert_eq!(frame["payload"]["server"]["version"], "2026.9.6");
    }

    #[test]
    fn a_connection_without_rights_is_no_connection() {
        for scopes in [json!([]), json!(["operator.read"]), json!(null)] {
            assert!(matches!(read(&answer(&scopes), SCOPES), Hello::Refused(_)), "{scopes}");
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_delay() {
        let refused = |code: &str| {
            read(
                &json!({"type": "res", "id": "1", "ok": false, "error": {
                "code": code, "message": "m", "details": {"code": "D"}}})
                .to_string(),
                SCOPES,
            )
        };
        assert_eq!(refused("UNAVAILABLE"), Hello::NotYet);
        assert_eq!(
            refused("INVALID_REQUEST"),
            Hello::Refused("\"INVALID_REQUEST\" \"D\"".to_owned())
        );
        assert!(matches!(read("garbage", SCOPES), Hello::Refused(_)));
    }
}
