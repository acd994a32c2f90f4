//! What the agent in each VM costs while nobody talks to it, how fast it is
//! there, and what it adds to a message.

use super::Findings;
use crate::accounting::settled_bytes;
use crate::agent::Agent;
use crate::child::free_address;
use crate::gateway::start_gateway;
use crate::latency::{Latencies, median};
use crate::page::Page;
use crate::quantity::{AGENT_ADDED, AGENT_IDLE, AGENT_START, Figure};
use crate::stage::Stage;

/// A start is short: more of them cost nothing.
const STARTS: usize = 9;

/// Messages sent one after the other in a round, each way.
const MESSAGES: usize = 1_000;

/// # Errors
/// When the agent does not start, or a message is not answered.
pub async fn agent(stage: &Stage) -> anyhow::Result<Findings> {
    let nobody = free_address()?;
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        times.push(Agent::start(stage, nobody).await?.took.as_secs_f64() * 1e3);
    }
    let agent = Agent::start(stage, nobody).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let idle = settled_bytes(agent.pid()).await? as f64 / f64::from(1 << 20);
    let figures = vec![
        AGENT_IDLE.found(idle, "RSS; no gateway, nobody there"),
        AGENT_START.found(median(times), format!("median of {STARTS}")),
        added(stage).await?,
    ];
    Ok(figures.into())
}

/// The same messages to the same gateway, straight and through the agent, in turns.
async fn added(stage: &Stage) -> anyhow::Result<Figure> {
    let gateway = start_gateway().await?;
    let mut agent = Agent::start(stage, gateway).await?;
    agent.wait_until_ready().await?;
    let mut straight = Page::open(gateway, &[]).await?;
    let mut through = Page::open(agent.address, &agent.page_headers()?).await?;
    let (mut direct, mut carried) = (Latencies::default(), Latencies::default());
    let mut added = Vec::with_capacity(stage.effort.rounds);
    for _ in 0..stage.effort.rounds {
        let p99_direct = ask(&mut straight, &mut direct).await?;
        let p99_carried = ask(&mut through, &mut carried).await?;
        added.push((p99_carried - p99_direct) / 1e3);
    }
    let (direct, carried) = (direct.quantile(0.5), carried.quantile(0.5));
    let note = format!(
        "there and back, {MESSAGES} in each round; p50 {carried:.0} µs instead of {direct:.0} µs"
    );
    Ok(AGENT_ADDED.found(median(added), note))
}

/// The p99 of this round, in microseconds.
async fn ask(page: &mut Page, all: &mut Latencies) -> anyhow::Result<f64> {
    let mut round = Latencies::default();
    for _ in 0..MESSAGES {
        round.push(page.ask("health").await?);
    }
    let p99 = round.quantile(0.99);
    all.append(round);
    Ok(p99)
}
