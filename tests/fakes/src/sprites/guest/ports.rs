//! Which TCP ports the sprite's processes listen on, as they come and go.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

/// How often the table of sockets is read while somebody watches.
const PERIOD: Duration = Duration::from_millis(100);

/// State of a listening socket in the kernel's table.
const LISTENING: &str = "0A";

pub async fn watch(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(serve)
}

async fn serve(mut socket: WebSocket) {
    let mut known = listening();
    let ports: Vec<Value> = known.iter().map(|port| row("port_opened", *port)).collect();
    if socket.send(text(&json!({"type": "port_list", "ports": ports}))).await.is_err() {
        return;
    }
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            _ = ticks.tick() => {
                let now = listening();
                let opened = now.difference(&known).map(|port| row("port_opened", *port));
                let closed = known.difference(&now).map(|port| row("port_closed", *port));
                for event in opened.chain(closed) {
                    if socket.send(text(&event)).await.is_err() {
                        return;
                    }
                }
                known = now;
            }
        }
    }
}

fn listening() -> BTreeSet<u16> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| parse(&std::fs::read_to_string(table).unwrap_or_default()))
        .collect()
}

/// The listening ports of a table such as `/proc/net/tcp`.
fn parse(table: &str) -> BTreeSet<u16> {
    let rows = table.lines().skip(1).filter_map(|row| {
        let mut fields = row.split_whitespace().skip(1);
        let (local, _remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        let (_, port) = local.rsplit_once(':')?;
        (state == LISTENING).then(|| u16::from_str_radix(port, 16).ok())?
    });
    rows.collect()
}

/// Whose the port is stays untold: 0.
fn row(event: &str, port: u16) -> Value {
    json!({"type": event, "port": port, "address": "10.0.0.1", "pid": 0})
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n\
             1: 0100007F:0BB9 0100007F:8000 01 00000000:00000000\n";
        assert_eq!(parse(table), BTreeSet::from([8080]));
    }
}
