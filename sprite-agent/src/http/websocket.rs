//! From an HTTP request to a WebSocket, and the bounds of every WebSocket here.
//!
//! Most sockets of a workspace are idle tabs: buffers start small, and a frame
//! is held only while it is passed on.

use std::future::Future;

use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::debug;

use super::answer::{self, Answer};
use super::progress::Watched;

/// The gateway's own send buffer holds 50 MiB; no frame of it can be larger.
pub const FRAME_MAX_BYTES: usize = 50 << 20;

/// Most frames are smaller than this.
const BUFFER_BYTES: usize = 16 << 10;

pub type PageSocket = WebSocketStream<Watched<TokioIo<Upgraded>>>;

/// Answers 101 and hands the socket to `serve`, or says what is wrong with the request.
pub fn upgrade<F>(
    request: Request<Incoming>,
    message_max_bytes: usize,
    serve: impl FnOnce(PageSocket) -> F + Send + 'static,
) -> Answer
where
    F: Future<Output = ()> + Send + 'static,
{
    let Some(accept) = accept_key(request.method(), request.headers()) else {
        let message = "This path speaks WebSocket, version 13.";
        let mut answer = answer::error(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message);
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return answer;
    };
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => {
                let config = socket_config(message_max_bytes);
                let stream = Watched::new(TokioIo::new(upgraded));
                let socket =
                    WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
                serve(socket).await;
            }
            Err(error) => {
                debug!(error = &error as &dyn std::error::Error, "the page left while upgrading");
            }
        }
    });
    let mut answer = Response::new(answer::full(b""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

fn accept_key(method: &Method, headers: &HeaderMap) -> Option<HeaderValue> {
    let has_token = |name: &HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    let is_handshake = method == Method::GET
        && has_token(&CONNECTION, "upgrade")
        && has_token(&UPGRADE, "websocket")
        && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_handshake)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

/// Small buffers, and nothing larger than `message_max_bytes` in either direction.
pub fn socket_config(message_max_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        // One whole message and the control frames around it: we flush after each.
        .max_write_buffer_size(FRAME_MAX_BYTES + (1 << 20))
        .max_message_size(Some(message_max_bytes))
        .max_frame_size(Some(message_max_bytes))
}
