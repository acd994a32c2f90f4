//! One WebSocket: challenge, `connect`, then requests and events until
//! either side has had enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use axum::http::HeaderMap;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tracing::info;

use super::frames::{self, BadFrame, CallError, Request};
use super::handshake::{self, Admission, Refusal, Rules};
use super::hub::{self, Inbox, Outbox, Outgoing};
use super::methods::Caller;
use super::phase::Phase;
use super::{BUILD_ID, Gateway, hello, methods};
use crate::clock;
use crate::ids;

/// Largest frame before `hello-ok`; a larger one is answered with 1009.
pub const PRE_AUTH_MAX_BYTES: usize = 64 * 1024;

/// Largest frame after it: `policy.maxPayload`.
pub const PAYLOAD_MAX_BYTES: usize = 26_214_400;

/// What the WebSocket layer reads at most. A little more than we accept, so
/// that a frame just over the limit is refused by us, with the right code.
pub const READ_MAX_BYTES: usize = PAYLOAD_MAX_BYTES + 1024 * 1024;

/// How long a client may take to send `connect`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Time between two pings; a client must answer one before the next.
const PING_INTERVAL: Duration = Duration::from_secs(25);

/// How long a close frame may take to leave.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Bytes a close reason may have.
const CLOSE_REASON_MAX_BYTES: usize = 123;

type Sink = SplitSink<WebSocket, Message>;
type Stream = SplitStream<WebSocket>;

/// Serves one connection to its end.
pub async fn serve(socket: WebSocket, gateway: Arc<Gateway>, headers: HeaderMap) {
    let id = ids::uuid();
    let (mut sink, mut stream) = socket.split();
    let nonce = ids::uuid();
    let challenge = frames::challenge(&nonce, clock::unix_millis());
    if send(&mut sink, challenge).await.is_err() {
        return;
    }
    let first = timeout(CONNECT_TIMEOUT, next_data(&mut stream)).await;
    let opened = match first {
        // The real gateway gives no reason to a client that says nothing.
        Err(_) => Err(Opening::close(1000, "")),
        Ok(None) => return,
        Ok(Some(_)) if is_silent(&gateway) => return std::future::pending().await,
        Ok(Some(frame)) => open(&gateway, &headers, &nonce, &frame),
    };
    match opened {
        Ok((request_id, admission)) => {
            info!(connection = %id, client = %admission.client_id, "connection {id} open");
            let host = host(&headers);
            let hello = hello::payload(&gateway, &admission, &id, &host);
            let hello = frames::response(&request_id, &Ok(hello));
            converse(sink, stream, &gateway, &admission, hello).await;
            info!(connection = %id, "connection {id} closed");
        }
        Err(refused) => {
            info!(connection = %id, code = refused.code, "connection {id} refused: {}", refused.reason);
            if let Some(frame) = refused.answer {
                // The close below tells the client what matters.
                let _ = send(&mut sink, frame).await;
            }
            close(&mut sink, refused.code, &refused.reason).await;
        }
    }
}

fn is_silent(gateway: &Gateway) -> bool {
    gateway.settings.silent_while.as_ref().is_some_and(|file| file.exists())
}

/// How a connection ends that was never opened.
struct Opening {
    answer: Option<String>,
    code: u16,
    reason: String,
}

impl Opening {
    fn close(code: u16, reason: &str) -> Self {
        Self { answer: None, code, reason: reason.to_owned() }
    }

    fn refuse(id: &Value, error: CallError, code: u16, reason: &str) -> Self {
        Self { answer: Some(frames::response(id, &Err(error))), code, reason: reason.to_owned() }
    }

    fn policy(id: &Value, error: CallError) -> Self {
        let reason = error.message.clone();
        Self::refuse(id, error, 1008, &reason)
    }
}

