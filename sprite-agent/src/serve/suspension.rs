//! `POST /pflaster/suspend`: closes the gateway to new work, for who is about to stop this
//! machine's agent.
//!
//! Answers `{"status": "ready"}` when nothing runs: nothing begins from then on, until the
//! agent is stopped or [`CLOSED_SECONDS`] are over. Else 409 with `busy`, what runs in
//! `blockers`, and the gateway as it was; 503 when the gateway does not answer. May be called
//! again.

use hyper::StatusCode;
use serde::Serialize;
use shared::process::time::unix_seconds;

use crate::agent::Agent;
use crate::http::answer::{self, Answer};
use crate::supervisor::suspension::{self, Prepared};

/// Who asks stops the agent next, which takes one call.
const CLOSED_SECONDS: u64 = 30;

#[derive(Debug, Serialize)]
struct Suspension {
    status: &'static str,
    blockers: Vec<String>,
}

/// The caller has checked the health token.
pub async fn answer(agent: &Agent) -> Answer {
    let gateway = &agent.config.gateway;
    // Before it is closed, or the agent would open it at once.
    agent.awake.close(unix_seconds() + CLOSED_SECONDS);
    let prepared = suspension::prepare(gateway.address, &gateway.token, &agent.awake).await;
    let (code, status, blockers) = match prepared {
        Prepared::Ready => (StatusCode::OK, "ready", Vec::new()),
        Prepared::Busy(blockers) => (StatusCode::CONFLICT, "busy", blockers),
        Prepared::Unanswered => (StatusCode::SERVICE_UNAVAILABLE, "unanswered", Vec::new()),
    };
    answer::json(code, &Suspension { status, blockers })
}
