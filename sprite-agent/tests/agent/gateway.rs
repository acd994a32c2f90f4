//! A gateway of a hundred lines: challenge, hello with secrets in it, and a few
//! answers whose behaviour the message itself asks for.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use shared::owner_tools;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub(crate) const TOKEN: &str = "gateway-token-0123456789";

pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    restart: watch::Sender<bool>,
    /// Aborted when dropped: the port closes and every socket breaks.
    _tasks: JoinSet<()>,
}

/// What the gateway was sent for a page.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) upgrades: Mutex<Vec<String>>,
    pub(crate) frames: Mutex<Vec<Value>>,
    /// With which scopes each of them came.
    scopes: Mutex<Vec<Value>>,
    pub(crate) configuration: Mutex<Configuration>,
    /// Frames of a flood that were written so far.
    pub(crate) flooded: AtomicUsize,
}

/// What its `openclaw.json` denies.
pub(crate) struct Configuration {
    pub(crate) denied: Value,
    /// Refuses every change.
    pub(crate) is_read_only: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { denied: json!(owner_tools::DENIED), is_read_only: false }
    }
}

type IsReady = Arc<dyn Fn() -> bool + Send + Sync>;

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), || true).await
    }

    /// `is_ready` answers `/readyz`.
    pub(crate) async fn start_at(
        address: SocketAddr,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (restart, restarting) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, seen.clone(), restarting, Arc::new(is_ready)));
        Self { address, seen, restart, _tasks: tasks }
    }

    /// Tells every page of a restart and closes its socket, as the real one does.
    pub(crate) fn restart(&self) {
        self.restart.send_replace(true);
        self.restart.send_replace(false);
    }

    pub(crate) fn frames(&self) -> Vec<Value> {
        self.seen.frames.lock().unwrap().clone()
    }

    /// With which scopes each request for `method` came.
    pub(crate) fn scopes_of(&self, method: &str) -> Vec<Value> {
        let (frames, scopes) = (self.seen.frames.lock().unwrap(), self.seen.scopes.lock().unwrap());
        let both = frames.iter().zip(scopes.iter());
        both.filter(|(frame, _)| frame["method"] == method).map(|(_, it)| it.clone()).collect()
    }

    /// Its file denies this from now on.
    pub(crate) fn deny(&self, denied: Value, is_read_only: bool) {
        *self.seen.configuration.lock().unwrap() = Configuration { denied, is_read_only };
    }

    pub(crate) fn upgrades(&self) -> Vec<String> {
        self.seen.upgrades.lock().unwrap().clone()
    }
}

async fn accept(
    listener: TcpListener,
    seen: Arc<Seen>,
    restarting: watch::Receiver<bool>,
    is_ready: IsReady,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, seen.clone(), restarting.clone(), is_ready.clone()));
    }
}

async fn connection(
    mut stream: TcpStream,
    seen: Arc<Seen>,
    restarting: watch::Receiver<bool>,
    is_ready: IsReady,
) {
    let mut head = [0; 2048];
    let length = stream.peek(&mut head).await.unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    if head.to_ascii_lowercase().contains("upgrade: websocket") {
        return socket(stream, &seen, restarting).await;
    }
    let (status, body) = if head.starts_with("GET /readyz ") {
        match is_ready() {
            true => ("200 OK", r#"{"ready":true,"failing":[]}"#.to_owned()),
            false => ("503 Service Unavailable", r#"{"ready":false}"#.to_owned()),
        }
    } else {
        ("200 OK", format!("file\n{head}"))
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    // Whatever is left to read would turn the close into a reset.
    let _ = stream.shutdown().await;
    while matches!(stream.read(&mut [0; 1024]).await, Ok(1..)) {}
}

async fn socket(stream: TcpStream, seen: &Seen, mut restarting: watch::Receiver<bool>) {
    let mut upgrade = None;
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        upgrade = Some(format!("{} {:?}", request.uri(), request.headers()));
        Ok(response)
    };
    let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, note).await else { return };
    restarting.mark_unchanged();
    let challenge =
        json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n"}});
    if say(&mut socket, &challenge).await.is_err() {
        return;
    }
    let mut scopes = Value::Null;
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = restarting.changed() => {
                let shutdown = json!({"type": "event", "event": "shutdown", "payload": {}});
                let _ = say(&mut socket, &shutdown).await;
                let _ = socket.close(Some(close(1012, "service restart"))).await;
                return;
            }
        };
        let Some(Ok(Message::Text(text))) = message else { return };
        let frame: Value = serde_json::from_str(&text).unwrap();
        // The connection that health is asked on is told apart by its ids.
        if !frame["id"].as_str().unwrap().starts_with("health") {
            seen.upgrades.lock().unwrap().extend(upgrade.take());
            if frame["method"] == "connect" {
                scopes = frame["params"]["scopes"].clone();
            }
            seen.frames.lock().unwrap().push(frame.clone());
            seen.scopes.lock().unwrap().push(scopes.clone());
        }
        if answer(&mut socket, seen, &frame).await.is_err() {
            return;
        }
    }
}

