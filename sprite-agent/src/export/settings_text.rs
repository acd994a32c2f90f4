//! The gateway's settings without the values of what is secret. Pure.

use serde_json::Value;

use super::rules::is_secret_name;

/// What stands where a secret was.
const LEFT_OUT: &str = "(left out)";

/// `None` when it is not JSON: then nobody can say where a secret stands in it.
pub(super) fn without_secrets(text: &[u8]) -> Option<String> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    clean(&mut value, false);
    serde_json::to_string_pretty(&value).ok().map(|text| text + "\n")
}

/// Everything below a secret's name is secret: `{"token": {"value": …}}`.
fn clean(value: &mut Value, is_secret: bool) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                // The variables of a skill or a program: most of them are its keys.
                clean(field, is_secret || is_secret_name(name) || name == "env");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, is_secret)),
        Value::String(text) if is_secret => LEFT_OUT.clone_into(text),
        Value::Number(_) if is_secret => *value = Value::from(LEFT_OUT),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_secrets_are_left_out_wherever_they_stand() {
        let text = json!({
            "gateway": { "port": 3001, "auth": { "mode": "token", "token": "t1" } },
            "skills": { "entries": { "notion": {
                "enabled": true, "apiKey": { "source": "file", "id": "t2" }, "env": { "A": "t3" },
            } } },
            "channels": { "telegram": { "botToken": "t4", "accounts": [ { "password": 5 } ] } },
            "agents": { "defaults": { "model": "fake-1" } },
        });
        let seen = without_secrets(text.to_string().as_bytes()).unwrap();
        for secret in ["t1", "t2", "t3", "t4", ": 5"] {
            assert!(!seen.contains(secret), "{secret}: {seen}");
        }
        assert!(seen.contains("fake-1") && seen.contains("3001") && seen.contains("true"));
        assert!(without_secrets(b"{ // JSON5\n}").is_none());
    }
}
