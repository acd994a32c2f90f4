//! `sessions.*`: listing, searching, organising and deleting conversations.
//!
//! As in the real gateway, what a change needs depends on its parameters: a
//! client that may only write can name, archive and pin, and can delete what
//! was archived before.

use serde_json::{Value, json};

use super::frames::CallError;
use super::hub::Audience;
use super::methods::not_saved;
use super::session_store::{Body, MAIN_KEY, Session, canonical_key};
use super::{Gateway, assistant, sessions, turn};
use crate::clock;

/// Sessions in a list that asks for no number.
const LIST_LIMIT_DEFAULT: usize = 100;

/// Hits of a search that asks for no number.
const SEARCH_LIMIT_DEFAULT: usize = 10;

/// Characters before and behind a hit.
const SNIPPET_CHARS: usize = 60;

/// Fields of `sessions.patch` that `operator.write` may set, and those that only say which session.
const PATCH_BY_WRITERS: &[&str] = &[
    "key",
    "agentId",
    "expectedSessionId",
    "expectedLifecycleRevision",
    "label",
    "icon",
    "color",
    "category",
    "boardFace",
    "pinned",
    "archived",
    "unread",
    "model",
    "thinkingLevel",
    "fastMode",
    "permissionMode",
];

/// Fields with which `operator.write` may delete.
const DELETE_BY_WRITERS: &[&str] =
    &["key", "agentId", "deleteTranscript", "expectedSessionId", "archivedOnly"];

/// The scope that a call with these parameters needs, where it depends on them.
pub fn scope_with(method: &str, params: &Value) -> Option<&'static str> {
    let only = |fields: &[&str]| {
        params.as_object().is_none_or(|given| given.keys().all(|key| fields.contains(&&**key)))
    };
    let by_writers = match method {
        "sessions.patch" => params["permissionMode"] != "full" && only(PATCH_BY_WRITERS),
        "sessions.delete" => params["archivedOnly"] == true && only(DELETE_BY_WRITERS),
        _ => return None,
    };
    Some(if by_writers { "operator.write" } else { "operator.admin" })
}

