//! Brings what somebody wrote to the customer's bot to the gateway's own listener.
//!
//! Telegram forgets a message once it is answered with a 200, and brings it again otherwise.
//! So a 200 goes out only for one that the gateway has written down, which it says in a header:
//! a machine that has just woken has a gateway that is not there yet, or only beginning.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Body;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode};
use shared::identity::{TELEGRAM_BODY_MAX_BYTES, TELEGRAM_SECRET_HEADER};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::http::{self, FetchError};
use crate::agent::Agent;
use crate::http::answer::{self, Answer};

/// Where the gateway listens for it; its own default.
const PATH: &str = "/telegram-webhook";

/// By this the gateway says that it keeps the message whatever happens now.
const ACCEPTED: HeaderName = HeaderName::from_static("x-openclaw-delivery-accepted");

/// For the body, which is small; and for the gateway to write it down.
const BODY_WAIT: Duration = Duration::from_secs(10);
const ACCEPT_WAIT: Duration = Duration::from_secs(10);

/// How long a gateway that is just starting is waited for: a cold one takes about fifteen
/// seconds. After that Telegram waits better than we do.
const START_WAIT: Duration = Duration::from_secs(25);
const START_PAUSE: Duration = Duration::from_millis(200);

/// Delivers one call of Telegram's.
pub async fn deliver<B>(agent: &Agent, request: Request<B>) -> Answer
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let secret = request.headers().get(TELEGRAM_SECRET_HEADER).cloned();
    let body =
        timeout(BODY_WAIT, Limited::new(request.into_body(), TELEGRAM_BODY_MAX_BYTES).collect());
    let Ok(Ok(body)) = body.await else {
        let message = "The message was too large, or did not come whole.";
        return answer::error(StatusCode::PAYLOAD_TOO_LARGE, "bad_body", message);
    };
    match hand_over(agent, secret, body.to_bytes()).await {
        Ok(answer) if answer.status() == StatusCode::OK && is_kept(&answer) => {
            let mut kept = answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", Bytes::new());
            kept.headers_mut().insert(ACCEPTED, HeaderValue::from_static(DURABLE));
            kept
        }
        // Again would make it no better.
        Ok(answer) if matches!(answer.status().as_u16(), 400 | 413) => {
            let message = "This is no message of Telegram's.";
            answer::error(answer.status(), "not_an_update", message)
        }
        Ok(answer) => {
            warn!(status = answer.status().as_u16(), "the gateway did not keep a message");
            later()
        }
        Err(error) => {
            debug!(error = &error as &dyn std::error::Error, "no delivery to the gateway");
            later()
        }
    }
}

const DURABLE: &str = "durable";

fn is_kept<B>(answer: &hyper::Response<B>) -> bool {
    answer.headers().get(ACCEPTED).is_some_and(|value| value == DURABLE)
}

fn later() -> Answer {
    let message = "The assistant is starting; try again in a moment.";
    let mut answer = answer::error(StatusCode::SERVICE_UNAVAILABLE, "gateway_starting", message);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// Sent once: only a connection that was never made is tried again.
async fn hand_over(
    agent: &Agent,
    secret: Option<HeaderValue>,
    body: Bytes,
) -> Result<hyper::Response<hyper::body::Incoming>, FetchError> {
    let address = agent.config.gateway.telegram;
    let until = Instant::now() + START_WAIT;
    loop {
        let mut request = Request::post(PATH).body(Full::new(body.clone())).expect("it is a path");
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(&address.to_string());
        headers.insert(HOST, host.expect("an address is a header value"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(secret) = &secret {
            headers.insert(HeaderName::from_static(TELEGRAM_SECRET_HEADER), secret.clone());
        }
        match http::fetch(address, request, ACCEPT_WAIT).await {
            Err(FetchError::Connect { .. }) if Instant::now() < until => sleep(START_PAUSE).await,
            done => return done,
        }
    }
}
