//! What the agent in each VM costs while nobody talks to it, and how fast it is there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::Findings;
use crate::accounting::settled_bytes;
use crate::child::{Child, free_address};
use crate::http::Connection;
use crate::latency::median;
use crate::quantity::{AGENT_IDLE, AGENT_START};
use crate::stage::Stage;
use crate::tenants::{self, BASE_DOMAIN};

/// How long it may take to answer; its bar is a two-hundredth of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A start is short: more of them cost nothing.
const STARTS: usize = 9;

/// # Errors
/// When the agent does not start.
pub async fn agent(stage: &Stage) -> anyhow::Result<Findings> {
    let mut times = Vec::with_capacity(STARTS);
    let mut agents = Vec::with_capacity(1);
    for _ in 0..STARTS {
        agents.clear();
        let (agent, took) = start(stage).await?;
        times.push(took.as_secs_f64() * 1e3);
        agents.push(agent);
    }
    let agent = agents.pop().context("no agent was started")?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
    let idle = settled_bytes(agent.pid()).await? as f64 / f64::from(1 << 20);
    let figures = vec![
        AGENT_IDLE.found(idle, "RSS; no gateway, nobody there"),
        AGENT_START.found(median(times), format!("median of {STARTS}")),
    ];
    Ok(figures.into())
}

async fn start(stage: &Stage) -> anyhow::Result<(Child, Duration)> {
    let folder = stage.folder.join("agent");
    std::fs::create_dir_all(&folder)?;
    let (address, gateway) = (free_address()?, free_address()?);
    std::fs::write(folder.join("sprite-agent.toml"), configuration(address, gateway))?;
    let (program, core) = (&stage.programs.agent, stage.cores.proxy);
    let started = Instant::now();
    let arguments = ["--config", "sprite-agent.toml"];
    let mut agent = Child::start("agent", program, &arguments, core, &folder)?;
    while !answers(address).await {
        agent.check_running()?;
        if started.elapsed() > PATIENCE {
            bail!("the agent did not answer within {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    Ok((agent, started.elapsed()))
}

async fn answers(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let request = format!("GET /pflaster/health HTTP/1.1\r\nHost: {address}\r\n\r\n");
    connection.exchange(request.as_bytes()).await.is_ok()
}

fn configuration(address: SocketAddr, gateway: SocketAddr) -> String {
    let username = tenants::username(1);
    let key = "11".repeat(32);
    format!(
        "listen = \"{address}\"
username = \"{username}\"
site_url = \"http://{BASE_DOMAIN}\"
public_url = \"http://{username}.{BASE_DOMAIN}\"
health_token = \"only-for-this-measurement\"
[identity.keys]
k1 = \"{key}\"
[gateway]
address = \"{gateway}\"
token = \"only-for-this-measurement\"
[supervisor]
enabled = false
"
    )
}
