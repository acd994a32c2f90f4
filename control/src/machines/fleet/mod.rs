//! Brings the machines that there are to the base that is wanted.
//!
//! `reconciler` looks and begins, `trial` tries a base on a machine that is nobody's,
//! `update` brings one workspace to it, or back.

pub mod reconciler;
pub mod trial;
pub mod update;

use serde_json::Value;
use shared::Secret;
use vendors::sprites::address::Probe;

use super::context::Machines;
use super::vm::health::{Health, read_health};
use super::vm::layout;
use crate::model::pool::Assigned;

/// What an agent says of itself before its machine is touched.
struct Standing {
    health: Health,
    /// Something runs, or somebody has its page open.
    is_busy: bool,
    /// Of OpenClaw, by its own word.
    version: Option<String>,
}

async fn look(machines: &Machines, sprite: &Assigned, token: &Secret<String>) -> Standing {
    let probe = machines.sprites.probe(&sprite.upstream, layout::HEALTH_PATH, token).await;
    let health = read_health(&probe);
    let body: Value = match &probe {
        Probe::Answered { body, .. } => serde_json::from_slice(body).unwrap_or_default(),
        Probe::Walled | Probe::Silent(_) => Value::Null,
    };
    let is_working = body["awake"]["held"].as_str().is_some_and(|why| why != "untold");
    let version = body["gateway"]["version"].as_str().map(str::to_owned);
    Standing { health, is_busy: is_working || body["sockets"].as_u64() > Some(0), version }
}

/// Whether the gateway is the one that its base says; where the base says nothing, any is.
fn is_of_base(machines: &Machines, seen: Option<&str>) -> Result<(), String> {
    match (machines.base.gateway_version.as_deref(), seen) {
        (Some(wanted), seen) if seen != Some(wanted) => {
            let seen = seen.unwrap_or("none");
            Err(format!("version {seen} runs, and {wanted} was installed"))
        }
        _ => Ok(()),
    }
}
