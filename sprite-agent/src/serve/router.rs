//! Which part of the agent answers a request.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use shared::RequestId;
use shared::process::time::unix_seconds;

use super::choices;
use super::downloads;
use super::health::{self, Liveness, Status};
use super::logs;
use super::public_facts::PublicFacts;
use super::strangers::Standing;
use super::suspension;
use crate::agent::Agent;
use crate::gateway::control_ui_path::is_plain;
use crate::gateway::{control_ui, control_ui_socket, page_socket, telegram};
use crate::http::answer::{self, Answer};
use crate::http::guard::{Decision, Guard, is_upgrade};
use crate::http::websocket;
use crate::metrics::Part;

/// Where the gateway serves its own pages (its `controlUi.basePath`).
const CONTROL_UI: &str = "/openclaw";

/// Where files of the assistant's folder can be saved from.
const FILES: &str = "/files/";

/// Where files that came with a message can be had from.
const ATTACHMENTS: &str = "/attachments/";

/// Tells `standing` when a request on this connection has passed the guard.
pub async fn answer(
    agent: Arc<Agent>,
    standing: Arc<Standing>,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (part, id, answer) = route(&agent, &standing, request).await;
    agent.metrics.answered(part, answer.status());
    Ok(answer::finish(answer, id))
}

async fn route(
    agent: &Arc<Agent>,
    standing: &Standing,
    request: Request<Incoming>,
) -> (Part, RequestId, Answer) {
    match request.uri().path() {
        "/pflaster/health" => return (Part::Health, RequestId::random(), health(agent, &request)),
        "/pflaster/logs" => return (Part::Logs, RequestId::random(), logs(agent, &request).await),
        "/pflaster/suspend" => {
            return (Part::Health, RequestId::random(), suspend(agent, &request).await);
        }
        "/metrics" => return (Part::Metrics, RequestId::random(), metrics(agent, &request)),
        _ => {}
    }
    match decide(agent, &request) {
        Decision::Pass(identity) => {
            standing.identified();
            let (part, answer) = for_visitor(agent, request).await;
            (part, identity.request, answer)
        }
        Decision::Telegram(identity) => {
            standing.identified();
            (Part::Telegram, identity.request, telegram::deliver(agent, request).await)
        }
        refused => (Part::Guard, RequestId::random(), refuse(agent, refused)),
    }
}

fn decide(agent: &Agent, request: &Request<Incoming>) -> Decision {
    let guard = Guard {
        keys: &agent.identity_keys.borrow(),
        username: &agent.config.username,
        public_url: &agent.config.public_url,
    };
    guard.decide(request.method(), request.uri(), request.headers(), unix_seconds())
}

fn refuse(agent: &Agent, decision: Decision) -> Answer {
    let answer = match decision {
        Decision::Redirect(location) => answer::redirect(&location),
        Decision::ForeignOrigin => {
            let message = "This request must come from the workspace's own page.";
            answer::error(StatusCode::FORBIDDEN, "foreign_origin", message)
        }
        Decision::NoIdentity(refusal) => {
            agent.metrics.identity_refused(refusal);
            let message = "This address answers only through the workspace's own host.";
            answer::error(StatusCode::UNAUTHORIZED, "no_identity", message)
        }
        Decision::Pass(_) | Decision::Telegram(_) => unreachable!("who passes is not refused"),
    };
    answer::closing(answer)
}

async fn for_visitor(agent: &Arc<Agent>, request: Request<Incoming>) -> (Part, Answer) {
    let path = request.uri().path();
    if path == "/ws" {
        return (Part::Socket, page_socket(agent, request));
    }
    if agent.serves_gateway_page() && is_below(path, CONTROL_UI) {
        let answer = if is_upgrade(request.headers()) {
            gateway_page_socket(agent, request)
        } else if let Some(refusal) = refuse_unless_read(&request) {
            refusal
        } else {
            control_ui::fetch(agent, &request).await
        };
        return (Part::ControlUi, answer);
    }
    if path == "/settings.json" {
        return (Part::Settings, choices::answer(agent, request).await);
    }
    if path == "/config.json" {
        let answer = refuse_unless_read(&request)
            .unwrap_or_else(|| answer::json(StatusCode::OK, &PublicFacts::new(agent)));
        return (Part::Config, answer);
    }
    let (files, attachments) = (&agent.config.files_folder, &agent.config.attachments_folder);
    for (prefix, folder) in [(FILES, files), (ATTACHMENTS, attachments)] {
        if let Some(path) = path.strip_prefix(prefix) {
            let answer = match refuse_unless_read(&request) {
                Some(refusal) => refusal,
                None => downloads::answer(agent, folder.as_deref(), request.method(), path).await,
            };
            return (Part::Files, answer);
        }
    }
    match agent.ui.answer(path, request.headers()) {
        Some(page) => (Part::Page, refuse_unless_read(&request).unwrap_or(page)),
        None => {
            let message = "There is nothing at this path.";
            (Part::Nothing, answer::error(StatusCode::NOT_FOUND, "not_found", message))
        }
    }
}

