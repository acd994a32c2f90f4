//! Where the process stands between its start and its end.
//!
//! Draining is a state in which everything goes on, new connections for a moment only: the
//! private API answers, keys are read again, access can be taken away, until the
//! last client is gone or the grace is over.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Only ever goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// New connections are still taken for a moment; `until` is when the last one is ended.
    Draining {
        since: Instant,
        until: Instant,
    },
    Ended,
}

/// Shared by all who act on it. Cloning one is cheap.
#[derive(Clone)]
pub(crate) struct Lifecycle {
    sender: std::sync::Arc<watch::Sender<Phase>>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { sender: std::sync::Arc::new(watch::Sender::new(Phase::Serving)) }
    }
}

/// The share of the grace over which long-lived connections are asked to leave,
/// so that they do not all come back in one moment. The rest is for going.
const LEAVING_SHARE: f64 = 0.8;

impl Lifecycle {
    pub(crate) fn is_serving(&self) -> bool {
        *self.sender.borrow() == Phase::Serving
    }

    /// Begins to drain, unless that began before.
    pub(crate) fn drain(&self, grace: Duration) {
        let since = Instant::now();
        self.advance(Phase::Draining { since, until: since + grace });
    }

    /// The process ends now.
    pub(crate) fn end(&self) {
        self.advance(Phase::Ended);
    }

    /// Resolves once connections are to end.
    pub(crate) async fn draining(&self) {
        self.wait_for(|phase| *phase != Phase::Serving).await;
    }

    /// Resolves when the process ends.
    pub(crate) async fn ended(&self) {
        self.wait_for(|phase| *phase == Phase::Ended).await;
    }

    /// Resolves when the grace of a drain is over.
    pub(crate) async fn grace_over(&self) {
        self.draining().await;
        if let Some((_, until)) = self.grace() {
            sleep_until(until).await;
        }
    }

    /// Resolves when a connection that would otherwise go on for hours is to leave:
    /// at a moment of the grace that `chance`, from 0 to 1, chooses.
    pub(crate) async fn leaving(&self, chance: f64) {
        self.draining().await;
        if let Some((since, until)) = self.grace() {
            sleep_until(since + (until - since).mul_f64(LEAVING_SHARE * chance)).await;
        }
    }

    fn grace(&self) -> Option<(Instant, Instant)> {
        match *self.sender.borrow() {
            Phase::Draining { since, until } => Some((since, until)),
            Phase::Serving | Phase::Ended => None,
        }
    }

    fn advance(&self, next: Phase) {
        self.sender.send_if_modified(|phase| {
            let is_later = matches!(
                (*phase, next),
                (Phase::Serving, Phase::Draining { .. } | Phase::Ended)
                    | (Phase::Draining { .. }, Phase::Ended)
            );
            if is_later {
                *phase = next;
            }
            is_later
        });
    }

    async fn wait_for(&self, is_reached: impl FnMut(&Phase) -> bool) {
        // The sender lives in `self`.
        let _ = self.sender.subscribe().wait_for(is_reached).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn connections_leave_one_after_the_other_within_the_grace() {
        let lifecycle = Lifecycle::default();
        lifecycle.drain(GRACE);
        // A second signal does not begin the grace anew.
        lifecycle.drain(GRACE * 9);
        let began = Instant::now();
        lifecycle.leaving(0.0).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        lifecycle.leaving(1.0).await;
        assert!(began.elapsed() >= GRACE / 2 && began.elapsed() < GRACE);
        lifecycle.grace_over().await;
        assert!(began.elapsed() >= GRACE && began.elapsed() < GRACE * 2);
    }

    #[tokio::test]
    async fn it_never_goes_back() {
        let lifecycle = Lifecycle::default();
        assert!(lifecycle.is_serving());
        lifecycle.end();
        lifecycle.drain(GRACE);
        lifecycle.ended().await;
        assert!(!lifecycle.is_serving());
    }
}
