//! A ticket, and what may be said about it.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::error::ApiError;
use crate::vendor::calendar::rfc3339;

/// The states of the one workflow: id, name, type.
pub const STATES: [(&str, &str, &str); 4] = [
    ("5b1c7a3e-0001-4000-8000-000000000001", "Todo", "unstarted"),
    ("5b1c7a3e-0001-4000-8000-000000000002", "In Progress", "started"),
    ("5b1c7a3e-0001-4000-8000-000000000003", "Done", "completed"),
    ("5b1c7a3e-0001-4000-8000-000000000004", "Canceled", "canceled"),
];

const TITLE_MAX_CHARS: usize = 512;

/// What each field of an input takes.
const FIELDS: &[(&str, Kind)] = &[
    ("id", Kind::Uuid),
    ("teamId", Kind::Uuid),
    ("title", Kind::Text),
    ("description", Kind::Text),
    ("priority", Kind::Priority),
    ("labelIds", Kind::Uuids),
    ("stateId", Kind::Uuid),
    ("assigneeId", Kind::Uuid),
    ("projectId", Kind::Uuid),
    ("parentId", Kind::Uuid),
    ("dueDate", Kind::Text),
    ("estimate", Kind::Number),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Uuid,
    Uuids,
    Number,
    Priority,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    pub id: String,
    pub number: u64,
    pub team: String,
    pub title: String,
    pub description: Option<String>,
    pub priority: u64,
    pub labels: Vec<String>,
    /// An index into [`STATES`].
    pub state: usize,
    pub due_date: Option<String>,
    pub estimate: Option<f64>,
    /// Unix seconds.
    pub created: u64,
    pub updated: u64,
    /// Base of the page that shows it.
    pub public_url: String,
}

/// Key of the one team: its tickets are `OPS-1`, `OPS-2`, …
pub const TEAM_KEY: &str = "OPS";

impl Issue {
    pub fn identifier(&self) -> String {
        format!("{TEAM_KEY}-{}", self.number)
    }

    pub fn priority_label(&self) -> &'static str {
        ["No priority", "Urgent", "High", "Medium", "Low"]
            .get(usize::try_from(self.priority).unwrap_or(usize::MAX))
            .expect("priorities are checked when they are read")
    }

    /// Takes over what the input says; it was checked.
    pub fn apply(&mut self, input: &Map<String, Value>, now: u64) {
        let text = |name: &str| input.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        if let Some(title) = text("title") {
            self.title = title;
        }
        if input.contains_key("description") {
            self.description = text("description");
        }
        if let Some(priority) = input.get("priority").and_then(Value::as_u64) {
            self.priority = priority;
        }
        if let Some(labels) = input.get("labelIds").and_then(Value::as_array) {
            let labels = labels.iter().filter_map(Value::as_str);
            self.labels = labels.map(ToOwned::to_owned).collect();
        }
        let state = text("stateId");
        if let Some(state) = state.and_then(|id| STATES.iter().position(|(state, ..)| *state == id))
        {
            self.state = state;
        }
        if input.contains_key("dueDate") {
            self.due_date = text("dueDate");
        }
        if let Some(estimate) = input.get("estimate").and_then(Value::as_f64) {
            self.estimate = Some(estimate);
        }
        self.updated = now;
    }

    pub fn body(&self) -> Value {
        let mut body = blank();
        let (state, name, kind) = STATES[self.state];
        let ended = rfc3339(self.updated);
        body["id"] = json!(self.id);
        body["number"] = json!(self.number);
        body["identifier"] = json!(self.identifier());
        body["url"] = json!(format!("{}/issue/{}", self.public_url, self.identifier()));
        body["branchName"] = json!(self.identifier().to_lowercase());
        body["title"] = json!(self.title);
        body["description"] = json!(self.description);
        body["priority"] = json!(self.priority);
        body["priorityLabel"] = json!(self.priority_label());
        body["labelIds"] = json!(self.labels);
        body["dueDate"] = json!(self.due_date);
        body["estimate"] = json!(self.estimate);
        body["createdAt"] = json!(rfc3339(self.created));
        body["updatedAt"] = json!(rfc3339(self.updated));
        body["completedAt"] = json!((kind == "completed").then_some(&ended));
        body["canceledAt"] = json!((kind == "canceled").then_some(&ended));
        body["state"]["id"] = json!(state);
        body["state"]["name"] = json!(name);
        body["state"]["type"] = json!(kind);
        body["team"]["id"] = json!(self.team);
        body["team"]["key"] = json!(TEAM_KEY);
        body["team"]["name"] = json!("Operations");
        body
    }
}

