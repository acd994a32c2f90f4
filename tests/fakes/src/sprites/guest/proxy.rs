//! One TCP connection of the sprite over one WebSocket.

use std::net::Ipv4Addr;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How the sprite calls itself.
const OWN_ADDRESS: &str = "10.0.0.1";

const PIECE_BYTES: usize = 32 * 1024;

#[derive(Deserialize)]
struct Target {
    host: String,
    port: u16,
}

pub async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(serve)
}

async fn serve(mut socket: WebSocket) {
    let Some(Ok(Message::Text(first))) = socket.recv().await else { return };
    let tcp = match connect(&first).await {
        Ok((tcp, target)) => {
            let connected = json!({"status": "connected", "target": target});
            if socket.send(text(&connected)).await.is_err() {
                return;
            }
            tcp
        }
        Err(reason) => {
            // The client has gone when even this cannot be said.
            let _ = socket.send(text(&json!({"status": "error", "error": reason}))).await;
            return;
        }
    };
    carry(socket, tcp).await;
}

async fn connect(first: &str) -> Result<(TcpStream, String), String> {
    let Target { host, port } =
        serde_json::from_str(first).map_err(|error| format!("invalid target: {error}"))?;
    if !matches!(host.as_str(), "" | "localhost" | "127.0.0.1" | OWN_ADDRESS) {
        return Err(format!("{host} is not this sprite"));
    }
    let target = format!("{OWN_ADDRESS}:{port}");
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    tcp.map(|tcp| (tcp, target.clone())).map_err(|error| format!("dial tcp {target}: {error}"))
}

/// Either end closes both.
async fn carry(socket: WebSocket, mut tcp: TcpStream) {
    let (mut sink, mut stream) = socket.split();
    let (mut reader, mut writer) = tcp.split();
    let inward = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(bytes) if writer.write_all(&bytes).await.is_ok() => {}
                Message::Ping(_) | Message::Pong(_) | Message::Text(_) => {}
                Message::Binary(_) | Message::Close(_) => return,
            }
        }
    };
    let outward = async {
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(count @ 1..) = reader.read(&mut piece).await {
            let bytes = piece[..count].to_vec();
            if sink.send(Message::Binary(bytes.into())).await.is_err() {
                return;
            }
        }
        let _ = sink.send(Message::Close(None)).await;
    };
    tokio::select! {
        () = inward => {}
        () = outward => {}
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}
