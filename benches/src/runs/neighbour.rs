//! What one workspace feels while somebody floods the edge: its p99 beside its quiet one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::Findings;
use crate::flood::{Flood, Flooding, Target};
use crate::latency::{Latencies, median};
use crate::load::{Client, Kind};
use crate::peers::{AccessLog, Bounds, Edge, Entrance, WEB_TENANTS};
use crate::quantity::{
    FLOOD_MEMORY, NEIGHBOUR_CONTINUATIONS, NEIGHBOUR_REQUESTS, NEIGHBOUR_RESETS, Quantity,
};
use crate::stage::Stage;
use crate::tenants::Visitor;

/// Visitors of the workspace that is looked at, and how often each asks: far below limits.
const VISITORS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// Until a flood is at its height.
const RISE: Duration = Duration::from_millis(300);

/// # Errors
/// When the edge does not start, or one answer of the neighbour's is wrong.
pub async fn neighbour(stage: &Stage) -> anyhow::Result<Findings> {
    let (entrance, bounds) = (Entrance::Tls, Bounds::Usual);
    let edge = Edge::start_serving_within(stage, "edge-flooded", AccessLog::On, entrance, bounds);
    let edge = edge.await?;
    let door = edge.door();
    // Another workspace than any of the visitors'.
    let flooding = Visitor::new(&stage.ring, WEB_TENANTS - 1);
    let target = Target {
        address: door.address,
        tls: stage.certificate.client.clone(),
        host: flooding.host().to_owned(),
        cookie: flooding.cookie().to_owned(),
    };
    let mut visitors = Vec::new();
    for number in 0..VISITORS {
        visitors.push(Client::open(Kind::Https, door, stage, number, 0).await?);
    }
    let turn = stage.effort.turn;
    let mut found = Findings::default();
    let mut peak = 0.0_f64;
    let before = edge.memory_mebibytes()?;
    for (flood, quantity) in [
        (Flood::Requests, &NEIGHBOUR_REQUESTS),
        (Flood::Resets, &NEIGHBOUR_RESETS),
        (Flood::Continuations, &NEIGHBOUR_CONTINUATIONS),
    ] {
        let (mut ratios, mut quiet_p99, mut loud_p99, mut sent) = (vec![], vec![], vec![], 0);
        for round in 1..=stage.effort.rounds {
            let quiet = p99(&mut visitors, turn).await?;
            let flooding = Flooding::start(flood, &target, stage.cores.upstream)?;
            tokio::time::sleep(RISE).await;
            let loud = p99(&mut visitors, turn).await?;
            peak = peak.max(edge.memory_mebibytes()?);
            sent += flooding.sent();
            drop(flooding);
            eprintln!("{flood:?}: round {round}: p99 {quiet:.0} µs quiet, {loud:.0} µs flooded");
            ratios.push(loud / quiet);
            quiet_p99.push(quiet);
            loud_p99.push(loud);
        }
        ensure!(sent > 0, "nothing of the flood {flood:?} was sent");
        found.figures.push(figure(quantity, ratios, quiet_p99, loud_p99, sent));
    }
    let note = format!("resident memory at its highest, {before:.0} MiB before");
    found.figures.push(FLOOD_MEMORY.found(peak - before, note));
    Ok(found)
}

fn figure(
    quantity: &'static Quantity,
    ratios: Vec<f64>,
    quiet: Vec<f64>,
    loud: Vec<f64>,
    sent: u64,
) -> crate::quantity::Figure {
    let note = format!("{:.0} µs; quiet {:.0} µs; {sent} sent", median(loud), median(quiet));
    quantity.found(median(ratios), note)
}

/// Of all visitors together, over `turn`, in microseconds.
async fn p99(visitors: &mut Vec<Client>, turn: Duration) -> anyhow::Result<f64> {
    let end = Instant::now() + turn;
    let tasks: Vec<_> = visitors
        .drain(..)
        .map(|mut visitor| {
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                while Instant::now() < end {
                    let started = Instant::now();
                    visitor.exchange().await?;
                    latencies.push(started.elapsed());
                    tokio::time::sleep(PAUSE).await;
                }
                anyhow::Ok((visitor, latencies))
            })
        })
        .collect();
    let mut all = Latencies::default();
    for task in tasks {
        let (visitor, latencies) = task.await.context("a visitor panicked")??;
        visitors.push(visitor);
        all.append(latencies);
    }
    Ok(all.quantile(0.99))
}
