//! How fast access ends: a workspace with a thousand open WebSockets is removed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::Findings;
use crate::peers::{AccessLog, Edge, Entrance, WEB_TENANTS};
use crate::quantity::{CUT, CUT_BYSTANDERS, CUT_MANY};
use crate::stage::Stage;
use crate::tenants::{Visitor, served_route};
use crate::websocket::{Message, Socket};

/// Open WebSockets of the workspace that is removed.
const SOCKETS: usize = 1_000;

/// Open WebSockets of a workspace that has nothing to do with it.
const BYSTANDERS: usize = 100;

/// # Errors
/// When the edge does not start, or miscounts what it has cut.
pub async fn cut(stage: &Stage) -> anyhow::Result<Findings> {
    let edge = Edge::start_serving(stage, "edge-cut", AccessLog::On, Entrance::Plain).await?;
    let mut worst = Once::default();
    for _ in 0..stage.effort.cuts {
        let once = cut_once(stage, &edge, SOCKETS).await?;
        eprintln!("cut: last client after {:?}, answered after {:?}", once.last, once.answered);
        worst = Once {
            last: worst.last.max(once.last),
            answered: worst.answered.max(once.answered),
            hit: worst.hit + once.hit,
        };
    }
    let cuts = stage.effort.cuts;
    let note = format!(
        "from sending the change to the last client seeing it, worst of {cuts}; \
         answered within {:.1} ms",
        worst.answered.as_secs_f64() * 1e3
    );
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let hit = worst.hit as f64;
    let many = cut_once(stage, &edge, stage.effort.sockets_cut).await?;
    let many_note = format!("{} of them, once, as descriptors allow", stage.effort.sockets_cut);
    let figures = vec![
        CUT_MANY.found(many.last.as_secs_f64() * 1e3, many_note),
        CUT.found(worst.last.as_secs_f64() * 1e3, note),
        CUT_BYSTANDERS.found(hit, format!("of {BYSTANDERS} in each of {cuts} cuts")),
    ];
    Ok(figures.into())
}

#[derive(Default)]
struct Once {
    /// Until the last client saw the end of its WebSocket.
    last: Duration,
    /// Until the edge had answered for the change.
    answered: Duration,
    /// WebSockets that should have felt nothing, and did.
    hit: usize,
}

async fn cut_once(stage: &Stage, edge: &Edge, count: usize) -> anyhow::Result<Once> {
    let removed = WEB_TENANTS;
    let mut bystanders = open(stage, edge, WEB_TENANTS + 1, BYSTANDERS).await?;
    let sockets = open(stage, edge, removed, count).await?;
    let watchers: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            tokio::spawn(async move { socket.closed().await.map(|()| Instant::now()) })
        })
        .collect();
    // Lets every watcher begin to wait.
    tokio::task::yield_now().await;

    let route = served_route(removed, stage.echo.address);
    let mut admin = edge.admin().await?;
    admin.follow().await?;
    let started = Instant::now();
    let (applied, answered) = admin.remove(&route).await?;
    let mut last = started;
    for watcher in watchers {
        last = last.max(watcher.await.context("a watcher panicked")??);
    }
    ensure!(
        applied.sockets_cut == count as u64,
        "the edge says it cut {} WebSockets of {count}",
        applied.sockets_cut
    );
    let message = Message::of_bytes(64);
    let mut hit = 0;
    for socket in &mut bystanders {
        hit += usize::from(socket.echo(&message, &mut Vec::new()).await.is_err());
    }
    admin.put(None, route).await?;
    Ok(Once { last: last - started, answered, hit })
}

async fn open(
    stage: &Stage,
    edge: &Edge,
    tenant: u64,
    count: usize,
) -> anyhow::Result<Vec<Socket>> {
    let upgrade = Visitor::new(&stage.ring, tenant).upgrade();
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        sockets.push(Socket::open(edge.address, &upgrade).await?);
    }
    Ok(sockets)
}
