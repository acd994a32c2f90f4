//! Does the gateway say that it is ready? Its `/readyz` does so in JSON; a bare
//! 200 says nothing.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use serde_json::Value;

use crate::gateway::http::fetch;

/// A gateway that loads blocks its event loop for seconds; the next probe comes anyway.
const ANSWER_MAX: Duration = Duration::from_secs(5);

const BODY_MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It answers, but is starting, draining, or not the gateway at all. What it names.
    NotReady(String),
    /// No answer in time.
    Silent,
}

/// Asks without any forwarded header: the gateway refuses those from the loopback interface.
pub async fn ask(address: SocketAddr) -> Readiness {
    let answer = tokio::time::timeout(ANSWER_MAX, fetch_whole(address)).await;
    answer.ok().flatten().map_or(Readiness::Silent, |answer| judge(&answer))
}

async fn fetch_whole(address: SocketAddr) -> Option<Response<Bytes>> {
    let request = Request::get("/readyz")
        .header(HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .expect("a fixed request is valid");
    let answer = fetch(address, request, ANSWER_MAX).await.ok()?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, BODY_MAX_BYTES).collect().await.ok()?.to_bytes();
    Some(Response::from_parts(head, body))
}

fn judge(answer: &Response<Bytes>) -> Readiness {
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    if answer.status() == StatusCode::OK && body["ready"] == true {
        return Readiness::Ready;
    }
    let failing = body["failing"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Readiness::NotReady(failing.take(4).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_that_says_ready_is_ready() {
        let not_ready = |failing: &str| Readiness::NotReady(failing.to_owned());
        let check = |status: u16, body: &'static str, expected: Readiness| {
            let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            assert_eq!(judge(&answer), expected, "{status} {body}");
        };
        check(200, r#"{"ready":true,"failing":[]}"#, Readiness::Ready);
        check(503, r#"{"ready":true}"#, not_ready(""));
        check(
            503,
            r#"{"ready":false,"failing":["gateway-draining"]}"#,
            not_ready("gateway-draining"),
        );
        check(200, r#"{"ready":"true"}"#, not_ready(""));
        check(200, "<!doctype html>", not_ready(""));
        check(200, "", not_ready(""));
    }
}