/// Judges the first frame.
fn open(
    gateway: &Gateway,
    headers: &HeaderMap,
    nonce: &str,
    frame: &Frame,
) -> Result<(Value, Admission), Opening> {
    let text = match frame {
        Frame::Text(text) if text.len() <= PRE_AUTH_MAX_BYTES => text,
        Frame::Text(_) | Frame::TooLarge => return Err(Opening::close(1009, "")),
    };
    let request = match frames::parse(text) {
        Ok(request) => request,
        Err(BadFrame::Garbage) => return Err(Opening::close(1000, "")),
        Err(BadFrame::NotARequest) => return Err(Opening::close(1008, "invalid request frame")),
        Err(BadFrame::Malformed { id, error }) => return Err(Opening::policy(&id, error)),
    };
    if request.method != "connect" {
        let error = CallError::invalid_request("invalid handshake: first request must be connect");
        return Err(Opening::policy(&request.id, error));
    }
    match gateway.phase() {
        Phase::Ready => {}
        Phase::Starting => {
            let error = CallError::starting();
            return Err(Opening::refuse(&request.id, error, 1013, "gateway starting"));
        }
        Phase::Draining => {
            let error = CallError::draining("connect");
            return Err(Opening::refuse(&request.id, error, 1012, "service restart"));
        }
    }
    match admit(gateway, headers, nonce, &request) {
        Ok(admission) => Ok((request.id, admission)),
        Err(refusal) => {
            let reason = refusal.error.message.clone();
            let code = refusal.close_code;
            Err(Opening::refuse(&request.id, refusal.error, code, &reason))
        }
    }
}

fn admit(
    gateway: &Gateway,
    headers: &HeaderMap,
    nonce: &str,
    request: &Request,
) -> Result<Admission, Refusal> {
    let origin = headers.get("origin").and_then(|value| value.to_str().ok());
    let now = Instant::now();
    if let Some(left) = origin.and_then(|origin| gateway.lockout.remaining(origin, now)) {
        let details = json!({"code": "AUTH_RATE_LIMITED", "retryAfterMs": left.as_millis()});
        let message = "unauthorized: too many failed authentication attempts (retry later)";
        return Err(Refusal {
            error: CallError::invalid_request(message).with_details(details),
            close_code: 1008,
        });
    }
    let settings = &gateway.settings;
    let rules = Rules {
        token: &settings.token,
        allowed_origins: &settings.config.allowed_origins,
        trusted_proxies: &settings.config.trusted_proxies,
        build_id: BUILD_ID,
        nonce,
        is_paired: &|device| gateway.pairings.is_paired(device),
        owns_device_token: &|device, token| gateway.pairings.owns(device, token),
    };
    let verdict = handshake::decide(headers, &request.params, &rules);
    if let (Some(origin), Err(refusal)) = (origin, &verdict) {
        let code = refusal.error.details.as_ref().map(|details| &details["code"]);
        if code == Some(&json!("AUTH_TOKEN_MISMATCH")) {
            gateway.lockout.failed(origin, now);
        }
    }
    verdict
}

/// Reads and writes side by side until one of the two ends.
async fn converse(
    sink: Sink,
    stream: Stream,
    gateway: &Arc<Gateway>,
    admission: &Admission,
    hello: String,
) {
    let (outbox, inbox) = hub::queue();
    outbox.push(Outgoing::Frame(hello));
    let wants_tool_events = admission.caps.iter().any(|cap| cap == "tool-events");
    let membership = gateway.hub.join(outbox.clone(), wants_tool_events, &admission.scopes);
    let caller = Caller { id: membership.id(), scopes: &admission.scopes };
    let answered = Arc::new(AtomicBool::new(true));
    let writing = write(sink, inbox, Arc::clone(&answered));
    tokio::pin!(writing);
    tokio::select! {
        () = &mut writing => {}
        close = read(stream, gateway, &caller, &outbox, &answered) => {
            if let Some((code, reason)) = close {
                outbox.push(Outgoing::Close { code, reason });
                // A client that does not read cannot be told.
                let _ = timeout(CLOSE_TIMEOUT, writing).await;
            }
        }
    }
}

