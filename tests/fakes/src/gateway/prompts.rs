//! What a turn waits for a person to say: a question of the assistant, or a
//! command that it may not run unasked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::Gateway;
use super::frames::CallError;
use super::hub::Audience;
use crate::{clock, ids};

/// How long a prompt says that it is open.
const OPEN_FOR_MS: u64 = 30 * 60 * 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Question,
    Approval,
}

/// The open prompts of a gateway.
#[derive(Debug, Default)]
pub struct Prompts {
    open: Mutex<BTreeMap<String, Open>>,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    record: Value,
    answer: oneshot::Sender<String>,
}

impl Kind {
    fn audience(self) -> Audience {
        Audience::Scope(match self {
            Self::Question => "operator.questions",
            Self::Approval => "operator.approvals",
        })
    }

    fn events(self) -> (&'static str, &'static str) {
        match self {
            Self::Question => ("question.requested", "question.resolved"),
            Self::Approval => ("exec.approval.requested", "exec.approval.resolved"),
        }
    }
}

impl Prompts {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Open>> {
        self.open.lock().expect("no holder panics")
    }
}

/// Opens a prompt and tells the clients that may answer it. The receiver gets the answer in words.
pub fn ask(
    gateway: &Gateway,
    kind: Kind,
    session: &str,
    content: &Value,
) -> (String, oneshot::Receiver<String>) {
    let (answer, answered) = oneshot::channel();
    let id = ids::uuid();
    let now = clock::unix_millis();
    let mut record = json!({"id": id, "createdAtMs": now, "expiresAtMs": now + OPEN_FOR_MS});
    match kind {
        Kind::Question => {
            record["status"] = "pending".into();
            record["sessionKey"] = session.into();
            record["questions"] = content.clone();
        }
        Kind::Approval => record["request"] = json!({"command": content, "sessionKey": session}),
    }
    gateway.prompts.lock().insert(id.clone(), Open { kind, record: record.clone(), answer });
    gateway.hub.publish(kind.events().0, &record, kind.audience());
    (id, answered)
}

/// The turn does not wait any more.
pub fn withdraw(gateway: &Gateway, id: &str) {
    let Some(open) = gateway.prompts.lock().remove(id) else { return };
    let payload = json!({"id": id, "status": "cancelled"});
    gateway.hub.publish(open.kind.events().1, &payload, open.kind.audience());
}

pub fn list(gateway: &Gateway, kind: Kind) -> Vec<Value> {
    let open = gateway.prompts.lock();
    open.values().filter(|open| open.kind == kind).map(|open| open.record.clone()).collect()
}

/// # Errors
/// There is no such prompt, or not any more.
pub fn resolve(gateway: &Gateway, kind: Kind, params: &Value) -> Result<Value, CallError> {
    let id = params["id"].as_str().unwrap_or_default();
    let open = gateway.prompts.lock().remove(id);
    let open = open
        .filter(|open| open.kind == kind)
        .ok_or_else(|| CallError::invalid_request(format!("question '{id}' was not found")))?;
    let (words, payload) = match kind {
        Kind::Approval => {
            let decision = params["decision"].as_str().unwrap_or("deny").to_owned();
            (decision.clone(), json!({"id": id, "decision": decision}))
        }
        Kind::Question if params["cancel"] == true => {
            ("nothing".to_owned(), json!({"id": id, "status": "cancelled"}))
        }
        Kind::Question => {
            let answers = &params["answers"];
            let words = answers["answers"]
                .as_object()
                .into_iter()
                .flat_map(|answers| answers.values())
                .filter_map(Value::as_array)
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            (words, json!({"id": id, "status": "answered", "answers": answers}))
        }
    };
    // The turn may have been stopped in between: then nobody listens, which is as good.
    let _ = open.answer.send(words);
    gateway.hub.publish(kind.events().1, &payload, kind.audience());
    Ok(json!({"ok": true, "id": id}))
}
