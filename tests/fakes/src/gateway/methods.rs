//! What a connected client may call, and what comes back.

use std::io;
use std::sync::Arc;

use serde_json::{Value, json};
use tracing::error;

use super::frames::{CallError, Request};
use super::phase::Phase;
use super::session_store::canonical_key;
use super::sessions::{CONTEXT_TOKENS, MODEL, MODEL_NAME, PROVIDER};
use super::turn_events::failure_summary;
use super::turns::{Begun, Outcome, Turn};
use super::{
    Gateway, assistant, attachments, hello, history, prompts, schema, session_methods, suspension,
    telegram, turn, workspace_files,
};
use crate::script;

/// The tool with which an assistant plans something.
const AUTOMATIONS: &str = "automations";

/// What a call brings about.
pub struct Reply {
    pub result: Result<Value, CallError>,
    /// A turn to run once the caller has been answered.
    pub then: Option<StartTurn>,
}

/// A turn that was accepted and does not run yet.
pub struct StartTurn {
    turn: Arc<Turn>,
    message: String,
}

impl StartTurn {
    /// Lets the turn run by itself: a client that leaves does not stop it.
    pub fn start(self, gateway: &Arc<Gateway>) {
        tokio::spawn(turn::run(Arc::clone(gateway), self.turn, self.message));
    }
}

/// Whose request it is.
pub struct Caller<'a> {
    /// Of its connection in the hub.
    pub id: u64,
    pub scopes: &'a [String],
}

impl Caller<'_> {
    /// The real gateway takes who has every right for the assistant's owner.
    fn is_owner(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "operator.admin")
    }
}

/// Answers one request.
pub fn call(gateway: &Gateway, caller: &Caller<'_>, request: &Request) -> Reply {
    let (method, params) = (request.method.as_str(), &request.params);
    let result = match (permitted(gateway, caller.scopes, request), method) {
        (Err(error), _) => Err(error),
        (Ok(()), "chat.send") => return chat_send(gateway, caller, params),
        (Ok(()), "chat.abort") => chat_abort(gateway, caller, params),
        (Ok(()), "sessions.subscribe") => schema::check(method, params)
            .map_err(CallError::invalid_request)
            .map(|()| gateway.hub.subscribe(caller.id))
            .map(|()| json!({"subscribed": true})),
        (Ok(()), _) => answer(gateway, method, params),
    };
    Reply { result, then: None }
}

fn permitted(gateway: &Gateway, scopes: &[String], request: &Request) -> Result<(), CallError> {
    let method = request.method.as_str();
    if gateway.phase() == Phase::Draining {
        return Err(CallError::draining(method));
    }
    if gateway.suspension.is_held() && !method.starts_with("gateway.suspend.") {
        return Err(CallError::suspended(method));
    }
    // What nobody has heard of needs the most: a client learns which methods
    // exist only with every right.
    let needed = session_methods::scope_with(method, &request.params)
        .or_else(|| hello::scope_of(method))
        .unwrap_or("operator.admin");
    if !grants(scopes, needed) {
        return Err(CallError::missing_scope(needed));
    }
    if method == "connect" {
        return Err(CallError::invalid_request("connect is only valid as the first request"));
    }
    let is_left_out = gateway.settings.without.as_deref() == Some(method);
    if is_left_out || hello::scope_of(method).is_none() {
        return Err(CallError::invalid_request(format!("unknown method: {method}")));
    }
    Ok(())
}

fn grants(scopes: &[String], needed: &str) -> bool {
    scopes.iter().any(|scope| {
        scope == needed
            || scope == "operator.admin"
            || (scope == "operator.write" && needed == "operator.read")
    })
}

