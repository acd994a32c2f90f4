//! What a connection costs that nothing goes over at the moment.

use anyhow::Context as _;

use super::Findings;
use crate::accounting::{Account, settled_bytes};
use crate::load::{Client, Kind};
use crate::peers::{AccessLog, Peer, start_nginx};
use crate::quantity::{
    Figure, IDLE_HTTP, IDLE_HTTP2, IDLE_HTTPS, IDLE_SOCKET, NGINX_IDLE_HTTP, NGINX_IDLE_SOCKET,
    Quantity,
};
use crate::stage::Stage;

/// Went over each WebSocket before it fell silent.
const MESSAGE_BYTES: usize = 1024;

/// # Errors
/// When a peer does not start, or refuses one of the connections.
pub async fn memory(stage: &Stage) -> anyhow::Result<Findings> {
    let edge = async |kind: Kind| Peer::edge(stage, AccessLog::On, kind.entrance()).await;
    let nginx = async || start_nginx(stage, AccessLog::On).await;
    let figures = vec![
        idle(stage, Kind::Http, &IDLE_HTTP, edge(Kind::Http).await?).await?,
        idle(stage, Kind::Http, &NGINX_IDLE_HTTP, nginx().await?).await?,
        idle(stage, Kind::Https, &IDLE_HTTPS, edge(Kind::Https).await?).await?,
        idle(stage, Kind::Http2, &IDLE_HTTP2, edge(Kind::Http2).await?).await?,
        idle(stage, Kind::WebSocket, &IDLE_SOCKET, edge(Kind::WebSocket).await?).await?,
        idle(stage, Kind::WebSocket, &NGINX_IDLE_SOCKET, nginx().await?).await?,
    ];
    Ok(figures.into())
}

/// Growth of a freshly started `peer` by each of many connections.
async fn idle(
    stage: &Stage,
    kind: Kind,
    quantity: &'static Quantity,
    peer: Peer,
) -> anyhow::Result<Figure> {
    let door = peer.door(kind).context("a proxy serves everything")?;
    let Account::Process { pid } = door.account else { unreachable!("a proxy is a process") };
    let open = async |number| Client::open(kind, door, stage, number, MESSAGE_BYTES).await;
    // The first one brings what all of them share.
    let _first = open(0).await?;
    let before = settled_bytes(pid).await?;
    let count = stage.effort.idle_connections;
    let mut clients = Vec::with_capacity(count);
    for number in 1..=count {
        clients.push(open(number).await?);
    }
    let after = settled_bytes(pid).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let each = after.saturating_sub(before) as f64 / count as f64;
    let figure = quantity.found(each / 1024.0, format!("growth of RSS by {count} of them"));
    eprintln!("{}: {}", quantity.name, quantity.unit.show(figure.value));
    Ok(figure)
}
