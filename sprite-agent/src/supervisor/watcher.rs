//! Watches a gateway that somebody else runs.

use std::net::SocketAddr;
use std::time::Duration;

use shared::process::time::unix_seconds;
use tokio::sync::watch;

use super::readiness::{Probe, probe};
use crate::gateway_status::{GatewayStatus, Phase};

/// While pages wait for it.
const PROBE_WAITING: Duration = Duration::from_secs(1);
const PROBE_READY: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
pub async fn watch(address: SocketAddr, status: watch::Sender<GatewayStatus>) {
    loop {
        let probed = probe(address).await;
        let phase = next(status.borrow().phase, probed);
        status.send_if_modified(|status| {
            let is_changed = status.phase != phase;
            if is_changed {
                *status = GatewayStatus::new(phase, detail(phase));
                status.ready_since = (phase == Phase::Ready).then(unix_seconds);
            }
            is_changed
        });
        let wait = if phase == Phase::Ready { PROBE_READY } else { PROBE_WAITING };
        tokio::time::sleep(wait).await;
    }
}

fn next(phase: Phase, probed: Probe) -> Phase {
    match (phase, probed) {
        (_, Probe::Ready) => Phase::Ready,
        (Phase::Starting, _) => Phase::Starting,
        (_, Probe::NotReady | Probe::Silent) => Phase::Restarting,
    }
}

fn detail(phase: Phase) -> &'static str {
    match phase {
        Phase::Ready => "ready; run by somebody else",
        _ => "not ready; run by somebody else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_was_ready_is_restarting_when_it_is_not() {
        assert_eq!(next(Phase::Starting, Probe::Silent), Phase::Starting);
        assert_eq!(next(Phase::Starting, Probe::Ready), Phase::Ready);
        assert_eq!(next(Phase::Ready, Probe::NotReady), Phase::Restarting);
        assert_eq!(next(Phase::Restarting, Probe::Silent), Phase::Restarting);
        assert_eq!(next(Phase::Restarting, Probe::Ready), Phase::Ready);
    }
}
