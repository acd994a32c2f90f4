//! As much of the OpenClaw gateway as an agent needs for carrying messages: it
//! is ready, it welcomes everybody, and it answers every request at once.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// Starts it on this thread; it runs until the runtime ends.
///
/// # Errors
/// When nothing can be listened to.
pub async fn start_gateway() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening")?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Err(error) = converse(stream).await {
                    eprintln!("the gateway's conversation ended: {error}");
                }
            });
        }
    });
    Ok(address)
}

async fn converse(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = [0; 1024];
    let seen = stream.peek(&mut head).await?;
    if head[..seen].starts_with(b"GET /readyz") {
        return Ok(say_ready(stream, &mut head).await?);
    }
    let mut socket = accept_async(stream).await?;
    let challenge = json!({
        "type": "event", "event": "connect.challenge", "payload": {"nonce": "0", "ts": 0}
    });
    socket.send(Message::text(challenge.to_string())).await?;
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let request: Value = serde_json::from_str(&text)?;
        let payload = if request["method"] == "connect" { hello() } else { json!({"ok": true}) };
        let answer = json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
        socket.send(Message::text(answer.to_string())).await?;
    }
    Ok(())
}

async fn say_ready(mut stream: TcpStream, head: &mut [u8]) -> std::io::Result<()> {
    // Closing over unread bytes would reset the connection.
    let _read = stream.read(head).await?;
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\
              connection: close\r\n\r\n{\"ready\":true}",
        )
        .await
}

fn hello() -> Value {
    json!({
        "type": "hello-ok",
        "protocol": 4,
        "server": {"version": "2026.1.1"},
        "features": {"methods": ["health"], "events": []},
        "auth": {"role": "operator", "scopes": ["operator.read", "operator.write"]},
        "policy": {"maxPayload": 26_214_400},
    })
}
