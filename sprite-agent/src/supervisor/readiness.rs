//! Is the gateway ready? Its `/readyz` says so in JSON; a bare 200 says nothing.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};

use crate::gateway::http::fetch;

/// A gateway that loads blocks its event loop for seconds; the next probe comes anyway.
const PROBE_MAX: Duration = Duration::from_secs(5);

const BODY_MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    Ready,
    /// It answers, but is starting, draining, or not the gateway at all.
    NotReady,
    /// Nobody answers.
    Silent,
}

/// Asks without any forwarded header: the gateway refuses those from the loopback interface.
pub async fn probe(address: SocketAddr) -> Probe {
    tokio::time::timeout(PROBE_MAX, ask(address)).await.ok().flatten().unwrap_or(Probe::Silent)
}

async fn ask(address: SocketAddr) -> Option<Probe> {
    let request = Request::get("/readyz")
        .header(HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .expect("a fixed request is valid");
    let answer = fetch(address, request, PROBE_MAX).await.ok()?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, BODY_MAX_BYTES).collect().await.ok()?.to_bytes();
    Some(judge(&Response::from_parts(head, body)))
}

fn judge(answer: &Response<Bytes>) -> Probe {
    let says_ready = serde_json::from_slice::<serde_json::Value>(answer.body())
        .is_ok_and(|body| body["ready"] == true);
    if answer.status() == StatusCode::OK && says_ready { Probe::Ready } else { Probe::NotReady }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_that_says_ready_is_ready() {
        let check = |status: u16, body: &'static str, expected: Probe| {
            let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
            assert_eq!(judge(&answer), expected, "{status} {body}");
        };
        check(200, r#"{"ready":true,"failing":[]}"#, Probe::Ready);
        check(503, r#"{"ready":true}"#, Probe::NotReady);
        check(200, r#"{"ready":false}"#, Probe::NotReady);
        check(200, r#"{"ready":"true"}"#, Probe::NotReady);
        check(200, "<!doctype html>", Probe::NotReady);
        check(200, "", Probe::NotReady);
    }
}