fn page_socket(agent: &Arc<Agent>, request: Request<Incoming>) -> Answer {
    let Some(place) = agent.claim_socket() else { return too_many_sockets() };
    let message_max_bytes = agent.config.limits.message_max_bytes;
    let agent = agent.clone();
    websocket::upgrade(request, message_max_bytes, |socket| async move {
        page_socket::serve(agent, socket).await;
        drop(place);
    })
}

fn gateway_page_socket(agent: &Arc<Agent>, request: Request<Incoming>) -> Answer {
    if !is_plain(request.uri().path()) {
        let message = "This is not the path of a page.";
        return answer::error(StatusCode::BAD_REQUEST, "bad_path", message);
    }
    let Some(place) = agent.claim_socket() else { return too_many_sockets() };
    let message_max_bytes = agent.config.limits.message_max_bytes;
    let agent = agent.clone();
    websocket::upgrade(request, message_max_bytes, |socket| async move {
        control_ui_socket::serve(&agent, socket).await;
        drop(place);
    })
}

fn too_many_sockets() -> Answer {
    let message = "Too many pages of this workspace are open; close one and try again.";
    let mut answer = answer::error(StatusCode::SERVICE_UNAVAILABLE, "too_many_sockets", message);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    answer
}

/// 200 only when the assistant can be used, for checks that look at nothing else.
fn health(agent: &Agent, request: &Request<Incoming>) -> Answer {
    if let Some(refusal) = refuse_unless_read(request) {
        return refusal;
    }
    let status = Status::from(&*agent.gateway.borrow());
    let code = if status == Status::Ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !request.headers().contains_key(AUTHORIZATION) {
        return answer::json(code, &Liveness { status });
    }
    refuse_without_token(agent, request.headers())
        .unwrap_or_else(|| answer::json(code, &health::full(agent)))
}

async fn logs(agent: &Arc<Agent>, request: &Request<Incoming>) -> Answer {
    let refusal = refuse_unless_read(request);
    match refusal.or_else(|| refuse_without_token(agent, request.headers())) {
        Some(refusal) => refusal,
        None => logs::answer(agent, request.uri().query()).await,
    }
}

async fn suspend(agent: &Agent, request: &Request<Incoming>) -> Answer {
    if *request.method() != Method::POST {
        return not_allowed("This path takes a POST only.", "POST");
    }
    match refuse_without_token(agent, request.headers()) {
        Some(refusal) => refusal,
        None => suspension::answer(agent).await,
    }
}

fn metrics(agent: &Agent, request: &Request<Incoming>) -> Answer {
    if let Some(refusal) = refuse_unless_read(request) {
        return refusal;
    }
    refuse_without_token(agent, request.headers()).unwrap_or_else(|| {
        let text =
            agent.metrics.scrape(&agent.gateway.borrow(), agent.open_sockets(), &agent.awake);
        answer::bytes(StatusCode::OK, "text/plain; version=0.0.4", Bytes::from(text))
    })
}

fn refuse_without_token(agent: &Agent, headers: &HeaderMap) -> Option<Answer> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if agent.config.health_token.matches_bearer(header) {
        return None;
    }
    let message = "This needs the agent's health token.";
    let mut answer = answer::error(StatusCode::UNAUTHORIZED, "no_token", message);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Some(answer::closing(answer))
}

fn refuse_unless_read(request: &Request<Incoming>) -> Option<Answer> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    Some(not_allowed("This path can only be read.", "GET, HEAD"))
}

fn not_allowed(message: &'static str, allowed: &'static str) -> Answer {
    let mut answer = answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_not_a_prefix() {
        assert!(is_below("/openclaw", CONTROL_UI) && is_below("/openclaw/x", CONTROL_UI));
        assert!(!is_below("/openclaw-x", CONTROL_UI) && !is_below("/x/openclaw", CONTROL_UI));
    }
}
