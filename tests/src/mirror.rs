//! An upstream of our own: tells over HTTP what reached it, echoes over WebSocket.
//!
//! Stands where a sprite would, so that a story sees exactly what an edge sends.
//! What takes long there takes as long as the story likes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Of `/download`: more than all buffers on the way can hold.
pub const DOWNLOAD_BYTES: usize = 64 << 20;

/// The text message that makes it close a WebSocket, with [`GOODBYE`], and hang up at once.
pub const LEAVE: &str = "leave";

/// Close code and reason.
pub const GOODBYE: (u16, &str) = (1008, "not like that");

/// Ends when it is dropped.
pub struct Mirror {
    address: SocketAddr,
    shared: Shared,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    requests: Arc<AtomicUsize>,
    sockets: Arc<AtomicUsize>,
    uploaded: Arc<Mutex<Vec<u8>>>,
    events: broadcast::Sender<String>,
}

impl Mirror {
    /// # Errors
    /// When there is no port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("bind a port")?;
        let address = listener.local_addr()?;
        let shared = Shared {
            requests: Arc::default(),
            sockets: Arc::default(),
            uploaded: Arc::default(),
            events: broadcast::Sender::new(16),
        };
        let router = Router::new()
            .route("/events", get(events))
            .route("/download", get(download))
            .route("/upload", post(upload))
            .fallback(reflect)
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the mirror on {address} ended: {error}");
            }
        });
        Ok(Self { address, shared, server })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far that are for the mirror's eyes: not those for `/events` and its like.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// WebSockets open at this moment, as the upstream sees them.
    pub fn sockets(&self) -> usize {
        self.shared.sockets.load(Ordering::SeqCst)
    }

    /// Tells everybody who reads `/events`.
    pub fn announce(&self, event: &str) {
        // Nobody may be listening.
        let _ = self.shared.events.send(event.to_owned());
    }

    /// Has `text` come in a body for `/upload`, whole or not?
    pub fn has_uploaded(&self, text: &str) -> bool {
        let uploaded = self.shared.uploaded.lock().unwrap_or_else(PoisonError::into_inner);
        uploaded.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn reflect(State(shared): State<Shared>, request: Request) -> Response {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let (mut parts, body) = request.into_parts();
    if let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        return upgrade.on_upgrade(|socket| echo(socket, shared));
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_else(|_| Bytes::new());
    let headers: Vec<[String; 2]> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            [name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()]
        })
        .collect();
    let answer = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    // What a hostile VM would send along; an edge must take it out.
    ([("service-worker-allowed", "/")], Json(answer)).into_response()
}

/// Server-sent events, without an end.
async fn events(State(shared): State<Shared>) -> Response {
    let events = stream::unfold(shared.events.subscribe(), async |mut events| {
        let event = events.recv().await.ok()?;
        Some((event, events))
    });
    let first = stream::iter(["hello".to_owned()]);
    let lines = first.chain(events).map(|event| Ok::<_, Infallible>(format!("data: {event}\n\n")));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(lines)).into_response()
}

async fn download() -> Response {
    let chunk = Bytes::from(vec![b'x'; 64 << 10]);
    let chunks = std::iter::repeat_n(chunk.clone(), DOWNLOAD_BYTES / chunk.len());
    let body = Body::from_stream(stream::iter(chunks.map(Ok::<_, Infallible>)));
    ([(header::CONTENT_LENGTH, DOWNLOAD_BYTES)], body).into_response()
}

async fn upload(State(shared): State<Shared>, body: Body) -> &'static str {
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        shared.uploaded.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk);
    }
    "thank you"
}

async fn echo(mut socket: WebSocket, shared: Shared) {
    shared.sockets.fetch_add(1, Ordering::SeqCst);
    while let Some(Ok(message)) = socket.recv().await {
        let reply = match message {
            Message::Text(text) if text.as_str() == LEAVE => {
                let (code, reason) = GOODBYE;
                let _ = socket
                    .send(Message::Close(Some(CloseFrame { code, reason: reason.into() })))
                    .await;
                break;
            }
            Message::Text(_) | Message::Binary(_) => message,
            _ => continue,
        };
        if socket.send(reply).await.is_err() {
            break;
        }
    }
    shared.sockets.fetch_sub(1, Ordering::SeqCst);
}
