//! A language model that says what the script says, over the API of OpenAI.
//!
//! For the real OpenClaw, where nothing may leave the machine. It never
//! answers 401: the gateway would lock the provider out for a minute.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, extract::DefaultBodyLimit, http::StatusCode};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock;
use crate::prompt::{self, Prompt};
use crate::script::{self, Step};

/// Name of the only model.
pub const MODEL: &str = "fake-1";

/// The tool the script calls, when the caller offers it.
const TOOL: &str = "exec";

/// What an owner's assistant plans with; where it has many tools it calls them by another.
const PLANNING_TOOL: &str = "automations";
const CALLING_TOOL: &str = "tool_call";

/// Asks what came with the message; what only a model is shown, the script does not know.
const SEE: &str = "SEE";

/// Largest request. The real gateway's prompt is some 60 KB and grows with
/// the conversation; its own limit for a message is 25 MiB.
const BODY_MAX_BYTES: usize = 32 * 1024 * 1024;

/// The model's two endpoints.
pub fn router() -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/chat/completions", post(complete))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
}

#[derive(Deserialize)]
struct Request {
    messages: Vec<Value>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    tools: Vec<Value>,
}

/// What the model will do with a request.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Text(Vec<Step>),
    /// Asks the caller to run a command, or to plan a reminder.
    CallTool(Value),
}

/// The script tells the model to fail, and why.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(&'static str);

async fn models() -> Json<Value> {
    Json(json!({
        "object": "list",
        "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "script"}],
    }))
}

async fn complete(Json(request): Json<Request>) -> Response {
    match decide(&request) {
        Err(Refusal(reason)) => refuse(reason),
        Ok(answer) if request.stream => {
            let chunks = chunks(answer).map(Ok::<_, Infallible>);
            Sse::new(chunks).into_response()
        }
        Ok(answer) => Json(completion(&answer)).into_response(),
    }
}

fn decide(request: &Request) -> Result<Answer, Refusal> {
    let prompt = prompt::read(&request.messages);
    if prompt.message.starts_with(SEE) {
        return Ok(Answer::Text(script::answer(&format!("FAST {}", seen(&prompt)))));
    }
    let steps = script::answer(&prompt.message);
    let offers = |name: &str| request.tools.iter().any(|tool| tool["function"]["name"] == name);
    if let Some(after) = script::reminder(&prompt.message).filter(|_| !prompt.tool_answered)
        && (offers(PLANNING_TOOL) || offers(CALLING_TOOL))
    {
        return Ok(Answer::CallTool(plan_call(after, offers(PLANNING_TOOL))));
    }
    match steps.first() {
        Some(Step::Fail { reason }) => Err(Refusal(reason)),
        Some(Step::Tool { command, .. }) if offers(tool(command)) && !prompt.tool_answered => {
            Ok(Answer::CallTool(tool_call(command)))
        }
        _ => Ok(Answer::Text(steps)),
    }
}

fn seen(prompt: &Prompt) -> String {
    let pictures = prompt.pictures.iter().map(|bytes| format!("a picture of {bytes} bytes"));
    let documents = prompt.documents.iter().map(|said| format!("a document: {said}"));
    pictures.chain(documents).collect::<Vec<_>>().join("; ")
}

