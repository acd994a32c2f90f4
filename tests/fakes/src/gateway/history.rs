//! `chat.history`: the messages of a conversation and what runs in it.

use serde_json::{Value, json};

use super::session_store::{Body, Message, Session, StopReason, canonical_key};
use super::sessions::{self, MODEL, PROVIDER, merge};
use super::turn;
use super::turn_events::TOOL_CALL_ID;
use super::turns::Turn;
use super::{Gateway, attachments};

/// Messages in an answer that asks for no number.
const LIMIT_DEFAULT: usize = 200;

/// Answers `chat.history`; `params` are checked.
pub fn history(gateway: &Gateway, params: &Value) -> Value {
    let asked_key = params["sessionKey"].as_str().unwrap_or_default();
    let key = canonical_key(asked_key);
    // The turn first: one that ends in between is then shown as running with
    // its answer, never as ended without.
    let active = gateway.turns.active(key);
    let mut answer = match gateway.store.find(key) {
        Some(session) => known(&session, active.as_deref(), params),
        None => unknown(key),
    };
    // Answered under the name it was asked by.
    answer["sessionKey"] = asked_key.into();
    answer["defaults"] = sessions::defaults();
    if let Some(turn) = active {
        answer["inFlightRun"] = turn::in_flight(&turn);
    }
    answer
}

fn unknown(key: &str) -> Value {
    json!({
        "messages": [],
        "pendingInputs": {"items": [], "total": 0},
        "hasMore": false,
        "totalMessages": 0,
        "sessionInfo": sessions::unknown_row(key),
    })
}

fn known(session: &Session, active: Option<&Turn>, params: &Value) -> Value {
    let number = |key: &str| params[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let total = session.messages.len();
    let end = total.saturating_sub(number("offset").unwrap_or(0));
    let start = end.saturating_sub(number("limit").unwrap_or(LIMIT_DEFAULT));
    let messages: Vec<Value> = session.messages[start..end]
        .iter()
        .enumerate()
        .map(|(index, message)| row(message, start + index + 1))
        .collect();
    let pending = active.map(pending_inputs).unwrap_or_default();
    let mut info = sessions::row(session, active);
    let leaf = session.messages.last().map(|message| message.id.as_str());
    let more = json!({
        "activitySummary": {"state": "unavailable", "canEnsure": true},
        "activeLeafEntryId": leaf,
    });
    merge(&mut info, &more);
    let mut answer = json!({
        "sessionId": session.id,
        "messages": messages,
        "pendingInputs": {"total": pending.len(), "items": pending},
        "deltaCursor": session.id,
        "hasMore": start > 0,
        "totalMessages": total,
        "sessionInfo": info,
        "thinkingLevel": "off",
    });
    if start > 0 {
        answer["nextOffset"] = (total - start).into();
    }
    answer
}

fn pending_inputs(turn: &Turn) -> Vec<Value> {
    let live = turn.live();
    live.steered
        .iter()
        .map(|waiting| {
            json!({
                "id": waiting.id,
                "acceptedAt": waiting.accepted_at,
                "state": "queued",
                "message": {
                    "role": "user",
                    "content": waiting.message,
                    "timestamp": waiting.accepted_at,
                    "__openclaw": {
                        "transport": transport(),
                        "id": format!("pending:{}", waiting.id),
                    },
                },
                "runId": waiting.run_id,
            })
        })
        .collect()
}

/// One message; `seq` counts from 1.
fn row(message: &Message, seq: usize) -> Value {
    let run_id = message.run_id.as_str();
    let (mut row, more) = match &message.body {
        Body::User { text } => {
            let key = format!("{run_id}:user");
            let row = json!({"role": "user", "content": text, "idempotencyKey": key});
            let mut more = json!({"transport": transport(), "idempotencyKey": key});
            if !message.files.is_empty() {
                more["media"] = attachments::media(&message.files);
            }
            return finished(message, seq, row, &more);
        }
        Body::Assistant { text, stop_reason } => {
            (assistant(run_id, text, *stop_reason), json!({"runId": run_id}))
        }
        Body::ToolCall { command } => (tool_call(command), json!({"runId": run_id})),
        Body::ToolResult { output } => (tool_result(output), json!({"runId": run_id})),
    };
    attachments::add_to(&mut row, &message.files);
    finished(message, seq, row, &more)
}

/// With what every row has, and `more` in it.
fn finished(message: &Message, seq: usize, mut row: Value, more: &Value) -> Value {
    let mut meta = json!({
        "id": message.id,
        "recordTimestampMs": message.timestamp,
        "transcriptPosition": {"source": "scripted", "rawSeq": seq},
        "seq": seq,
    });
    merge(&mut meta, more);
    merge(&mut row, &json!({"timestamp": message.timestamp, "__openclaw": meta}));
    row
}

fn tool_call(command: &str) -> Value {
    let call = json!({
        "type": "toolCall",
        "id": TOOL_CALL_ID,
        "name": "exec",
        "arguments": {"command": command},
    });
    from_model(&json!([call]), "toolUse")
}

fn tool_result(output: &str) -> Value {
    json!({
        "role": "toolResult",
        "toolCallId": TOOL_CALL_ID,
        "toolName": "exec",
        "content": [{"type": "text", "text": output}],
        "isError": false,
    })
}

fn assistant(run_id: &str, text: &str, stop_reason: StopReason) -> Value {
    let content = json!([{"type": "text", "text": text}]);
    match stop_reason {
        StopReason::Stop => from_model(&content, "stop"),
        StopReason::Error => {
            let mut row = from_model(&content, "error");
            row["idempotencyKey"] = format!("{run_id}:terminal-error").into();
            row
        }
        // What an aborted turn said is put there by the gateway, which says
        // so; the reason to stop it gives is the ordinary one.
        StopReason::Aborted => {
            let mut row = from_model(&content, "stop");
            let injected = json!({
                "provider": "openclaw",
                "model": "gateway-injected",
                "idempotencyKey": format!("{run_id}:assistant"),
                "openclawAbort": {"aborted": true, "origin": "rpc", "runId": run_id},
            });
            merge(&mut row, &injected);
            row
        }
    }
}

fn from_model(content: &Value, stop_reason: &str) -> Value {
    json!({
        "role": "assistant",
        "content": content,
        "api": "openai-completions",
        "provider": PROVIDER,
        "model": MODEL,
        "usage": {
            "input": 11,
            "output": 4,
            "totalTokens": 15,
            "cacheRead": 0,
            "cacheWrite": 0,
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0},
        },
        "stopReason": stop_reason,
        "responseId": "chatcmpl-fake",
    })
}

fn transport() -> Value {
    json!({"clients": [{"id": "gateway-client", "mode": "backend"}]})
}
