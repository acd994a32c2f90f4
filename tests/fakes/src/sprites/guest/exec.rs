//! The exec calls: run a command, attach to it, list and kill sessions.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::form_urlencoded;

use super::Guest;
use super::process;
use super::request::{self, ExecRequest};
use super::session::{Missing, Session, stream_id};
use crate::sprites::refusal::Refusal;
use crate::sprites::{duration, ndjson};

/// Largest message of a client; its own limit is 64 KiB by custom.
const MESSAGE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// What a kill waits for before it becomes a SIGKILL, unless told otherwise.
const KILL_GRACE: Duration = Duration::from_secs(10);

/// The code of a shell that cannot find a command.
const NOT_FOUND: u8 = 127;

/// An error for a call that wants no WebSocket.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

type Sink = SplitSink<WebSocket, Message>;

/// `GET /exec`: with an upgrade it runs a command, without it lists the sessions.
pub async fn open(
    State(guest): State<Arc<Guest>>,
    RawQuery(query): RawQuery,
    upgrade: Upgrade,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return axum::Json(guest.sessions.list()).into_response();
    };
    let request = match request::parse(&query.unwrap_or_default(), &guest.environment) {
        Ok(request) => request,
        Err(reason) => return Refusal::bad_request(reason).into_response(),
    };
    match &request.session {
        Some(id) => attach_to(&guest, id, upgrade),
        None => upgrade
            .max_message_size(MESSAGE_BYTES_MAX)
            .on_upgrade(move |socket| run(guest, request, socket)),
    }
}

/// `GET /exec/{id}` with an upgrade.
pub async fn attach(
    State(guest): State<Arc<Guest>>,
    Path(id): Path<String>,
    upgrade: Upgrade,
) -> Response {
    match upgrade {
        Ok(upgrade) => attach_to(&guest, &id, upgrade),
        Err(_) => Refusal::not_found(format!("session not found: {id}")).into_response(),
    }
}

#[derive(Deserialize)]
struct KillBody {
    signal: Option<String>,
    timeout: Option<f64>,
}

/// `POST /exec/{id}/kill`: settings in the query, or as JSON (one client does).
pub async fn kill(
    State(guest): State<Arc<Guest>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, Refusal> {
    let session = guest.sessions.find(&id).map_err(|missing| match missing {
        Missing::Unknown => Refusal::not_found(format!("session not found: {id}")),
        Missing::Ended => Refusal::new(StatusCode::GONE, format!("session has ended: {id}")),
    })?;
    let mut name = "SIGTERM".to_owned();
    let mut grace = KILL_GRACE;
    if let Ok(body) = serde_json::from_slice::<KillBody>(&body) {
        name = body.signal.unwrap_or(name);
        grace = body.timeout.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or(grace);
    }
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match key.as_ref() {
            "signal" => name = value.into_owned(),
            "timeout" => {
                grace = duration::parse(&value)
                    .ok_or_else(|| Refusal::bad_request(format!("invalid timeout: {value}")))?;
            }
            _ => {}
        }
    }
    let signal = process::signal_named(&name)
        .ok_or_else(|| Refusal::bad_request(format!("invalid signal: {name}")))?;
    let (lines, response) = ndjson::channel();
    tokio::spawn(async move {
        let pid = session.pid;
        session.signal(signal);
        let message = format!("Sent {name} to process {pid}");
        let said = json!({"type": "signal", "message": message, "signal": name, "pid": pid});
        lines.send(&said).await?;
        if timeout(grace, session.exit()).await.is_err() {
            lines.send(&json!({"type": "timeout", "message": "Process did not exit"})).await?;
            session.signal(process::signal_named("KILL").expect("a known signal"));
            session.exit().await;
            lines.send(&json!({"type": "killed", "message": "Process killed"})).await?;
        } else {
            lines.send(&json!({"type": "exited", "message": "Process exited"})).await?;
        }
        lines.send(&json!({"type": "complete", "exit_code": session.exit().await})).await
    });
    Ok(response)
}

