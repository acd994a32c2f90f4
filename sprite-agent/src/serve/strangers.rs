//! Connections that have not shown an identity yet.
//!
//! The VM's URL is public. Silent or slow connections may neither use up the
//! places of the customer nor make the customer wait, so there are few of them,
//! and for each one more the oldest has to go: an edge shows the identity with
//! its first bytes, and is not among the oldest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

/// Several edges that connect at once, each with a handful of requests.
pub const STRANGERS_MAX: usize = 32;

/// How long a connection may take to show an identity.
const STRANGER_MAX: Duration = Duration::from_secs(3);

#[derive(Default)]
pub struct Strangers {
    /// Oldest first. One that is known by now, or gone, is taken out at the next admission.
    waiting: Mutex<VecDeque<Arc<Standing>>>,
}

/// How one connection stands with us.
#[derive(Default)]
pub struct Standing {
    is_known: AtomicBool,
    is_over: AtomicBool,
    out: Notify,
}

impl Strangers {
    /// Takes in one more; beyond the limit the oldest is told to go.
    pub fn admit(&self) -> Arc<Standing> {
        let standing = Arc::new(Standing::default());
        let mut waiting = self.waiting.lock().expect("nothing panics while it holds the strangers");
        waiting.retain(|other| !other.is_known() && !other.is_over.load(Ordering::Relaxed));
        if waiting.len() >= STRANGERS_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.out.notify_one();
        }
        waiting.push_back(standing.clone());
        standing
    }
}

impl Standing {
    /// A request on this connection has passed the guard.
    pub fn identified(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// The connection has ended.
    pub fn over(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Returns when the connection has to go; never for one that is known.
    pub async fn has_to_go(&self) {
        let is_told = tokio::time::timeout(STRANGER_MAX, self.out.notified()).await.is_ok();
        if self.is_known() && !is_told {
            std::future::pending::<()>().await;
        }
    }

    fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_oldest_stranger_makes_room_and_a_known_connection_does_not() {
        let strangers = Strangers::default();
        let known = strangers.admit();
        let gone = strangers.admit();
        let all: Vec<_> = (0..STRANGERS_MAX).map(|_| strangers.admit()).collect();
        assert!(known.out.notified().now_or_never().is_some(), "it was still a stranger");
        assert!(gone.out.notified().now_or_never().is_some());

        all[0].identified();
        all[1].over();
        let newer: Vec<_> = (0..3).map(|_| strangers.admit()).collect();
        assert!(all[0].out.notified().now_or_never().is_none());
        assert!(all[2].out.notified().now_or_never().is_some());
        assert!(all[3].out.notified().now_or_never().is_none());
        assert!(newer.iter().all(|newer| newer.out.notified().now_or_never().is_none()));
    }
}
