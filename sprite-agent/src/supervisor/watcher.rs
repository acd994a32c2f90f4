//! Watches a gateway that another program runs.

use std::net::SocketAddr;
use std::time::Duration;

use shared::Secret;
use shared::process::time::unix_seconds;
use tokio::sync::watch;

use super::events::Probe;
use super::prober::Prober;
use crate::gateway_status::{GatewayStatus, Phase, Reason};

/// While pages wait for it.
const PROBE_WAITING: Duration = Duration::from_secs(1);
const PROBE_READY: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
pub async fn watch(
    address: SocketAddr,
    token: Secret<String>,
    status: watch::Sender<GatewayStatus>,
) {
    let mut prober = Prober::new(address, token, false);
    loop {
        let probed = prober.probe().await;
        let (phase, reason) = next(status.borrow().phase, probed);
        let word = if phase == Phase::Ready { "ready" } else { "not ready" };
        let complaint = prober.complaint.as_deref().map(|text| format!("; {text}"));
        let detail = format!("{word}, run by another program{}", complaint.unwrap_or_default());
        let version = prober.version();
        status.send_if_modified(|status| {
            let next = GatewayStatus {
                phase,
                reason,
                detail,
                version: version.or_else(|| status.version.clone()),
                cannot_plan: prober.cannot_plan().map(str::to_owned),
                ready_since: (phase == Phase::Ready)
                    .then(|| status.ready_since.unwrap_or_else(unix_seconds)),
                ..status.clone()
            };
            let is_changed = *status != next;
            *status = next;
            is_changed
        });
        let wait = if phase == Phase::Ready { PROBE_READY } else { PROBE_WAITING };
        tokio::time::sleep(wait).await;
    }
}

fn next(phase: Phase, probed: Probe) -> (Phase, Reason) {
    match (phase, probed) {
        (_, Probe::Ready) => (Phase::Ready, Reason::Ready),
        // Nobody here can repair it.
        (_, Probe::Refused) => (Phase::Failed, Reason::ConnectionRefused),
        (Phase::Starting, _) => (Phase::Starting, Reason::Starting),
        (_, Probe::NotReady | Probe::Silent | Probe::Foreign) => {
            (Phase::Restarting, Reason::Restarting)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_was_ready_is_restarting_when_it_is_not() {
        let check = |phase, probe, expected| assert_eq!(next(phase, probe).0, expected);
        check(Phase::Starting, Probe::Silent, Phase::Starting);
        check(Phase::Starting, Probe::Ready, Phase::Ready);
        check(Phase::Ready, Probe::NotReady, Phase::Restarting);
        check(Phase::Ready, Probe::Refused, Phase::Failed);
        check(Phase::Restarting, Probe::Silent, Phase::Restarting);
        check(Phase::Failed, Probe::Ready, Phase::Ready);
    }
}
