//! `/pflaster/health`: one word for everybody, everything for who has the token.
//!
//! Operators need no scrape, which would wake a sleeping machine: what they want
//! to know of an agent stands in the answer that control asks for anyway.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::agent::Agent;
use crate::gateway_status::{GatewayStatus, Mended, Phase, Reason};
use crate::memory;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    Starting,
    /// The agent answers, the assistant does not, and that is being seen to.
    Degraded,
    /// Every repair was tried; an operator has to look.
    Failed,
}

impl From<&GatewayStatus> for Status {
    fn from(gateway: &GatewayStatus) -> Self {
        match (gateway.phase, gateway.reason) {
            (Phase::Ready, Reason::Ready) => Self::Ok,
            (Phase::Ready | Phase::Restarting, _) => Self::Degraded,
            (Phase::Starting, _) => Self::Starting,
            (Phase::Failed, _) => Self::Failed,
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
    awake: AwakeHealth,
    /// Every counter and gauge of `/metrics`, by its name and labels.
    metrics: BTreeMap<String, f64>,
}

#[derive(Debug, Serialize)]
struct AwakeHealth {
    /// Why the machine is held awake: `starting`, `working`, `due`, `untold`; `null` when it may
    /// sleep.
    held: Option<&'static str>,
    /// When the assistant next has something to do, in Unix seconds: whoever reads it wakes the
    /// machine in time.
    next_due: Option<u64>,
    /// Whether the gateway was asked: before, `null` says nothing.
    known: bool,
}

#[derive(Debug, Serialize)]
struct GatewayHealth {
    state: &'static str,
    reason: &'static str,
    /// For the customer.
    message: &'static str,
    /// For the operator.
    detail: String,
    version: Option<String>,
    pid: Option<u32>,
    restarts: u64,
    last_exit: Option<String>,
    /// Unix seconds.
    ready_since: Option<u64>,
    memory_bytes: Option<u64>,
    mended: Option<MendedFacts>,
    /// Why the assistant cannot plan anything when it is asked to, for the operator; `null` while
    /// nothing is known to be in its way.
    cannot_plan: Option<String>,
}

/// A repair that worked, as health and the page tell of it.
#[derive(Debug, Serialize)]
pub struct MendedFacts {
    by: &'static str,
    /// Unix seconds.
    at: u64,
    message: &'static str,
}

impl From<Mended> for MendedFacts {
    fn from(mended: Mended) -> Self {
        Self { by: mended.by.label(), at: mended.at, message: mended.by.for_customer() }
    }
}

pub fn full(agent: &Agent) -> Health {
    let gateway = agent.gateway.borrow().clone();
    let awake = agent.awake.tell();
    Health {
        awake: AwakeHealth {
            held: awake.held.map(|why| why.label()),
            next_due: awake.next_due,
            known: awake.is_known,
        },
        status: Status::from(&gateway),
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: agent.started.elapsed().as_secs(),
        memory_bytes: memory::resident_bytes(std::process::id()),
        sockets: agent.open_sockets(),
        metrics: agent.metrics.values(&gateway, agent.open_sockets(), &agent.awake),
        gateway: gateway_health(gateway),
    }
}

fn gateway_health(gateway: GatewayStatus) -> GatewayHealth {
    GatewayHealth {
        state: gateway.phase.label(),
        reason: gateway.reason.label(),
        message: gateway.reason.for_customer(),
        memory_bytes: gateway.pid.and_then(memory::resident_bytes),
        detail: gateway.detail,
        version: gateway.version,
        pid: gateway.pid,
        restarts: gateway.restarts,
        last_exit: gateway.last_exit,
        ready_since: gateway.ready_since,
        mended: gateway.mended.map(MendedFacts::from),
        cannot_plan: gateway.cannot_plan,
    }
}