fn answer(gateway: &Gateway, method: &str, params: &Value) -> Result<Value, CallError> {
    schema::check(method, params).map_err(CallError::invalid_request)?;
    match method {
        "chat.history" => Ok(history::history(gateway, params)),
        "question.list" => {
            Ok(json!({"questions": prompts::list(gateway, prompts::Kind::Question)}))
        }
        "question.resolve" => prompts::resolve(gateway, prompts::Kind::Question, params),
        "exec.approval.list" => Ok(prompts::list(gateway, prompts::Kind::Approval).into()),
        "exec.approval.resolve" => prompts::resolve(gateway, prompts::Kind::Approval, params),
        "artifacts.list" => Ok(attachments::list(gateway, params)),
        "artifacts.download" => attachments::download(gateway, params),
        "sessions.list" => Ok(session_methods::list(gateway, params)),
        "sessions.search" => Ok(session_methods::search(gateway, params)),
        "sessions.patch" => session_methods::patch(gateway, params),
        "sessions.delete" => session_methods::delete(gateway, params),
        "models.list" => Ok(models_list()),
        "commands.list" => Ok(commands_list()),
        "sessions.fork" => assistant::branch(gateway, params, true),
        "sessions.rewind" => assistant::branch(gateway, params, false),
        "health" => Ok(gateway.health()),
        other => assistant::answer(gateway, other, params)
            .or_else(|| telegram::answer(gateway, other, params))
            .or_else(|| suspension::answer(gateway, other, params))
            .or_else(|| workspace_files::answer(gateway, other, params))
            .unwrap_or_else(|| {
                Err(CallError::new(
                    "UNAVAILABLE",
                    format!("{other} is not played by the fake gateway"),
                ))
            }),
    }
}

fn chat_send(gateway: &Gateway, caller: &Caller<'_>, params: &Value) -> Reply {
    let refuse = |error| Reply { result: Err(error), then: None };
    if params.get("sessionKey").is_none() {
        let details = json!({"code": "SESSION_MUTATION_TARGET_REQUIRED", "method": "chat.send"});
        let error = CallError::invalid_request("session mutation target is unavailable");
        return refuse(error.with_details(details));
    }
    if let Err(complaint) = schema::check("chat.send", params) {
        return refuse(CallError::invalid_request(complaint));
    }
    let text = |key: &str| params[key].as_str().unwrap_or_default();
    let (message, run_id) = (text("message"), text("idempotencyKey"));
    let has_attachment = params["attachments"].as_array().is_some_and(|list| !list.is_empty());
    if message.trim().is_empty() && !has_attachment {
        return refuse(CallError::invalid_request("message or attachment required"));
    }
    let key = canonical_key(text("sessionKey"));
    let files = match attachments::read(&params["attachments"]) {
        Ok(files) => files,
        Err(error) => return refuse(error),
    };
    if let Err(error) = attachments::keep(gateway, &files) {
        return refuse(not_saved("an attachment", &error));
    }
    let owner = Some(caller.id);
    let begun = match gateway.turns.begin(&gateway.store, key, run_id, message, files, owner) {
        Ok(begun) => begun,
        Err(error) => return refuse(not_saved("the message", &error)),
    };
    let ack = |status: &str| Ok(json!({"runId": run_id, "status": status}));
    let may_plan = caller.is_owner() && gateway.settings.config.offers(AUTOMATIONS);
    if let Some(after) = script::reminder(message).filter(|_| may_plan) {
        assistant::remind(gateway, key, after);
    }
    match begun {
        Begun::Turn(turn) => Reply {
            result: ack("started"),
            then: Some(StartTurn { turn, message: message.to_owned() }),
        },
        Begun::Steered => Reply { result: ack("started"), then: None },
        Begun::Again(outcome) => Reply { result: repeated(run_id, &outcome), then: None },
        Begun::Full => {
            refuse(CallError::new("UNAVAILABLE", "too many messages wait for the running turn"))
        }
    }
}

