//! What a look at the gateway says of its state.

use std::time::{Duration, Instant};

use super::{Machine, Next, Ready, State, Then};
use crate::supervisor::events::{Action, Obstacle, Probe};

/// Probes in a row without any answer before a ready gateway is restarted. With
/// [`PROBE_READY`] and the probe's own limit that is half a minute to two; a gateway
/// under load stops answering for some seconds.
pub(super) const SILENT_MAX: u32 = 6;

/// How long a gateway that was ready may answer "not ready". It drains running turns for
/// up to 315 s before it restarts by itself.
pub(super) const UNREADY_MAX: Duration = Duration::from_secs(360);

impl Machine {
    pub(super) fn probed(&mut self, probe: Probe, now: Instant) -> Next {
        let ready = match (self.state, probe) {
            (State::Starting { .. }, Probe::Ready) => {
                self.was_ready = true;
                self.complaints.reset();
                Ready {
                    since: now,
                    well_since: Some(now),
                    unready_since: None,
                    silent: 0,
                    is_proven: false,
                }
            }
            (State::Starting { .. } | State::Ready(_), Probe::Refused) => {
                return self.terminate(now, Then::Recover);
            }
            (State::Starting { .. } | State::Ready(_), Probe::Foreign) => {
                return self.terminate(now, Then::WaitFor(Obstacle::Port));
            }
            (State::Ready(ready), Probe::Ready) => return self.well(ready, now),
            (State::Ready(ready), Probe::NotReady) => {
                let unready_since = ready.unready_since.unwrap_or(now);
                if now.duration_since(unready_since) >= UNREADY_MAX {
                    return self.terminate(now, unwell(ready));
                }
                let unready_since = Some(unready_since);
                Ready { unready_since, well_since: None, silent: 0, ..ready }
            }
            (State::Ready(ready), Probe::Silent) => {
                let silent = ready.silent + 1;
                if silent >= SILENT_MAX {
                    return self.terminate(now, unwell(ready));
                }
                Ready { silent, well_since: None, ..ready }
            }
            (state, _) => return (state, None),
        };
        (State::Ready(ready), None)
    }

    fn well(&mut self, ready: Ready, now: Instant) -> Next {
        let well_since = ready.well_since.unwrap_or(now);
        let is_due = now.duration_since(well_since) >= self.policy.proven_after;
        let proves_now = is_due && !ready.is_proven;
        if proves_now {
            self.note_proof();
        }
        let ready = Ready {
            well_since: Some(well_since),
            unready_since: None,
            silent: 0,
            is_proven: ready.is_proven || proves_now,
            ..ready
        };
        (State::Ready(ready), proves_now.then_some(Action::KeepConfiguration))
    }
}

/// A gateway that has never been well for long may have its configuration to blame.
pub(super) fn unwell(ready: Ready) -> Then {
    if ready.is_proven { Then::Restart } else { Then::CountFailure }
}
