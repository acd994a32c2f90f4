//! `/pflaster/health`: one word for everybody, everything for who has the token.

use serde::Serialize;

use crate::agent::Agent;
use crate::gateway_status::{GatewayStatus, Phase};
use crate::memory;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    Starting,
    /// The agent answers, the assistant does not, and that is being seen to.
    Degraded,
    /// Somebody has to look.
    Failed,
}

impl From<Phase> for Status {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Ready => Self::Ok,
            Phase::Starting => Self::Starting,
            Phase::Restarting => Self::Degraded,
            Phase::Failed => Self::Failed,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Liveness {
    pub status: Status,
}

#[derive(Debug, Serialize)]
pub struct Health {
    status: Status,
    version: &'static str,
    uptime_seconds: u64,
    memory_bytes: Option<u64>,
    sockets: usize,
    gateway: GatewayHealth,
}

#[derive(Debug, Serialize)]
struct GatewayHealth {
    state: &'static str,
    detail: String,
    pid: Option<u32>,
    restarts: u64,
    last_exit: Option<String>,
    /// Unix seconds.
    ready_since: Option<u64>,
    memory_bytes: Option<u64>,
}

pub fn full(agent: &Agent) -> Health {
    let gateway = agent.gateway.borrow().clone();
    Health {
        status: gateway.phase.into(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: agent.started.elapsed().as_secs(),
        memory_bytes: memory::resident_bytes(std::process::id()),
        sockets: agent.open_sockets(),
        gateway: gateway_health(gateway),
    }
}

fn gateway_health(gateway: GatewayStatus) -> GatewayHealth {
    GatewayHealth {
        state: match gateway.phase {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Restarting => "restarting",
            Phase::Failed => "failed",
        },
        memory_bytes: gateway.pid.and_then(memory::resident_bytes),
        detail: gateway.detail,
        pid: gateway.pid,
        restarts: gateway.restarts,
        last_exit: gateway.last_exit,
        ready_since: gateway.ready_since,
    }
}
