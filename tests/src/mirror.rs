//! An upstream of our own: tells over HTTP what reached it, echoes over WebSocket.
//!
//! Stands where a sprite would, so that a story sees exactly what an edge sends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Json, Response};
use serde_json::json;
use tokio::task::JoinHandle;

/// Ends when it is dropped.
pub struct Mirror {
    address: SocketAddr,
    sockets: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Mirror {
    /// # Errors
    /// When there is no port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("bind a port")?;
        let address = listener.local_addr()?;
        let sockets = Arc::new(AtomicUsize::new(0));
        let router = Router::new().fallback(reflect).with_state(Arc::clone(&sockets));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the mirror on {address} ended: {error}");
            }
        });
        Ok(Self { address, sockets, server })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// WebSockets open at this moment, as the upstream sees them.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::SeqCst)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn reflect(State(sockets): State<Arc<AtomicUsize>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        return upgrade.on_upgrade(|socket| echo(socket, sockets));
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

async fn echo(mut socket: WebSocket, sockets: Arc<AtomicUsize>) {
    sockets.fetch_add(1, Ordering::SeqCst);
    while let Some(Ok(message)) = socket.recv().await {
        let is_content = matches!(message, Message::Text(_) | Message::Binary(_));
        if is_content && socket.send(message).await.is_err() {
            break;
        }
    }
    sockets.fetch_sub(1, Ordering::SeqCst);
}
