//! Where a gateway stands between its start and its end.

use serde_json::{Value, json};

use super::RELEASE;

/// A gateway only ever moves forward through these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The port is open; `connect` is refused with 1013.
    Starting,
    Ready,
    /// Told to stop: running turns go on, nothing new is taken.
    Draining,
}

impl Phase {
    /// `/readyz`: the status and the body. A client behind a proxy that shows
    /// no token (`brief`) sees only whether the gateway is ready.
    pub fn readiness(self, uptime_ms: u64, brief: bool) -> (u16, Value) {
        let (status, failing) = match self {
            Self::Starting => (503, json!(["startup-sidecars"])),
            Self::Ready => (200, json!([])),
            Self::Draining => (503, json!(["gateway-draining"])),
        };
        let ready = self == Self::Ready;
        if brief {
            return (status, json!({"ready": ready}));
        }
        let body = json!({
            "ready": ready,
            "failing": failing,
            "uptimeMs": uptime_ms,
            "eventLoop": event_loop(),
        });
        (status, body)
    }

    /// `/startupz`: the status and the body.
    pub fn startup(self, uptime_ms: u64) -> (u16, Value) {
        let base = |ok: bool, status: &str| json!({"ok": ok, "status": status, "version": RELEASE, "uptimeMs": uptime_ms});
        match self {
            Self::Starting => {
                let mut body = base(false, "starting");
                body["pendingReason"] = json!("startup-sidecars");
                (503, body)
            }
            Self::Ready => (200, base(true, "started")),
            Self::Draining => (503, base(false, "draining")),
        }
    }
}

/// Node's event loop as an idle gateway reports it.
pub fn event_loop() -> Value {
    json!({
        "degraded": false,
        "degradedSinceMs": null,
        "reasons": [],
        "intervalMs": 1018.7,
        "delayP99Ms": 36.6,
        "delayMaxMs": 36.6,
        "utilization": 0.134,
        "cpuCoreRatio": 0.091,
        "cpuBreakdown": {
            "mainThreadCoreRatio": 0.084,
            "hostUtilization": 0.04,
            "hostCpuCount": 2,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ready_gateway_is_ready() {
        for phase in [Phase::Starting, Phase::Ready, Phase::Draining] {
            let (status, body) = phase.readiness(1, false);
            assert_eq!(status == 200, phase == Phase::Ready, "{phase:?}");
            assert_eq!(body["ready"], phase == Phase::Ready, "{phase:?}");
        }
    }

    #[test]
    fn a_stranger_behind_a_proxy_learns_one_bit() {
        assert_eq!(Phase::Ready.readiness(1, true), (200, json!({"ready": true})));
    }
}