pub fn list(gateway: &Gateway, params: &Value) -> Value {
    let number = |key: &str, default: usize| {
        params[key].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let (limit, offset) = (number("limit", LIST_LIMIT_DEFAULT), number("offset", 0));
    let matching = matching(gateway, params);
    let rows: Vec<Value> = matching
        .iter()
        .skip(offset)
        .take(limit)
        .map(|session| {
            let mut row = sessions::row(session, gateway.turns.active(&session.key).as_deref());
            if params["includeDerivedTitles"] == true {
                row["derivedTitle"] = json!(sessions::derived_title(session));
            }
            if params["includeLastMessage"] == true {
                row["lastMessagePreview"] = json!(sessions::last_message_preview(session));
            }
            row
        })
        .collect();
    let next = offset.saturating_add(rows.len());
    let has_more = next < matching.len();
    json!({
        "ts": clock::unix_millis(),
        "path": gateway.store.path(),
        "count": rows.len(),
        "totalCount": matching.len(),
        "limitApplied": limit,
        "nextOffset": has_more.then_some(next),
        "hasMore": has_more,
        "owners": [],
        "defaults": sessions::defaults(),
        "sessions": rows,
    })
}

fn matching(gateway: &Gateway, params: &Value) -> Vec<Session> {
    let search = params["search"].as_str().unwrap_or_default().to_lowercase();
    let archived = match &params["archived"] {
        Value::String(all) if all == "all" => None,
        archived => Some(archived == true),
    };
    let mut all = gateway.store.latest();
    all.retain(|session| {
        let title = sessions::derived_title(session).unwrap_or_default();
        let label = session.organised.label.clone().unwrap_or_default();
        let found = [session.key.as_str(), &title, &label]
            .iter()
            .any(|text| text.to_lowercase().contains(&search));
        found && archived.is_none_or(|archived| archived == session.organised.archived_at.is_some())
    });
    all
}

pub fn search(gateway: &Gateway, params: &Value) -> Value {
    let query = params["query"].as_str().unwrap_or_default().to_lowercase();
    let limit = params["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(SEARCH_LIMIT_DEFAULT);
    let mut hits = Vec::new();
    for session in gateway.store.latest() {
        for message in session.messages.iter().rev() {
            let (role, text) = match &message.body {
                Body::User { text } => ("user", text),
                Body::Assistant { text, .. } => ("assistant", text),
                Body::ToolCall { .. } | Body::ToolResult { .. } => continue,
            };
            let Some(at) = text.to_lowercase().find(&query) else { continue };
            hits.push(json!({
                "sessionKey": session.key,
                "sessionId": session.id,
                "messageId": message.id,
                "role": role,
                "timestamp": message.timestamp,
                "snippet": snippet(text, at),
                "score": 1.0,
            }));
        }
    }
    let truncated = hits.len() > limit;
    hits.truncate(limit);
    json!({"results": hits, "truncated": truncated})
}

/// What stands around byte `at`, which may not be a boundary of `text` itself.
fn snippet(text: &str, at: usize) -> String {
    let before = text.char_indices().take_while(|(index, _)| *index < at).count();
    text.chars().skip(before.saturating_sub(SNIPPET_CHARS)).take(2 * SNIPPET_CHARS).collect()
}

pub fn patch(gateway: &Gateway, params: &Value) -> Result<Value, CallError> {
    let key = canonical_key(params["key"].as_str().unwrap_or_default());
    let known = gateway.store.find(key);
    if params.get("archived").is_some() {
        check_archiving(key, known.as_ref(), params)?;
    }
    if let Some(expected) = params["expectedSessionId"].as_str()
        && known.as_ref().is_some_and(|session| session.id != expected)
    {
        return Err(changed(key));
    }
    if let Some(label) = params["label"].as_str() {
        let taken =
            |other: &Session| other.key != key && other.organised.label.as_deref() == Some(label);
        if gateway.store.latest().iter().any(taken) {
            return Err(CallError::invalid_request(format!("label already in use: {label}")));
        }
    }
    if params["archived"] == true {
        turn::abort(gateway, key, None).map_err(|error| not_saved("the aborted turn", &error))?;
    }
    // As the real one: a conversation begins with the first that is said of it.
    if known.is_none() && params["archived"] != true {
        let begun = gateway.store.replace(key, Vec::new());
        begun.map_err(|error| not_saved("the conversation", &error))?;
    }
    let now = clock::unix_millis();
    let text = |field: &str| params.get(field).map(|value| value.as_str().map(str::to_owned));
    let time = |field: &str| params[field].as_bool().map(|on| on.then_some(now));
    let session = gateway
        .store
        .organise(key, |organised| {
            set(&mut organised.label, text("label"));
            set(&mut organised.category, text("category"));
            set(&mut organised.model, text("model"));
            set(&mut organised.pinned_at, time("pinned"));
            set(&mut organised.archived_at, time("archived"));
        })
        .map_err(|error| not_saved("the change", &error))?
        .ok_or_else(|| CallError::invalid_request(format!("session not found: {key}")))?;
    if let Some(group) = &session.organised.category {
        assistant::note_group(gateway, group);
    }
    tell_changed(gateway, key, "patch");
    Ok(json!({"ok": true, "key": key, "entry": sessions::row(&session, None)}))
}

fn set<T>(field: &mut Option<T>, value: Option<Option<T>>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn check_archiving(key: &str, known: Option<&Session>, params: &Value) -> Result<(), CallError> {
    let refuse = |message: String| Err(CallError::invalid_request(message));
    if key == MAIN_KEY {
        return refuse("Cannot archive an agent's main session.".to_owned());
    }
    if known.is_none() {
        return refuse(format!("session not found: {key}"));
    }
    if params.get("expectedSessionId").is_none() {
        return refuse(format!("expectedSessionId required for session lifecycle patch: {key}"));
    }
    Ok(())
}

pub fn delete(gateway: &Gateway, params: &Value) -> Result<Value, CallError> {
    let key = canonical_key(params["key"].as_str().unwrap_or_default());
    if key == MAIN_KEY {
        let message = format!("Cannot delete the main session ({MAIN_KEY}).");
        return Err(CallError::invalid_request(message));
    }
    let known = gateway.store.find(key);
    let is_archived = known.as_ref().is_some_and(|session| session.organised.archived_at.is_some());
    if params["archivedOnly"] == true && !is_archived {
        let message = format!("Session {key} is not archived. Archive it first, then delete it.");
        return Err(CallError::invalid_request(message));
    }
    if let Some(expected) = params["expectedSessionId"].as_str()
        && known.is_none_or(|session| session.id != expected)
    {
        return Err(changed(key));
    }
    let deleted = turn::abort(gateway, key, None)
        .and_then(|_| gateway.store.delete(key))
        .map_err(|error| not_saved("the deletion", &error))?;
    tell_changed(gateway, key, "delete");
    Ok(json!({"ok": true, "key": key, "deleted": deleted, "archived": []}))
}

fn changed(key: &str) -> CallError {
    CallError::invalid_request(format!("Session {key} changed before deletion. Retry."))
        .with_details(json!({"reason": "session-lifecycle-changed"}))
}

/// Tells every client, where the real gateway tells those that subscribed.
fn tell_changed(gateway: &Gateway, key: &str, reason: &str) {
    let payload = json!({"sessionKey": key, "reason": reason, "ts": clock::unix_millis()});
    gateway.hub.publish("sessions.changed", &payload, Audience::Everyone);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_may_organise_and_delete_what_is_archived() {
        let check = |method: &str, params: Value, expected: &str| {
            assert_eq!(scope_with(method, &params), Some(expected), "{method} {params}");
        };
        check("sessions.patch", json!({"key": "k", "label": "x"}), "operator.write");
        check("sessions.patch", json!({"key": "k", "toolOverrides": {}}), "operator.admin");
        check("sessions.patch", json!({"key": "k", "permissionMode": "full"}), "operator.admin");
        check("sessions.delete", json!({"key": "k"}), "operator.admin");
        check("sessions.delete", json!({"key": "k", "archivedOnly": true}), "operator.write");
        let hooks = json!({"key": "k", "archivedOnly": true, "emitLifecycleHooks": true});
        check("sessions.delete", hooks, "operator.admin");
        assert_eq!(scope_with("sessions.list", &json!({})), None);
    }

    #[test]
    fn a_snippet_stands_around_the_hit() {
        assert_eq!(snippet("a short text", 2), "a short text");
        let long = format!("{}needle{}", "ä".repeat(100), "ö".repeat(100));
        let found = snippet(&long, 200);
        assert!(found.contains("needle") && found.chars().count() == 2 * SNIPPET_CHARS, "{found}");
    }
}
