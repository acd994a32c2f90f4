//! Conversations as `sessions.list` and `chat.history` show them.

use serde_json::{Value, json};

use super::session_store::{Body, MAIN_KEY, Session, StopReason};
use super::turns::Turn;
use crate::clock;

/// The only model, and who provides it.
pub const PROVIDER: &str = "scripted";
pub const MODEL: &str = "fake-1";
pub const MODEL_NAME: &str = "Fake 1";
pub const CONTEXT_TOKENS: u64 = 128_000;

/// Characters of a title made from the first message.
const TITLE_MAX_CHARS: usize = 60;

/// `defaults`, the same in every answer about conversations.
pub fn defaults() -> Value {
    json!({
        "modelProvider": PROVIDER,
        "model": MODEL,
        "contextTokens": CONTEXT_TOKENS,
        "agentRuntime": idle_runtime(),
        "thinkingLevels": [{"id": "off", "label": "off"}],
        "thinkingOptions": ["off"],
        "thinkingDefault": "off",
        "modelSelectionTarget": "session",
    })
}

/// The row of a conversation nobody has written in.
pub fn unknown_row(key: &str) -> Value {
    json!({
        "key": key,
        "permissionModePending": false,
        "kind": "direct",
        "classification": "custom",
        "agentId": "main",
        "isMain": key == MAIN_KEY,
        "isBackground": false,
        "updatedAt": null,
        "archived": false,
        "pinned": false,
        "unread": false,
        "effectiveFastMode": false,
        "effectiveFastModeSource": "default",
        "fastAutoOnSeconds": 60,
        "totalTokensFresh": false,
        "effectiveResponseUsage": "off",
        "effectiveQueueMode": "steer",
        "modelProvider": PROVIDER,
        "model": MODEL,
        "modelOverrideSource": null,
        "runtimeSelectionLocked": false,
        "agentRuntime": idle_runtime(),
        "contextTokens": CONTEXT_TOKENS,
        "snapshotAt": clock::unix_millis(),
        "hasActiveRun": false,
        "activeRunIds": [],
        "activeLeafEntryId": null,
    })
}

/// The row of a conversation, with the turn that runs in it.
pub fn row(session: &Session, active: Option<&Turn>) -> Value {
    let participant = json!({
        "identity": {
            "type": "observation",
            "pluginId": null,
            "accountId": null,
            "senderKind": "unknown",
            "id": "gateway-client",
        },
    });
    let is_main = session.key == MAIN_KEY;
    let mut row = unknown_row(&session.key);
    let known = json!({
        "visibility": "shared",
        "createdVia": "operator",
        "participants": [participant],
        "expandedParticipants": [participant],
        "participantCount": 1,
        "createdAt": session.created_at,
        "classification": if is_main { "main" } else { "direct" },
        "chatType": "direct",
        "updatedAt": session.updated_at,
        "lastInteractionAt": session.updated_at,
        "sessionId": session.id,
        "systemSent": true,
        "abortedLastRun": false,
        "thinkingLevels": [{"id": "off", "label": "off"}],
        "thinkingOptions": ["off"],
        "thinkingDefault": "off",
        "inputTokens": 11,
        "outputTokens": 4,
        "totalTokens": 11,
        "totalTokensFresh": true,
        "estimatedCostUsd": 0,
        "agentRuntime": worker_runtime(),
        "contextBudgetStatus": budget(session),
        "placement": {
            "state": "local",
            "generation": 0,
            "createdAtMs": session.created_at,
            "updatedAtMs": session.updated_at,
            "stateChangedAtMs": session.created_at,
        },
        "sharingRole": "owner",
        "hasActiveRun": active.is_some(),
    });
    merge(&mut row, &known);
    merge(&mut row, &run_status(session, active));
    merge(&mut row, &organised(session));
    if let Some(object) = row.as_object_mut() {
        object.remove("activeLeafEntryId");
        // Left out while a turn runs, as the real one does.
        if active.is_some() {
            object.remove("activeRunIds");
        }
    }
    row
}

/// A title: the beginning of the first message.
pub fn derived_title(session: &Session) -> Option<String> {
    session.messages.iter().find_map(|message| match &message.body {
        Body::User { text } => Some(shorten(text)),
        _ => None,
    })
}

/// The beginning of the latest message.
pub fn last_message_preview(session: &Session) -> Option<String> {
    session.messages.iter().rev().find_map(|message| match &message.body {
        Body::User { text } | Body::Assistant { text, .. } => Some(shorten(text)),
        _ => None,
    })
}

/// Puts the keys of `more` into `object`, over what is there.
pub fn merge(object: &mut Value, more: &Value) {
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
}

fn organised(session: &Session) -> Value {
    let organised = &session.organised;
    let mut known = json!({
        "archived": organised.archived_at.is_some(),
        "pinned": organised.pinned_at.is_some(),
    });
    for (key, value) in [
        ("label", organised.label.as_ref().map(|text| json!(text))),
        ("category", organised.category.as_ref().map(|text| json!(text))),
        ("model", organised.model.as_ref().map(|text| json!(text))),
        ("pinnedAt", organised.pinned_at.map(|at| json!(at))),
        ("archivedAt", organised.archived_at.map(|at| json!(at))),
    ] {
        if let Some(value) = value {
            known[key] = value;
        }
    }
    known
}

fn run_status(session: &Session, active: Option<&Turn>) -> Value {
    if let Some(turn) = active {
        return json!({"status": "running", "startedAt": turn.started_at});
    }
    let Some(run) = &session.last_run else {
        return json!({});
    };
    let mut status = json!({
        "status": if run.stop_reason == StopReason::Error { "failed" } else { "done" },
        "startedAt": run.started_at,
        "endedAt": run.ended_at,
        "runtimeMs": run.ended_at.saturating_sub(run.started_at),
        "lastRunId": run.run_id,
        "abortedLastRun": run.stop_reason == StopReason::Aborted,
    });
    if let Some(error) = &run.error {
        status["lastRunError"] = error.as_str().into();
    }
    status
}

fn budget(session: &Session) -> Value {
    json!({
        "schemaVersion": 1,
        "source": "pre-prompt-estimate",
        "updatedAt": session.updated_at,
        "provider": PROVIDER,
        "model": MODEL,
        "route": "fits",
        "shouldCompact": false,
        "estimatedPromptTokens": 18_047,
        "contextTokenBudget": CONTEXT_TOKENS,
        "promptBudgetBeforeReserve": 108_000,
        "reserveTokens": 20_000,
        "effectiveReserveTokens": 20_000,
        "remainingPromptBudgetTokens": 89_953,
        "overflowTokens": 0,
        "toolResultReducibleChars": 0,
        "messageCount": session.messages.len(),
        "unwindowedMessageCount": session.messages.len(),
        "sessionId": session.id,
    })
}

fn idle_runtime() -> Value {
    json!({
        "id": "auto",
        "cloudPlacementSupported": false,
        "devicePlacementSupported": false,
        "source": "implicit",
    })
}

fn worker_runtime() -> Value {
    json!({
        "id": "openclaw",
        "cloudPlacementSupported": true,
        "cloudPlacementExecutionMode": "worker-turn",
        "devicePlacement": {"requiredNodeCommands": [], "consumesWorkerSlot": true},
        "devicePlacementSupported": true,
        "source": "implicit",
    })
}

fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().take(TITLE_MAX_CHARS).collect()
}
