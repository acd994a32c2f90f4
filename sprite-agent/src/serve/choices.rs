//! `/settings.json`: what the customer can choose about the agent itself.
//!
//! `GET` tells, `PUT` chooses all of it: `{"gateway_page": true}`. Both answer
//! `{"gateway_page": true, "gateway_page_available": true}`.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::Serialize;
use tracing::warn;

use crate::agent::Agent;
use crate::http::answer::{self, Answer};
use crate::settings::Choices;

/// Some choices in JSON.
const BODY_MAX_BYTES: usize = 1 << 10;

/// For so few bytes.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
pub struct ChosenFacts {
    /// Is the gateway's own page served under `/openclaw/`?
    gateway_page: bool,
    /// May the customer switch it on?
    gateway_page_available: bool,
}

impl ChosenFacts {
    pub fn new(agent: &Agent) -> Self {
        Self {
            gateway_page: agent.serves_gateway_page(),
            gateway_page_available: agent.offers_gateway_page(),
        }
    }
}

/// The guard has seen to it that a change comes from the workspace's own page.
pub async fn answer(agent: &Agent, request: Request<Incoming>) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => answer::json(StatusCode::OK, &ChosenFacts::new(agent)),
        Method::PUT => choose(agent, request).await,
        _ => {
            let message = "This path can be read and put.";
            let mut answer =
                answer::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, PUT"));
            answer
        }
    }
}

async fn choose(agent: &Agent, request: Request<Incoming>) -> Answer {
    let body = Limited::new(request.into_body(), BODY_MAX_BYTES).collect();
    let choices: Option<Choices> = match tokio::time::timeout(BODY_TIME_MAX, body).await {
        Ok(Ok(body)) => serde_json::from_slice(&body.to_bytes()).ok(),
        Ok(Err(_)) | Err(_) => None,
    };
    let Some(choices) = choices else {
        let message = "This is not a list of choices, such as {\"gateway_page\": false}.";
        return answer::error(StatusCode::BAD_REQUEST, "not_choices", message);
    };
    if choices.gateway_page && !agent.offers_gateway_page() {
        let message = "The assistant's own page cannot be switched on in this workspace.";
        return answer::error(StatusCode::FORBIDDEN, "not_available", message);
    }
    match agent.settings.choose(choices).await {
        Ok(()) => answer::json(StatusCode::OK, &ChosenFacts::new(agent)),
        Err(error) => {
            warn!(%error, "cannot write down what the customer chose");
            let message = "Your choice could not be saved; try again in a moment.";
            answer::error(StatusCode::INTERNAL_SERVER_ERROR, "not_saved", message)
        }
    }
}
