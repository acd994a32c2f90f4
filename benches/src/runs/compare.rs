//! All peers under the same load, in turns: A B C, A B C, ….
//!
//! A shared machine is never as fast twice. Turns of a few seconds side by side
//! see the same noise, so the ratio within a round says more than either figure.

use super::Findings;
use crate::load::{self, Kind};
use crate::peers::Peer;
use crate::quantity::{HTTP_CPU, SOCKET_CPU, SOCKET_P99};
use crate::report::{Comparison, Sample};
use crate::stage::Stage;

/// Keepalive connections, each of another visitor.
const HTTP_CONNECTIONS: usize = 64;

/// WebSockets, each of another visitor.
const SOCKETS: usize = 32;

/// GET of 1 KiB over kept connections.
///
/// # Errors
/// When a peer does not start, or gives one wrong answer.
pub async fn http(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "HTTP/1.1 keepalive, 1 KiB, 64 connections";
    let comparison = compare(stage, Kind::Http, HTTP_CONNECTIONS, title, "request").await?;
    let edge = comparison.peers.last().expect("the edge comes last");
    let note = format!("{:.1} µs; the goal is 1.0×", edge.cpu_us);
    let figures = vec![HTTP_CPU.found(edge.cpu_times_nginx, note)];
    Ok(Findings { comparison: Some(comparison), figures })
}

/// Messages of 64 bytes that come back.
///
/// # Errors
/// When a peer does not start, or one message does not come back.
pub async fn websocket(stage: &Stage) -> anyhow::Result<Findings> {
    let title = "WebSocket echo, 64 B, 32 sockets";
    let comparison = compare(stage, Kind::WebSocket, SOCKETS, title, "round trip").await?;
    let edge = comparison.peers.last().expect("the edge comes last");
    let figures = vec![
        SOCKET_CPU.found(edge.cpu_times_nginx, format!("{:.1} µs", edge.cpu_us)),
        SOCKET_P99.found(edge.p99_times_nginx, format!("{:.0} µs", edge.p99_us)),
    ];
    Ok(Findings { comparison: Some(comparison), figures })
}

async fn compare(
    stage: &Stage,
    kind: Kind,
    connections: usize,
    title: &str,
    exchange: &'static str,
) -> anyhow::Result<Comparison> {
    let peers = Peer::all(stage).await?;
    let mut samples: Vec<_> = peers.iter().map(|peer| (peer.name, Vec::new())).collect();
    let effort = &stage.effort;
    for round in 1..=effort.rounds {
        for (peer, (_, rounds)) in peers.iter().zip(&mut samples) {
            let door = peer.door(kind);
            let turn = load::run(kind, door, &stage.ring, connections, effort.turn).await?;
            let sample = Sample::from(turn);
            eprintln!(
                "{title}: round {round}: {}: {:.0}/s, {:.1} µs of CPU each",
                peer.name, sample.per_second, sample.cpu_us
            );
            rounds.push(sample);
        }
    }
    let title = format!("{title} ({} rounds of {:?})", effort.rounds, effort.turn);
    Ok(Comparison::of(title, exchange, &samples))
}
