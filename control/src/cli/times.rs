//! Moments in what `--json` prints, which the API counts in unix seconds: RFC 3339, in UTC.

use serde_json::Value;

use crate::base::clock::Moment;
use crate::base::date::iso_time;

/// Fields that are moments although their names do not end in `_at`.
const MOMENTS: [&str; 4] = ["at", "since", "until", "last_heard"];

/// What others wrote, whose words are theirs.
const FOREIGN: [&str; 2] = ["payload", "result"];

/// Every moment in `value` as RFC 3339.
pub(super) fn spell_out(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(spell_out),
        Value::Object(fields) => {
            for (name, field) in fields {
                if FOREIGN.contains(&name.as_str()) {
                    continue;
                }
                match field.as_u64().filter(|_| is_moment(name)) {
                    Some(seconds) => *field = iso_time(Moment::from_seconds(seconds)).into(),
                    None => spell_out(field),
                }
            }
        }
        _ => {}
    }
}

fn is_moment(name: &str) -> bool {
    name.ends_with("_at") || MOMENTS.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_moment_is_spelled_out_and_nothing_else_is() {
        let mut value = json!([{
            "created_at": 1_771_083_928, "until": 0, "last_heard": null, "attempts": 3,
            "since": 1_771_083_928, "steps": [{ "started_at": 1_771_083_929 }],
            "payload": { "sent_at": 5 }, "generation": 7,
        }]);
        spell_out(&mut value);
        let expected = json!([{
            "created_at": "2026-02-14T15:45:28Z", "until": "1970-01-01T00:00:00Z",
            "last_heard": null, "attempts": 3, "since": "2026-02-14T15:45:28Z",
            "steps": [{ "started_at": "2026-02-14T15:45:29Z" }],
            "payload": { "sent_at": 5 }, "generation": 7,
        }]);
        assert_eq!(value, expected);
    }

    /// The API's own description says which fields are moments.
    #[test]
    fn every_field_that_is_described_as_a_moment_is_one() {
        let text = crate::operator::openapi::text();
        let described: Value = serde_json::from_str(&text).unwrap();
        let schemas = described["components"]["schemas"].as_object().unwrap();
        let mut seen = 0;
        for (schema, shape) in schemas {
            for (name, field) in shape["properties"].as_object().into_iter().flatten() {
                let says = field["description"].as_str().unwrap_or_default().to_lowercase();
                if says.contains("unix seconds") {
                    assert!(is_moment(name), "{schema}.{name} is not spelled out");
                    seen += 1;
                }
            }
        }
        assert!(seen > 3, "{seen}");
    }
}
