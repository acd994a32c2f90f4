//! May what a page says be carried as the owner's? Only while the gateway denies an owner's
//! assistant whatever is more than planning.
//!
//! Pure. The gateway is asked with `config.get`, which tells its file and whether it runs with
//! that one: the file may be of an older release, an operator's own, or changed by the assistant.

use serde_json::{Value, json};
use shared::owner_tools;

/// How what is said to the assistant counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OwnerRights {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// As the owner's: the assistant can plan.
    Given,
    /// As a page's, for this reason: the assistant cannot plan, the panel can.
    Withheld(String),
}

impl OwnerRights {
    /// Out of the answer to `config.get`.
    pub fn read(answer: &Value) -> Self {
        let withheld = |why: &str| Self::Withheld(why.to_owned());
        let payload = &answer["payload"];
        if answer["ok"] != true {
            return withheld("the gateway does not tell its configuration");
        }
        if payload["valid"] != true {
            return withheld("openclaw.json is not valid");
        }
        if !is_in_use(payload) {
            return withheld("the gateway does not run with its openclaw.json");
        }
        match &owner_tools::missing(&payload["config"])[..] {
            [] => Self::Given,
            missing => {
                Self::Withheld(format!("tools.deny in openclaw.json lacks {}", missing.join(", ")))
            }
        }
    }

    /// Why the assistant cannot plan.
    pub fn withheld(&self) -> Option<&str> {
        match self {
            Self::Withheld(why) => Some(why),
            Self::Unknown | Self::Given => None,
        }
    }
}

/// What `config.patch` is sent, after this answer to `config.get`, so that nothing is missing:
/// the gateway checks it, and refuses it when the file has changed since.
pub fn completion(answer: &Value) -> Option<Value> {
    let payload = &answer["payload"];
    let is_lacking = !owner_tools::missing(&payload["config"]).is_empty();
    if payload["valid"] != true || !is_in_use(payload) || !is_lacking {
        return None;
    }
    let denied = owner_tools::completed(&payload["config"]);
    let raw = json!({"tools": {"deny": denied}}).to_string();
    Some(json!({"raw": raw, "baseHash": payload["hash"].as_str()?}))
}

fn is_in_use(payload: &Value) -> bool {
    let applied = &payload["appliedConfigHash"];
    applied.is_string() && payload["configRevisionHash"] == *applied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(deny: &Value) -> Value {
        json!({"ok": true, "payload": {"valid": true, "hash": "h", "configRevisionHash": "r",
            "appliedConfigHash": "r", "config": {"tools": {"profile": "coding", "deny": deny}}}})
    }

    #[test]
    fn rights_are_given_only_where_the_gateway_is_seen_to_deny_the_rest() {
        let whole = answer(&json!(owner_tools::DENIED));
        assert_eq!(OwnerRights::read(&whole), OwnerRights::Given);
        assert_eq!(completion(&whole), None);
        let check = |answer: &Value, expected: &str| {
            let rights = OwnerRights::read(answer);
            let why = rights.withheld().unwrap();
            assert!(why.contains(expected), "{why}");
        };
        let with = |field: &str, value: Value| {
            let mut answer = whole.clone();
            answer["payload"][field] = value;
            answer
        };
        check(&Value::Null, "does not tell");
        check(&with("valid", json!(false)), "not valid");
        check(&with("config", json!({})), "lacks gateway, plugins");
        for hash in [json!("other"), Value::Null] {
            let other = with("appliedConfigHash", hash);
            check(&other, "does not run with");
            assert_eq!(completion(&other), None);
        }
    }

    #[test]
    fn what_is_missing_is_added_to_what_is_there() {
        let lacking = answer(&json!(["exec", "gateway"]));
        let params = completion(&lacking).unwrap();
        assert_eq!(params["baseHash"], "h");
        let raw: Value = serde_json::from_str(params["raw"].as_str().unwrap()).unwrap();
        assert_eq!(raw["tools"]["deny"][0], "exec");
        assert!(owner_tools::missing(&raw).is_empty());
        assert_eq!(raw.as_object().unwrap().len(), 1, "nothing else is changed");
    }
}