/// `Err` ends the connection.
async fn answer(
    socket: &mut WebSocketStream<TcpStream>,
    seen: &Seen,
    frame: &Value,
) -> Result<(), ()> {
    let id = &frame["id"];
    let params = &frame["params"];
    if frame["method"] == "connect" {
        let auth = &params["auth"];
        if auth["token"] != TOKEN && auth["password"] != TOKEN {
            let error = json!({"type": "res", "id": id, "ok": false, "error": {
                "code": "INVALID_REQUEST", "message": "SECRET token mismatch",
                "details": {"code": "AUTH_TOKEN_MISMATCH"}}});
            say(socket, &error).await?;
            let _ = socket.close(Some(close(1008, "unauthorized"))).await;
            return Err(());
        }
        return say(socket, &hello(id, &params["scopes"])).await;
    }
    if let Some(told) = configuration(seen, frame) {
        return say(socket, &told).await;
    }
    if frame["method"] == "question.resolve" {
        match params["id"].as_str() {
            Some("hang") => return Ok(()),
            Some("events") => {
                for name in ["chat", "question.requested", "agent"] {
                    say(socket, &json!({"type": "event", "event": name, "payload": {}})).await?;
                }
            }
            _ => {}
        }
    }
    let message = params["message"].as_str().unwrap_or_default();
    // As a command it comes on the page's own connection.
    let message = message.strip_prefix('/').unwrap_or(message);
    let (order, argument) = message.split_once(':').unwrap_or((message, ""));
    match order {
        // No answer: the request stays pending.
        "hang" => return Ok(()),
        // What nobody has asked, and hello once more.
        "others" => {
            let greeted = seen.frames.lock().unwrap()[0]["id"].clone();
            let answer = json!({"type": "res", "id": "another's", "ok": true, "payload": "SECRET"});
            say(socket, &answer).await?;
            say(socket, &hello(&greeted, &json!([]))).await?;
        }
        "burst" => {
            for number in 0..argument.parse::<u32>().unwrap() {
                say(socket, &json!({"type": "event", "event": "n", "payload": number})).await?;
            }
        }
        "flood" => {
            let piece = "x".repeat(1 << 20);
            for _ in 0..argument.parse::<u32>().unwrap() {
                say(socket, &json!({"type": "event", "event": "x", "payload": piece})).await?;
                seen.flooded.fetch_add(1, Ordering::Relaxed);
            }
        }
        "too-big" => {
            let _ = socket.close(Some(close(1009, "payload too big"))).await;
            return Err(());
        }
        _ => {}
    }
    say(socket, &json!({"type": "res", "id": id, "ok": true, "payload": {"echo": params}})).await
}

/// Its file is always what it runs with.
fn configuration(seen: &Seen, frame: &Value) -> Option<Value> {
    let (id, params) = (&frame["id"], &frame["params"]);
    let mut present = seen.configuration.lock().unwrap();
    let hash = present.denied.to_string();
    let told = |payload| Some(json!({"type": "res", "id": id, "ok": true, "payload": payload}));
    match frame["method"].as_str()? {
        "config.get" => told(json!({"valid": true, "hash": hash, "configRevisionHash": hash,
            "appliedConfigHash": hash, "config": {"tools": {"deny": present.denied}}})),
        "config.patch" if present.is_read_only || params["baseHash"] != hash.as_str() => {
            Some(json!({"type": "res", "id": id, "ok": false,
                "error": {"code": "INVALID_REQUEST", "message": "not now"}}))
        }
        "config.patch" => {
            let raw: Value = serde_json::from_str(params["raw"].as_str()?).ok()?;
            if let Some(denied) = raw.pointer("/tools/deny") {
                present.denied = denied.clone();
            }
            told(json!({"echo": params}))
        }
        _ => None,
    }
}

fn hello(id: &Value, scopes: &Value) -> Value {
    json!({"type": "res", "id": id, "ok": true, "payload": {
        "type": "hello-ok", "protocol": 4,
        "server": {"version": "2026.9.6", "bootId": "SECRET"},
        "features": {"methods": ["chat.send", "config.set"]},
        "snapshot": {"presence": "SECRET"},
        "pluginSurfaceUrls": {"canvas": "SECRET"},
        "auth": {"role": "operator", "scopes": scopes,
                 "deviceToken": "SECRET", "recoveryScope": "SECRET"},
        "policy": {"maxPayload": 26_214_400}}})
}

async fn say(socket: &mut WebSocketStream<TcpStream>, frame: &Value) -> Result<(), ()> {
    socket.send(Message::text(frame.to_string())).await.map_err(drop)
}

fn close(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code: code.into(), reason: reason.into() }
}
