//! The files of the gateway's own page under `/openclaw/`, where the customer has
//! switched it on. They are read through us without any credential; they need none.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};
use tracing::debug;

use super::control_ui_path::is_plain;
use super::http;
use super::methods::SCOPES_HEADER;
use crate::agent::Agent;
use crate::http::answer::{self, Answer};

/// A gateway under load takes seconds; a page that loads longer is reloaded by hand.
const FILE_MAX: Duration = Duration::from_secs(30);

/// Request headers that matter for a file; no other reaches the gateway.
const ASKED: [&str; 6] =
    ["accept", "accept-encoding", "accept-language", "if-modified-since", "if-none-match", "range"];

/// Headers that belong to one connection, not to the answer.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One file of the gateway's page, as the gateway serves it.
pub async fn fetch<B>(agent: &Agent, request: &Request<B>) -> Answer {
    if !is_plain(request.uri().path()) {
        let message = "This is not the path of a page.";
        return answer::error(StatusCode::BAD_REQUEST, "bad_path", message);
    }
    let config = &agent.config;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let public_host = HeaderValue::from_str(config.public_url.authority());
    let mut asked = Request::new(Empty::<Bytes>::new());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = path.parse().expect("it was a path before");
    let headers = asked.headers_mut();
    headers.insert(HOST, public_host.expect("an authority is a header value"));
    headers.insert(
        HeaderName::from_static("x-openclaw-scopes"),
        HeaderValue::from_static(SCOPES_HEADER),
    );
    for name in ASKED {
        if let Some(value) = request.headers().get(name) {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
    match http::fetch(config.gateway.address, asked, FILE_MAX).await {
        Ok(answer) => {
            let mut answer = answer.map(answer::passed_on);
            for name in HOP_BY_HOP {
                answer.headers_mut().remove(name);
            }
            answer
        }
        Err(error) => {
            debug!(error = &error as &dyn std::error::Error, "no file from the gateway");
            let message = "The assistant is restarting; try again in a moment.";
            answer::error(StatusCode::BAD_GATEWAY, "gateway_unreachable", message)
        }
    }
}
