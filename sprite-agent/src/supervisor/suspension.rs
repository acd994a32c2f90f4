//! Asks the gateway whether anything runs in it, by closing it to new work, and opens it again.
//!
//! `gateway.suspend.prepare` lets nothing begin from then on, or says what runs and closes
//! nothing. It is asked before a machine is changed, and before one that was held awake is let
//! go. It opens again when the machine was not stopped after all: by the agent as soon as it
//! notices, and by itself after two minutes, which a machine that was frozen meanwhile has not
//! lived through.

use std::net::SocketAddr;

use serde_json::{Value, json};
use shared::Secret;
use shared::process::time::unix_seconds;

use super::health_connection::{HealthConnection, Scopes};
use crate::awake_status::AwakeStatus;
use crate::gateway::hands::{HAND_SCOPES, HAND_SCOPES_HEADER};
use crate::gateway::peek::SUSPENDING;

/// The gateway gives the same lease to whoever asks with the same word, so that an agent
/// needs to remember nothing.
const REQUEST: &str = "arca-agent";

const RIGHTS: Scopes = (HAND_SCOPES, HAND_SCOPES_HEADER);

/// Of those that a gateway names.
const BLOCKERS: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub enum Prepared {
    /// Nothing runs, and nothing begins.
    Ready,
    /// What runs, in the gateway's words. It stays open.
    Busy(Vec<String>),
    /// It does not answer, or somebody else has it suspended.
    Unanswered,
}

/// Closes it until it is opened: before, [`AwakeStatus::close`] says that somebody wants it so.
pub async fn prepare(
    address: SocketAddr,
    token: &Secret<String>,
    status: &AwakeStatus,
) -> Prepared {
    let _gate = status.gate.write().await;
    match HealthConnection::open_with(address, token, RIGHTS).await {
        Ok(connection) => judge(&ask(&connection).await),
        Err(_no_gateway) => Prepared::Unanswered,
    }
}

/// Opens what [`prepare`] closed; does nothing where it did not, or somebody wants it closed.
pub async fn resume(address: SocketAddr, token: &Secret<String>, status: &AwakeStatus) {
    look(address, token, status).await;
}

/// What [`prepare`] would say; leaves the gateway open, which it is closed for as long as one
/// answer takes, unless somebody wants it closed.
pub async fn look(address: SocketAddr, token: &Secret<String>, status: &AwakeStatus) -> Prepared {
    let _gate = status.gate.write().await;
    if status.is_closed(unix_seconds()) {
        return Prepared::Unanswered;
    }
    let Ok(connection) = HealthConnection::open_with(address, token, RIGHTS).await else {
        return Prepared::Unanswered;
    };
    let lease = ask(&connection).await;
    if let Some(id) = lease["payload"]["suspensionId"].as_str() {
        let _ = connection.ask("gateway.suspend.resume", json!({"suspensionId": id})).await;
    }
    judge(&lease)
}

/// Is this the answer of a gateway that is closed?
pub fn is_closed(answer: &Value) -> bool {
    answer["error"]["details"]["reason"] == SUSPENDING
}

async fn ask(connection: &HealthConnection) -> Value {
    let params = json!({"requestId": REQUEST, "terminalPolicy": "terminate"});
    connection.ask("gateway.suspend.prepare", params).await.unwrap_or_default()
}

fn judge(answer: &Value) -> Prepared {
    let payload = &answer["payload"];
    match payload["status"].as_str() {
        Some("ready") => Prepared::Ready,
        Some("busy") => {
            let blockers = payload["blockers"].as_array().into_iter().flatten();
            let named = blockers.filter_map(|it| it["message"].as_str().map(str::to_owned));
            Prepared::Busy(named.take(BLOCKERS).collect())
        }
        _ => Prepared::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_told_in_the_gateways_words() {
        let check = |answer: Value, expected| assert_eq!(judge(&answer), expected, "{answer}");
        let ready = json!({"status": "ready", "suspensionId": "x", "blockers": []});
        check(json!({"ok": true, "payload": ready}), Prepared::Ready);
        let blockers = json!([{"kind": "embedded-run", "count": 1, "message": "1 active run"}]);
        let busy = json!({"status": "busy", "blockers": blockers});
        check(json!({"ok": true, "payload": busy}), Prepared::Busy(vec!["1 active run".into()]));
        let conflict = json!({"code": "UNAVAILABLE",
            "details": {"reason": "gateway-suspension-conflict"}});
        check(json!({"ok": false, "error": conflict}), Prepared::Unanswered);
        check(Value::Null, Prepared::Unanswered);
    }
}