/// Answers requests; returns the close to send, if the client is still there.
async fn read(
    mut stream: Stream,
    gateway: &Arc<Gateway>,
    caller: &Caller<'_>,
    outbox: &Outbox,
    answered: &AtomicBool,
) -> Option<(u16, &'static str)> {
    loop {
        let message = match stream.next().await? {
            Ok(message) => message,
            // The only mistakes a client can make at this level are frames
            // that are too long or no frames at all.
            Err(_) => return Some((1009, "")),
        };
        let frame = match message {
            Message::Pong(_) => {
                answered.store(true, Ordering::Relaxed);
                continue;
            }
            // Read on: the next read sends our half of the close and ends.
            Message::Ping(_) | Message::Close(_) => continue,
            data => Frame::from(data),
        };
        let Frame::Text(text) = frame else {
            return Some((1009, ""));
        };
        match frames::parse(&text) {
            Ok(request) => {
                let reply = methods::call(gateway, caller, &request);
                outbox.push(Outgoing::Frame(frames::response(&request.id, &reply.result)));
                if let Some(turn) = reply.then {
                    turn.start(gateway);
                }
            }
            Err(BadFrame::Malformed { id, error }) => {
                outbox.push(Outgoing::Frame(frames::response(&id, &Err(error))));
            }
            // After `hello-ok` the real gateway overlooks such things.
            Err(BadFrame::Garbage | BadFrame::NotARequest) => {}
        }
    }
}

/// Writes what is queued, pings, and closes when told to.
async fn write(mut sink: Sink, mut inbox: Inbox, answered: Arc<AtomicBool>) {
    let overflow = inbox.overflow();
    let start = tokio::time::Instant::now() + PING_INTERVAL;
    let mut pings = interval_at(start, PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seq = 0;
    loop {
        let message = tokio::select! {
            outgoing = inbox.next() => match outgoing {
                None => return,
                Some(Outgoing::Frame(text)) => Message::text(text),
                Some(Outgoing::Event { name, payload_json }) => {
                    seq += 1;
                    Message::text(frames::event(name, &payload_json, seq))
                }
                Some(Outgoing::Close { code, reason }) => {
                    return close(&mut sink, code, reason).await;
                }
            },
            _ = pings.tick() => {
                if !answered.swap(false, Ordering::Relaxed) {
                    return;
                }
                Message::Ping(axum::body::Bytes::new())
            }
        };
        tokio::select! {
            sent = sink.send(message) => if sent.is_err() { return },
            () = overflow.notified() => return close(&mut sink, 1008, "slow consumer").await,
        }
    }
}

/// A data frame, as far as its size allows.
enum Frame {
    Text(Utf8Bytes),
    TooLarge,
}

impl From<Message> for Frame {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) if text.len() <= PAYLOAD_MAX_BYTES => Self::Text(text),
            // JSON in a binary frame is accepted; anything else is garbage.
            Message::Binary(bytes) if bytes.len() <= PAYLOAD_MAX_BYTES => {
                Self::Text(Utf8Bytes::try_from(bytes).unwrap_or_default())
            }
            _ => Self::TooLarge,
        }
    }
}

async fn next_data(stream: &mut Stream) -> Option<Frame> {
    loop {
        match stream.next().await? {
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Close(_)) => return None,
            Ok(data) => return Some(Frame::from(data)),
            Err(_) => return Some(Frame::TooLarge),
        }
    }
}

async fn send(sink: &mut Sink, text: String) -> Result<(), axum::Error> {
    sink.send(Message::text(text)).await
}

async fn close(sink: &mut Sink, code: u16, reason: &str) {
    let mut end = reason.len().min(CLOSE_REASON_MAX_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let frame = Message::Close(Some(CloseFrame { code, reason: reason[..end].into() }));
    // Gone or deaf: either way the connection ends here.
    let _ = timeout(CLOSE_TIMEOUT, sink.send(frame)).await;
}

fn host(headers: &HeaderMap) -> String {
    headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1").to_owned()
}
