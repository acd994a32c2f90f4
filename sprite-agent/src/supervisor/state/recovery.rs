//! What is done for a gateway that does not start, in its order and within its bounds.

use std::time::{Duration, Instant};

use super::{Machine, Next, RecoveryStage, State};
use crate::gateway_status::Repair;
use crate::supervisor::events::Action;

/// Failed starts in a row, whatever the exit code, before the configuration is suspected.
pub(super) const FAILURES_MAX: u32 = 3;
/// The same after a repair, which has either helped or not.
const FAILURES_AFTER_REPAIR_MAX: u32 = 2;

/// Changes of a configuration that was just repaired, each of which is repaired as the first was.
/// An assistant that was refused one tries another at once; what changes it at each start, such
/// as a plugin, would do so for ever.
pub(super) const CHANGES_MAX: u32 = 3;

/// Between two attempts when nothing more can be repaired: 10 to 15 minutes.
pub(super) const RETRY_FIRST: Duration = Duration::from_secs(600);
pub(super) const RETRY_SPREAD: Duration = Duration::from_secs(300);

/// The doctor checks and rewrites a file; the gateway itself takes half a minute to load.
pub(super) const DOCTOR_MAX: Duration = Duration::from_secs(180);

impl Machine {
    pub(super) fn start_failed(&mut self, now: Instant, chance: f64) -> Next {
        self.failures += 1;
        let max = match self.stage {
            RecoveryStage::AsItIs => FAILURES_MAX,
            RecoveryStage::Exhausted => 1,
            _ => FAILURES_AFTER_REPAIR_MAX,
        };
        if self.failures >= max { self.escalate(now, chance) } else { self.back_off(now, chance) }
    }

    /// Another configuration is in place than the one that a repair has put there.
    pub(super) fn note_change(&mut self) {
        let is_repaired = !matches!(self.stage, RecoveryStage::AsItIs | RecoveryStage::Doctored);
        if is_repaired && self.changes < CHANGES_MAX {
            self.changes += 1;
            self.begin_anew();
        }
    }

    /// It gave up by itself, and ran well before the configuration was changed: that is what is
    /// tried at once, because each start costs up to a minute. What was changed is kept aside.
    pub(super) fn untried_failed(&mut self, now: Instant, chance: f64) -> Next {
        match self.stage {
            RecoveryStage::AsItIs | RecoveryStage::Doctored => self.escalate(now, chance),
            _ => self.start_failed(now, chance),
        }
    }

    /// The next repair in their order, or the end of them.
    pub(super) fn escalate(&mut self, now: Instant, chance: f64) -> Next {
        self.failures = 0;
        self.backoff.reset();
        match self.stage {
            RecoveryStage::AsItIs if self.policy.has_doctor => {
                self.stage = RecoveryStage::Doctored;
                (State::Doctoring { deadline: now + DOCTOR_MAX }, Some(Action::StartDoctor))
            }
            RecoveryStage::AsItIs | RecoveryStage::Doctored => {
                (State::Restoring, Some(Action::Restore))
            }
            RecoveryStage::Restored if self.policy.has_pinned_version && !self.is_pinned => {
                (State::Pinning, Some(Action::PinVersion))
            }
            _ => {
                self.stage = RecoveryStage::Exhausted;
                let retry_at = now + RETRY_FIRST + RETRY_SPREAD.mul_f64(chance.clamp(0.0, 1.0));
                (State::Failed { retry_at }, None)
            }
        }
    }

    pub(super) fn back_off(&mut self, now: Instant, chance: f64) -> Next {
        (State::BackingOff { until: now + self.backoff.failed(chance) }, None)
    }

    /// The gateway has proven itself: whatever was tried last has helped.
    pub(super) fn note_proof(&mut self) {
        self.mended = match self.stage {
            RecoveryStage::Doctored => Some(Repair::Doctor),
            RecoveryStage::Restored => Some(Repair::LastGood),
            RecoveryStage::VersionPinned => Some(Repair::PinnedVersion),
            RecoveryStage::AsItIs | RecoveryStage::Exhausted => self.mended,
        };
        self.changes = 0;
        self.begin_anew();
    }

    /// All repairs are there again.
    pub(super) fn begin_anew(&mut self) {
        self.stage = RecoveryStage::AsItIs;
        self.failures = 0;
    }
}
