//! `gateway.suspend.*`: a lease under which nothing new begins.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Gateway;
use super::assistant::blockers;
use super::frames::CallError;
use super::hub::Audience;
use crate::clock;
use crate::ids;

/// A lease that nobody renews ends by itself.
const LEASE: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
pub struct Suspension {
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    /// Whose it is, and how: asked for again with the same, it is the same.
    asked: Value,
    id: String,
    until: Instant,
}

impl Suspension {
    pub fn is_held(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        let mut held = self.held.lock().expect("nothing panics while it holds the lease");
        held.take_if(|held| held.until <= Instant::now());
        held
    }
}

pub fn answer(gateway: &Gateway, method: &str, params: &Value) -> Option<Result<Value, CallError>> {
    match method {
        "gateway.suspend.prepare" => Some(prepare(gateway, params)),
        "gateway.suspend.status" => Some(Ok(status(gateway))),
        "gateway.suspend.resume" => Some(resume(gateway, params)),
        _ => None,
    }
}

fn prepare(gateway: &Gateway, params: &Value) -> Result<Value, CallError> {
    if params["requestId"].as_str().is_none_or(str::is_empty) {
        return Err(CallError::invalid_request("invalid gateway.suspend.prepare params"));
    }
    let mut held = gateway.suspension.lock();
    if held.as_ref().is_some_and(|held| held.asked != *params) {
        let message = "another gateway suspension is already prepared";
        let details = json!({"reason": "gateway-suspension-conflict"});
        return Err(CallError::new("UNAVAILABLE", message).with_details(details));
    }
    let blockers = blockers(gateway);
    if held.is_none() {
        tell(gateway, "preparing");
    }
    if held.is_none() && blockers != json!([]) {
        let active = gateway.turns.count();
        tell(gateway, "accepting");
        return Ok(json!({"status": "busy", "reason": "active-work", "retryAfterMs": 20_000,
            "activeCount": active, "blockers": blockers}));
    }
    if held.is_none() {
        tell(gateway, "prepared");
    }
    let id = held.take().map_or_else(ids::uuid, |held| held.id);
    *held = Some(Held { asked: params.clone(), id: id.clone(), until: Instant::now() + LEASE });
    let until = clock::unix_millis() + 120_000;
    Ok(json!({"status": "ready", "suspensionId": id, "expiresAtMs": until, "activeCount": 0,
        "blockers": []}))
}

fn status(gateway: &Gateway) -> Value {
    json!({"status": if gateway.suspension.is_held() { "ready" } else { "running" }})
}

fn resume(gateway: &Gateway, params: &Value) -> Result<Value, CallError> {
    let mut held = gateway.suspension.lock();
    if held.as_ref().is_some_and(|held| params["suspensionId"] != held.id.as_str()) {
        return Err(CallError::invalid_request("gateway suspension id does not match"));
    }
    let resumed = held.take().is_some();
    if resumed {
        tell(gateway, "accepting");
    }
    Ok(json!({"ok": true, "status": "running", "resumed": resumed}))
}

/// Everybody hears of it.
fn tell(gateway: &Gateway, phase: &str) {
    let payload = json!({"phase": phase});
    gateway.hub.publish("gateway.suspension", &payload, Audience::Everyone);
}