/// What the second `chat.send` with the same key hears.
fn repeated(run_id: &str, outcome: &Outcome) -> Result<Value, CallError> {
    match outcome {
        Outcome::Running => Ok(json!({"runId": run_id, "status": "in_flight"})),
        Outcome::Done => Ok(json!({"runId": run_id, "status": "ok"})),
        // The real gateway's word for it.
        Outcome::Aborted { ended_at } => Ok(json!({
            "runId": run_id,
            "status": "timeout",
            "summary": "aborted",
            "stopReason": "rpc",
            "endedAt": ended_at,
        })),
        Outcome::Failed { reason } => {
            let summary = failure_summary(reason);
            let payload = json!({"runId": run_id, "status": "error", "summary": summary});
            Err(CallError::new("UNAVAILABLE", summary).with_payload(payload))
        }
    }
}

/// Whose run it is, may stop it, and an owner every one.
fn chat_abort(gateway: &Gateway, caller: &Caller<'_>, params: &Value) -> Result<Value, CallError> {
    schema::check("chat.abort", params).map_err(CallError::invalid_request)?;
    let key = canonical_key(params["sessionKey"].as_str().unwrap_or_default());
    let is_anothers = |turn: Arc<Turn>| turn.owner != Some(caller.id);
    if !caller.is_owner() && gateway.turns.active(key).is_some_and(is_anothers) {
        return Err(CallError::invalid_request("unauthorized"));
    }
    let runs = turn::abort(gateway, key, params["runId"].as_str())
        .map_err(|error| not_saved("the aborted turn", &error))?;
    Ok(json!({"ok": true, "aborted": !runs.is_empty(), "runIds": runs}))
}

/// Some of what the real one lists, with its words for them.
fn commands_list() -> Value {
    let command = |name: &str, description: &str, source: &str, accepts_args: bool| {
        json!({
            "name": name,
            "textAliases": [format!("/{name}")],
            "description": description,
            "source": source,
            "scope": "both",
            "acceptsArgs": accepts_args,
        })
    };
    json!({"commands": [
        command("help", "Show available commands.", "native", false),
        command("status", "Show current status.", "native", false),
        command("model", "Show or set the model.", "native", true),
        command("restart", "Restart OpenClaw.", "native", false),
        command("weather", "Get current weather and forecasts.", "skill", true),
    ]})
}

fn models_list() -> Value {
    json!({"models": [{
        "id": MODEL,
        "name": MODEL_NAME,
        "provider": PROVIDER,
        "contextWindow": CONTEXT_TOKENS,
        "reasoning": false,
        "tags": ["default"],
        "thinkingLevels": [{"id": "off", "label": "off"}],
        "thinkingDefault": "off",
        "available": true,
    }]})
}

pub(super) fn not_saved(what: &str, error: &io::Error) -> CallError {
    error!(%error, "{what} could not be saved");
    CallError::new("UNAVAILABLE", format!("{what} could not be saved"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_includes_the_lesser_ones() {
        let check = |scope: &str, needed: &str, expected: bool| {
            assert_eq!(grants(&[scope.to_owned()], needed), expected, "{scope} for {needed}");
        };
        check("operator.read", "operator.read", true);
        check("operator.read", "operator.write", false);
        check("operator.write", "operator.read", true);
        check("operator.write", "operator.admin", false);
        check("operator.admin", "operator.write", true);
    }

    #[test]
    fn a_repeated_key_hears_how_its_turn_stands() {
        assert_eq!(repeated("r", &Outcome::Running).unwrap()["status"], "in_flight");
        assert_eq!(repeated("r", &Outcome::Done).unwrap()["status"], "ok");
        let aborted = repeated("r", &Outcome::Aborted { ended_at: 1 }).unwrap();
        assert_eq!(aborted["status"], "timeout");
        let failed = repeated("r", &Outcome::Failed { reason: "why".to_owned() }).unwrap_err();
        assert_eq!(failed.code, "UNAVAILABLE");
        assert_eq!(failed.payload.unwrap()["status"], "error");
    }
}
