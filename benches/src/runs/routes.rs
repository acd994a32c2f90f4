//! What routes cost: to change, to keep, to read from disk, to look up.

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{Seek as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use edge::measured::Tables;

use super::Findings;
use crate::accounting::settled_bytes;
use crate::admin::Admin;
use crate::latency::{Latencies, median};
use crate::peers::{AccessLog, Edge, Entrance};
use crate::quantity::{
    CHANGE_GROWTH, CHANGE_P99, CHANGE_P99_MANY, DISK_SYNC, Figure, LOOKUP, ROUTE_BYTES,
    ROUTE_BYTES_SENT, START, START_AFTER_KILL,
};
use crate::stage::Stage;
use crate::tenants::{self, sleeping_route};

/// Routes of the table that is as good as empty.
const FEW: u64 = 10;

/// Routes of the table that most edges will have.
const SOME: u64 = 1_000;

/// # Errors
/// When an edge does not start, or refuses a table or a change.
pub async fn routes(stage: &Stage) -> anyhow::Result<Findings> {
    let many = stage.effort.many_routes;
    let mut tables = [
        Table::load(stage, "edge-few", FEW).await?,
        Table::load(stage, "edge-some", SOME).await?,
        Table::load(stage, "edge-many", many).await?,
    ];
    let mut figures = vec![bytes_sent(&tables, many).await?];
    figures.extend(changes(stage, &mut tables).await?);
    let [few, some, large] = tables;
    drop(some);
    figures.extend(starts(stage, few.edge, large.edge).await?);
    figures.push(lookup(stage));
    Ok(figures.into())
}

/// An edge, and what it was told to serve.
struct Table {
    edge: Edge,
    admin: Admin,
    size: u64,
    /// Epoch of each route that was changed.
    changed: HashMap<u64, u64>,
    latencies: Latencies,
    medians_us: Vec<f64>,
}

impl Table {
    async fn load(stage: &Stage, name: &'static str, size: u64) -> anyhow::Result<Self> {
        let edge = Edge::start(stage, name, AccessLog::On, Entrance::Plain).await?;
        let mut admin = edge.admin().await?;
        let started = Instant::now();
        admin.send_table((0..size).map(|index| sleeping_route(index, 0))).await?;
        eprintln!("routes: {size} sent within {:?}", started.elapsed());
        let (changed, latencies, medians_us) = Default::default();
        Ok(Self { edge, admin, size, changed, latencies, medians_us })
    }

    /// Puts random routes in the place of themselves with the next epoch, one by one.
    async fn change(&mut self, count: usize) -> anyhow::Result<()> {
        let mut round = Latencies::default();
        for _ in 0..count {
            let index = fastrand::u64(..self.size);
            let epoch = self.changed.entry(index).or_default();
            let before = sleeping_route(index, *epoch);
            *epoch += 1;
            let after = sleeping_route(index, *epoch);
            let (_, took) = self.admin.put(Some(&before), after).await?;
            round.push(took);
        }
        self.medians_us.push(round.quantile(0.5));
        self.latencies.append(round);
        Ok(())
    }

    fn p99_figure(&mut self) -> Figure {
        let quantity = if self.size == SOME { &CHANGE_P99 } else { &CHANGE_P99_MANY };
        let (p50, p99) = (self.latencies.quantile(0.5), self.latencies.quantile(0.99));
        let note = format!(
            "{} changes, {} routes, p50 {:.2} ms",
            self.latencies.len(),
            self.size,
            p50 / 1e3
        );
        quantity.found(p99 / 1e3, note)
    }
}

async fn changes(stage: &Stage, tables: &mut [Table; 3]) -> anyhow::Result<Vec<Figure>> {
    let effort = &stage.effort;
    let mut disk = Latencies::default();
    for _ in 0..effort.rounds {
        for table in &mut *tables {
            table.change(effort.changes).await?;
        }
        sync_to_disk(stage, effort.changes, &mut disk)?;
    }
    let [few, some, large] = tables;
    let ratios = large.medians_us.iter().zip(&few.medians_us).map(|(large, few)| large / few);
    let note = format!("{} routes; medians of the same round", large.size);
    let growth = CHANGE_GROWTH.found(median(ratios), note);
    let (p50, p99) = (disk.quantile(0.5), disk.quantile(0.99));
    let note =
        format!("p50; p99 {:.2} ms; in the same rounds and folder as the changes", p99 / 1e3);
    let floor = DISK_SYNC.found(p50 / 1e3, note);
    Ok(vec![some.p99_figure(), large.p99_figure(), growth, floor])
}

/// What the disk itself takes, in the folder in which the stores lie.
fn sync_to_disk(stage: &Stage, count: usize, latencies: &mut Latencies) -> anyhow::Result<()> {
    let path = stage.folder.join("sync");
    let mut file = File::options().create(true).write(true).truncate(false).open(path)?;
    for _ in 0..count {
        let started = Instant::now();
        file.rewind()?;
        file.write_all(&[1; 4096])?;
        file.sync_data()?;
        latencies.push(started.elapsed());
    }
    Ok(())
}

async fn bytes_sent(tables: &[Table; 3], many: u64) -> anyhow::Result<Figure> {
    let [few, _, large] = tables;
    let growth = growth(&few.edge, &large.edge).await?;
    Ok(ROUTE_BYTES_SENT.found(growth / (many - FEW) as f64, format!("{many} routes")))
}

/// What `large` has in memory more than `few`, in bytes.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
async fn growth(few: &Edge, large: &Edge) -> anyhow::Result<f64> {
    let (few, large) = (settled_bytes(few.pid()).await?, settled_bytes(large.pid()).await?);
    Ok(large.saturating_sub(few) as f64)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 routes")]
async fn starts(stage: &Stage, few: Edge, mut large: Edge) -> anyhow::Result<Vec<Figure>> {
    let many = stage.effort.many_routes;
    let (few, _) = few.restart().await?;
    let mut times = Vec::with_capacity(stage.effort.starts);
    for _ in 0..stage.effort.starts {
        let took;
        (large, took) = large.restart().await?;
        times.push(milliseconds(took));
    }
    let count = times.len();
    let each = growth(&few, &large).await? / (many - FEW) as f64;
    let (_large, after_kill) = large.restart_after_kill().await?;
    Ok(vec![
        ROUTE_BYTES.found(each, format!("{many} routes, started from disk")),
        START.found(median(times), format!("{many} routes; median of {count}")),
        START_AFTER_KILL.found(milliseconds(after_kill), format!("{many} routes; once")),
    ])
}

/// Times the edge's own table in this process; names are random, so most miss the caches.
fn lookup(stage: &Stage) -> Figure {
    let many = stage.effort.many_routes;
    let routes = (0..many).map(|index| Arc::new(sleeping_route(index, 0))).collect();
    let tables = Tables::of(None, routes, Vec::new()).expect("every name comes once");
    // Names are made before: a request has its name already.
    let names: Vec<_> = (0..stage.effort.lookups.min(1_000_000))
        .map(|_| tenants::username(fastrand::u64(..many)))
        .collect();
    let mut times = Vec::new();
    for _ in 0..stage.effort.lookups.div_ceil(names.len()) {
        let started = Instant::now();
        for name in &names {
            black_box(tables.route(black_box(name)));
        }
        times.push(nanoseconds(started.elapsed()) / names.len() as f64);
    }
    LOOKUP.found(median(times), format!("{many} routes, in this process"))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