/// 400 and not 5xx: the gateway tries those seven times, for 95 s.
fn refuse(reason: &str) -> Response {
    let body = json!({"error": {"message": reason, "type": "invalid_request_error"}});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn completion(answer: &Answer) -> Value {
    let (message, finish_reason) = match answer {
        Answer::Text(steps) => {
            let text = script::full_text(steps);
            (json!({"role": "assistant", "content": text}), "stop")
        }
        Answer::CallTool(call) => {
            let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            (message, "tool_calls")
        }
    };
    let mut completion = envelope(
        "chat.completion",
        &json!({
            "index": 0,
            "message": message,
            "finish_reason": finish_reason,
        }),
    );
    completion["usage"] = usage();
    completion
}

/// The answer as server-sent events: pieces, the end, `[DONE]`.
fn chunks(answer: Answer) -> impl Stream<Item = Event> {
    let (pieces, finish_reason): (Vec<(Duration, Value)>, _) = match answer {
        Answer::Text(steps) => (steps.into_iter().filter_map(piece).collect(), "stop"),
        Answer::CallTool(mut call) => {
            call["index"] = 0.into();
            let delta = json!({"role": "assistant", "tool_calls": [call]});
            (vec![(Duration::ZERO, delta)], "tool_calls")
        }
    };
    let deltas = stream::iter(pieces).then(|(pause, delta)| async move {
        tokio::time::sleep(pause).await;
        chunk(&delta, None)
    });
    let mut last = chunk(&json!({}), Some(finish_reason));
    last["usage"] = usage();
    deltas
        .chain(stream::iter([last]))
        .map(|chunk| Event::default().data(chunk.to_string()))
        .chain(stream::iter([Event::default().data("[DONE]")]))
}

fn piece(step: Step) -> Option<(Duration, Value)> {
    match step {
        Step::Say { text, pause } => Some((pause, json!({"content": text}))),
        Step::Tool { .. }
        | Step::Ask { .. }
        | Step::Approve { .. }
        | Step::File { .. }
        | Step::Fail { .. } => None,
    }
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Value {
    envelope(
        "chat.completion.chunk",
        &json!({
            "index": 0,
            "delta": delta,
            "finish_reason": finish_reason,
        }),
    )
}

fn envelope(object: &str, choice: &Value) -> Value {
    json!({
        "id": "chatcmpl-fake",
        "object": object,
        "created": clock::unix_seconds(),
        "model": MODEL,
        "choices": [choice],
    })
}

/// Which tool runs `command`.
fn tool(command: &str) -> &str {
    if command == script::STATUS_TOOL { command } else { TOOL }
}

fn tool_call(command: &str) -> Value {
    let name = tool(command);
    let arguments = if name == TOOL { json!({"command": command}) } else { json!({}) };
    json!({
        "id": "call_fake1",
        "type": "function",
        "function": {"name": name, "arguments": arguments.to_string()},
    })
}

/// A reminder in the conversation that it is asked for in, by a tool of its own or by the one
/// that calls others.
fn plan_call(after: Duration, directly: bool) -> Value {
    let at = clock::unix_millis() + u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    let job = json!({"name": "reminder", "schedule": {"kind": "at", "at": at.to_string()},
        "payload": {"kind": "agentTurn", "message": "FAST it is time"}});
    let planned = json!({"action": "add", "job": job});
    let (name, arguments) = match directly {
        true => (PLANNING_TOOL, planned),
        false => (CALLING_TOOL, json!({"id": PLANNING_TOOL, "args": planned})),
    };
    json!({
        "id": "call_fake1",
        "type": "function",
        "function": {"name": name, "arguments": arguments.to_string()},
    })
}

fn usage() -> Value {
    json!({"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(message: &str, tools: &[&str]) -> Request {
        Request {
            messages: vec![json!({"role": "user", "content": message})],
            stream: false,
            tools: tools
                .iter()
                .map(|name| json!({"type": "function", "function": {"name": name}}))
                .collect(),
        }
    }

    #[test]
    fn the_tool_is_called_once_and_only_if_there_is_one() {
        let mut with_tool = request("TOOLCALL", &["exec"]);
        assert!(matches!(decide(&with_tool), Ok(Answer::CallTool { .. })));
        with_tool.messages.push(json!({"role": "tool", "content": "hi-from-tool"}));
        assert!(matches!(decide(&with_tool), Ok(Answer::Text(_))));
        assert!(matches!(decide(&request("TOOLCALL", &[])), Ok(Answer::Text(_))));
        let status = request("Use your session_status tool", &["exec", "session_status"]);
        let call = completion(&decide(&status).unwrap());
        let call = &call["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!((&call["name"], &call["arguments"]), (&json!("session_status"), &json!("{}")));
    }

    #[test]
    fn something_is_planned_once_by_whatever_tool_there_is() {
        let called = |tools: &[&str]| {
            let call = completion(&decide(&request("REMIND 60", tools)).unwrap());
            let call = call["choices"][0]["message"]["tool_calls"][0]["function"].clone();
            (call["name"].clone(), call["arguments"].as_str().unwrap_or_default().to_owned())
        };
        let (name, arguments) = called(&["automations"]);
        assert_eq!(name, "automations");
        assert!(arguments.contains("\"action\":\"add\""), "{arguments}");
        assert_eq!(called(&["tool_call"]).0, "tool_call");
        assert_eq!(called(&["exec"]).0, Value::Null);
        let mut answered = request("REMIND 60", &["automations"]);
        answered.messages.push(json!({"role": "tool", "content": "{}"}));
        assert!(matches!(decide(&answered), Ok(Answer::Text(_))));
    }

    #[test]
    fn an_error_of_the_script_is_never_an_authentication_error() {
        let Refusal(reason) = decide(&request("ERROR", &[])).expect_err("ERROR is refused");
        assert_eq!(refuse(reason).status(), StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn the_pieces_of_a_stream_add_up_to_the_whole_answer() {
        let whole = completion(&decide(&request("FAST markdown", &[])).unwrap());
        let streamed = chunks(decide(&request("FAST markdown", &[])).unwrap()).count().await;
        let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
        let words = text.split_inclusive(char::is_whitespace).count();
        assert_eq!(streamed, words + 2, "the words, the end, and [DONE]");
    }
}
