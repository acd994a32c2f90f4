//! What one workspace feels while others flood the edge, or take as long as they can:
//! its p99 beside its quiet one.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use super::Findings;
use crate::flood::{Flood, Flooding, Target};
use crate::latency::{Latencies, median};
use crate::load::{Client, Kind};
use crate::peers::{AccessLog, Bounds, Edge, WEB_TENANTS};
use crate::quantity::{
    FLOOD_MEMORY, Figure, NEIGHBOUR_CONTINUATIONS, NEIGHBOUR_RANGES, NEIGHBOUR_REQUESTS,
    NEIGHBOUR_RESETS, NEIGHBOUR_SILENCE, NEIGHBOUR_SLOW_BODIES, NEIGHBOUR_SLOW_HEADS,
    NEIGHBOUR_SLOW_READS, Quantity, SLOW_MEMORY,
};
use crate::slow::{Slow, Slowness};
use crate::stage::Stage;
use crate::tenants::Visitor;

/// Visitors of the workspace that is looked at, and how often each asks: far below limits.
const VISITORS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// Until a flood is at its height.
const RISE: Duration = Duration::from_millis(300);

/// Rounds of each kind of slow clients, which take seconds to come and to go.
const SLOW_ROUNDS_MAX: usize = 3;

/// # Errors
/// When the edge does not start, or one answer of the neighbour's is wrong.
pub async fn neighbour(stage: &Stage) -> anyhow::Result<Findings> {
    let mut found = flooded(stage).await?;
    if stage.programs.slowhttptest.is_some() {
        found.append(slowed(stage).await?);
    }
    Ok(found)
}

async fn flooded(stage: &Stage) -> anyhow::Result<Findings> {
    let mut neighbour =
        Neighbour::open(stage, "edge-flooded", Kind::Https, Bounds::Usual, stage.effort.rounds)
            .await?;
    let flooding = another(stage);
    let target = Target {
        address: neighbour.edge.address,
        tls: stage.certificate.client.clone(),
        host: flooding.host().to_owned(),
        cookie: flooding.cookie().to_owned(),
    };
    let mut found = Findings::default();
    for (flood, quantity) in [
        (Flood::Requests, &NEIGHBOUR_REQUESTS),
        (Flood::Resets, &NEIGHBOUR_RESETS),
        (Flood::Continuations, &NEIGHBOUR_CONTINUATIONS),
    ] {
        let mut sent = 0;
        let begin = async || {
            let flooding = Flooding::start(flood, &target, stage.cores.upstream)?;
            tokio::time::sleep(RISE).await;
            Ok(flooding)
        };
        let end = async |flooding: Flooding| {
            sent += flooding.sent();
            Ok(())
        };
        let beside = neighbour.beside(&format!("{flood:?}"), begin, end).await?;
        ensure!(sent > 0, "nothing of the flood {flood:?} was sent");
        found.figures.push(beside.figure(quantity, &format!("{sent} sent")));
    }
    found.figures.push(neighbour.cost(&FLOOD_MEMORY));
    Ok(found)
}

async fn slowed(stage: &Stage) -> anyhow::Result<Findings> {
    let program = stage.programs.slowhttptest.as_deref().context("it is not installed")?;
    let rounds = stage.effort.rounds.min(SLOW_ROUNDS_MAX);
    // All of them come from one address.
    let mut neighbour =
        Neighbour::open(stage, "edge-slowed", Kind::Http, Bounds::Lifted, rounds).await?;
    let (address, visitor) = (neighbour.edge.address, another(stage));
    let mut found = Findings::default();
    for (slowness, quantity) in [
        (Slowness::Heads, &NEIGHBOUR_SLOW_HEADS),
        (Slowness::Bodies, &NEIGHBOUR_SLOW_BODIES),
        (Slowness::Reads, &NEIGHBOUR_SLOW_READS),
        (Slowness::Ranges, &NEIGHBOUR_RANGES),
        (Slowness::Silence, &NEIGHBOUR_SILENCE),
    ] {
        let mut connections = 0;
        let begin = async || slowness.begin(program, address, &visitor, stage.cores.upstream).await;
        let end = async |slow: Slow| {
            connections = slow.connections();
            slow.end().await
        };
        let beside = neighbour.beside(&format!("{slowness:?}"), begin, end).await?;
        found.figures.push(beside.figure(quantity, &format!("{connections} connections")));
    }
    found.figures.push(neighbour.cost(&SLOW_MEMORY));
    Ok(found)
}

/// Signed in to another workspace than any of the neighbour's.
fn another(stage: &Stage) -> Visitor {
    Visitor::new(&stage.ring, WEB_TENANTS - 1)
}

/// Who is looked at, at an edge that others go to as well.
struct Neighbour {
    edge: Edge,
    visitors: Vec<Client>,
    turn: Duration,
    rounds: usize,
    /// Resident memory of the edge, in mebibytes: at first, and at its highest.
    before: f64,
    peak: f64,
}

/// Of each round, in microseconds.
#[derive(Default)]
struct Beside {
    quiet: Vec<f64>,
    loud: Vec<f64>,
}

impl Neighbour {
    async fn open(
        stage: &Stage,
        name: &'static str,
        kind: Kind,
        bounds: Bounds,
        rounds: usize,
    ) -> anyhow::Result<Self> {
        let log = AccessLog::On;
        let edge = Edge::start_serving_within(stage, name, log, kind.entrance(), bounds).await?;
        let mut visitors = Vec::new();
        for number in 0..VISITORS {
            visitors.push(Client::open(kind, edge.door(), stage, number, 0).await?);
        }
        let before = edge.memory_mebibytes()?;
        let turn = stage.effort.turn;
        Ok(Self { edge, visitors, turn, rounds, before, peak: before })
    }

    /// Quiet turns, and such beside what `begin` begins and `end` ends.
    async fn beside<T>(
        &mut self,
        name: &str,
        mut begin: impl AsyncFnMut() -> anyhow::Result<T>,
        mut end: impl AsyncFnMut(T) -> anyhow::Result<()>,
    ) -> anyhow::Result<Beside> {
        let mut beside = Beside::default();
        for round in 1..=self.rounds {
            let quiet = self.p99().await?;
            let others = begin().await?;
            let loud = self.p99().await?;
            self.peak = self.peak.max(self.edge.memory_mebibytes()?);
            end(others).await?;
            eprintln!("{name}: round {round}: p99 {quiet:.0} µs quiet, {loud:.0} µs beside it");
            beside.quiet.push(quiet);
            beside.loud.push(loud);
        }
        Ok(beside)
    }

    /// Of all visitors together, over a turn, in microseconds.
    async fn p99(&mut self) -> anyhow::Result<f64> {
        let end = Instant::now() + self.turn;
        let tasks: Vec<_> = self
            .visitors
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
            self.visitors.push(visitor);
            all.append(latencies);
        }
        Ok(all.quantile(0.99))
    }

    fn cost(&self, quantity: &'static Quantity) -> Figure {
        let note = format!("resident memory at its highest, {:.0} MiB before", self.before);
        quantity.found(self.peak - self.before, note)
    }
}

impl Beside {
    fn figure(self, quantity: &'static Quantity, others: &str) -> Figure {
        let ratio = median(self.loud.iter().zip(&self.quiet).map(|(loud, quiet)| loud / quiet));
        let (loud, quiet) = (median(self.loud), median(self.quiet));
        quantity.found(ratio, format!("{loud:.0} µs; quiet {quiet:.0} µs; {others}"))
    }
}