fn attach_to(guest: &Arc<Guest>, id: &str, upgrade: WebSocketUpgrade) -> Response {
    let Ok(session) = guest.sessions.find(id) else {
        return Refusal::not_found(format!("session not found: {id}")).into_response();
    };
    let close_delay = guest.close_delay;
    upgrade.max_message_size(MESSAGE_BYTES_MAX).on_upgrade(move |socket| async move {
        let (scrollback, output) = session.attach();
        let (mut sink, stream) = socket.split();
        let mut said = vec![text(&session.info())];
        said.extend(scrollback.into_iter().map(Message::Binary));
        for message in said {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        converse(session, output, sink, stream, close_delay).await;
    })
}

async fn run(guest: Arc<Guest>, request: ExecRequest, socket: WebSocket) {
    let (mut sink, stream) = socket.split();
    let (session, output) = match guest.sessions.start(&request) {
        Ok(started) => started,
        Err(error) => {
            let reason = json!({"type": "error", "error": spawn_failure(&request, &error)});
            if sink.send(text(&reason)).await.is_ok() {
                finish(&mut sink, stream, NOT_FOUND, guest.close_delay).await;
            }
            return;
        }
    };
    let command = &session.spec.arguments[0];
    let created = format!("session_created cmd={command}");
    let debug = json!({"type": "debug", "msg": created, "pid": session.pid});
    for said in [debug, session.info()] {
        if sink.send(text(&said)).await.is_err() {
            break;
        }
    }
    converse(session, output, sink, stream, guest.close_delay).await;
}

/// Until the command ends or the client leaves, whichever is first.
async fn converse(
    session: Arc<Session>,
    mut output: mpsc::Receiver<Bytes>,
    mut sink: Sink,
    mut stream: SplitStream<WebSocket>,
    close_delay: Duration,
) {
    let speaking = async {
        while let Some(frame) = output.recv().await {
            sink.send(Message::Binary(frame)).await?;
        }
        Ok::<_, axum::Error>(())
    };
    let ended = tokio::select! {
        spoken = speaking => spoken.is_ok(),
        () = listen(&session, &mut stream) => false,
    };
    if ended {
        finish(&mut sink, stream, session.exit().await, close_delay).await;
    } else {
        drop(output);
        session.detached();
    }
}

/// Input and signals, until the client leaves.
async fn listen(session: &Session, stream: &mut SplitStream<WebSocket>) {
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Binary(frame) => match frame.first() {
                Some(&stream_id::STDIN) => session.write(frame.slice(1..)).await,
                Some(&stream_id::STDIN_EOF) => session.end_of_input(),
                _ => {}
            },
            Message::Text(command) => {
                let command: Value = serde_json::from_str(&command).unwrap_or_default();
                let named = command["signal"].as_str().and_then(process::signal_named);
                if let (Some("signal"), Some(signal)) = (command["type"].as_str(), named) {
                    session.signal(signal);
                }
            }
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

/// Text exit, binary exit, and only after a while the close: the live order.
async fn finish(
    sink: &mut Sink,
    mut stream: SplitStream<WebSocket>,
    code: u8,
    close_delay: Duration,
) {
    let exit = [
        text(&json!({"type": "exit", "exit_code": code})),
        Message::Binary(Bytes::copy_from_slice(&[stream_id::EXIT, code])),
    ];
    for message in exit {
        if sink.send(message).await.is_err() {
            return;
        }
    }
    let client_leaves = async {
        while let Some(Ok(message)) = stream.next().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
    };
    let _ = timeout(close_delay, client_leaves).await;
    let goodbye = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    let _ = sink.send(Message::Close(Some(goodbye))).await;
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

fn spawn_failure(request: &ExecRequest, error: &io::Error) -> String {
    let program = &request.spec.program;
    match error.kind() {
        io::ErrorKind::NotFound if request.spec.directory.is_dir() => {
            format!("exec: \"{program}\": executable file not found in $PATH")
        }
        io::ErrorKind::NotFound => {
            format!("chdir {}: no such file or directory", request.spec.directory.display())
        }
        _ => format!("exec: \"{program}\": {error}"),
    }
}
