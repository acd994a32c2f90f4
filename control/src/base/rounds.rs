//! The beat of what looks again and again.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// Calls `round` at once and then every `pause`, for ever: dropped, it ends wherever it is. What
/// fails is logged and tried again with the next round; rounds that were missed are not made up for.
pub async fn repeat<E: Into<anyhow::Error>, F: Future<Output = Result<(), E>>>(
    pause: Duration,
    mut round: impl FnMut() -> F,
) {
    let mut turns = interval(pause);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = round().await {
            warn!("{:#}; trying again later", error.into());
        }
    }
}