/// Every field that can be asked for.
pub fn blank() -> Value {
    static SHAPE: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("issue.json")).expect("the shape is JSON")
    });
    SHAPE.clone()
}

/// Checks the input of the mutation `field`. Null means "not given".
///
/// # Errors
/// An unknown field or a wrong type is the query's fault, a bad value the
/// caller's.
pub fn check_input(field: &str, input: &Map<String, Value>) -> Result<(), ApiError> {
    for (name, value) in input.iter().filter(|(_, value)| !value.is_null()) {
        let Some((_, kind)) = FIELDS.iter().find(|(known, _)| known == name) else {
            let message = format!(
                "Variable \"$input\" got invalid value; Field \"{name}\" is not defined by type \
                 \"{}\".",
                if field == "issueCreate" { "IssueCreateInput" } else { "IssueUpdateInput" }
            );
            return Err(ApiError::graphql("BAD_USER_INPUT", message));
        };
        kind.check(field, name, value)?;
    }
    let state = input.get("stateId").and_then(Value::as_str);
    if state.is_some_and(|given| STATES.iter().all(|(known, ..)| *known != given)) {
        return Err(ApiError::not_found(field, "WorkflowState"));
    }
    Ok(())
}

impl Kind {
    fn check(self, field: &str, name: &str, value: &Value) -> Result<(), ApiError> {
        let typed = match self {
            Self::Text | Self::Uuid => value.is_string(),
            Self::Uuids => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Number => value.is_number(),
            Self::Priority => value.is_u64() || value.is_i64(),
        };
        if !typed {
            let message = format!("Variable \"$input\" got invalid value {value} at \"{name}\".");
            return Err(ApiError::graphql("BAD_USER_INPUT", message));
        }
        let text = value.as_str().unwrap_or_default();
        let complaint = match self {
            Self::Text if name == "title" && text.trim().is_empty() => "should not be empty",
            Self::Text if name == "title" && text.chars().count() > TITLE_MAX_CHARS => {
                "is too long"
            }
            Self::Uuid if !is_uuid(text) => "must be a UUID",
            Self::Uuids
                if value.as_array().is_some_and(|items| !items.iter().all(is_uuid_value)) =>
            {
                "must be UUIDs"
            }
            Self::Priority if value.as_u64().is_none_or(|priority| priority > 4) => {
                "must not be less than 0 or greater than 4"
            }
            _ => return Ok(()),
        };
        Err(ApiError::input(field, format!("{name} {complaint}.")))
    }
}

fn is_uuid_value(value: &Value) -> bool {
    value.as_str().is_some_and(is_uuid)
}

/// Version 4 with its variant, as clients may make them.
pub fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            14 => *byte == b'4',
            19 => matches!(byte.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'),
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &Value, good: bool) {
        let checked = check_input("issueCreate", input.as_object().unwrap());
        assert_eq!(checked.is_ok(), good, "{input}: {checked:?}");
    }

    #[test]
    fn an_input_is_checked_field_by_field() {
        let id = "9f1b8a0e-3f5c-4f0e-9d2b-0a1b2c3d4e5f";
        check(&json!({"id": id, "title": "x", "priority": 2, "labelIds": [id]}), true);
        check(&json!({"title": "x", "description": null}), true);
        check(&json!({"id": "su_1"}), false);
        check(&json!({"id": "9f1b8a0e-3f5c-1f0e-9d2b-0a1b2c3d4e5f"}), false);
        check(&json!({"title": ""}), false);
        check(&json!({"title": 1}), false);
        check(&json!({"priority": 5}), false);
        check(&json!({"priority": "high"}), false);
        check(&json!({"labelIds": ["bug"]}), false);
        check(&json!({"team": id}), false);
        check(&json!({"stateId": id}), false);
    }
}
