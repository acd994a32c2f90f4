//! What happened, as snapshots and thin events tell it.

use serde_json::{Map, Value, json};

use crate::ids;
use crate::vendor::calendar::rfc3339;

/// The version every body here is shaped by.
pub const API_VERSION: &str = "2026-10-28.endive";

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub kind: &'static str,
    /// Unix seconds.
    pub created: u64,
    /// The object as it was then.
    pub object: Value,
    pub previous: Option<Value>,
    /// The call that caused it, if one did.
    pub request: Option<Cause>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    pub id: String,
    pub idempotency_key: Option<String>,
}

impl Event {
    pub fn new(kind: &'static str, object: Value, previous: Option<Value>, created: u64) -> Self {
        Self { id: ids::letters("evt_1", 23), kind, created, object, previous, request: None }
    }

    pub fn snapshot(&self, livemode: bool, pending_webhooks: usize) -> Value {
        let mut data = json!({"object": self.object});
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created,
            "data": data,
            "livemode": livemode,
            "pending_webhooks": pending_webhooks,
            "request": {
                "id": self.request.as_ref().map(|cause| &cause.id),
                "idempotency_key":
                    self.request.as_ref().and_then(|cause| cause.idempotency_key.as_ref()),
            },
            "type": self.kind,
        })
    }

    /// The same event as a destination for thin events gets it: under an id
    /// of its own, with the object's address instead of the object.
    pub fn thin(&self, livemode: bool) -> Value {
        json!({
            "id": self.thin_id(),
            "object": "v2.core.event",
            "type": format!("v1.{}", self.kind),
            "created": rfc3339(self.created),
            "livemode": livemode,
            "context": null,
            "reason": null,
            "related_object": {
                "id": self.object["id"],
                "type": self.object["object"],
                "url": self.object_url(),
            },
        })
    }

    pub fn thin_id(&self) -> String {
        self.id.replacen("evt_", "evt_test_6", 1)
    }

    fn object_url(&self) -> String {
        let id = self.object["id"].as_str().unwrap_or_default();
        match self.object["object"].as_str() {
            Some("checkout.session") => format!("/v1/checkout/sessions/{id}"),
            Some("radar.early_fraud_warning") => format!("/v1/radar/early_fraud_warnings/{id}"),
            Some(object) => format!("/v1/{object}s/{id}"),
            None => String::new(),
        }
    }
}

/// The old values of what differs, which is what `previous_attributes` tells;
/// nested objects member by member, lists whole. `None` when nothing differs.
pub fn previous(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return (before != after).then(|| before.clone());
    };
    let changed: Map<String, Value> = before
        .iter()
        .filter_map(|(name, old)| {
            let new = after.get(name).unwrap_or(&Value::Null);
            Some((name.clone(), previous(old, new)?))
        })
        .collect();
    (!changed.is_empty()).then_some(Value::Object(changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &Value, after: &Value, expected: Option<&Value>) {
        assert_eq!(previous(before, after).as_ref(), expected);
    }

    #[test]
    fn the_old_values_of_what_changed_are_told() {
        let before = json!({"status": "active", "details": {"reason": null, "comment": null}});
        let mut after = before.clone();
        check(&before, &after, None);
        after["status"] = json!("past_due");
        check(&before, &after, Some(&json!({"status": "active"})));
        after["details"]["reason"] = json!("payment_failed");
        check(&before, &after, Some(&json!({"status": "active", "details": {"reason": null}})));
    }

    #[test]
    fn a_thin_event_names_its_object() {
        let object = json!({"id": "cs_1", "object": "checkout.session"});
        let event = Event::new("checkout.session.completed", object, None, 1_763_800_002);
        let thin = event.thin(false);
        assert_eq!(thin["type"], "v1.checkout.session.completed");
        assert_eq!(thin["created"], "2025-11-22T08:26:42.000Z");
        assert_eq!(thin["related_object"]["url"], "/v1/checkout/sessions/cs_1");
    }
}
