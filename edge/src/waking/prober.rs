//! Asks a sprite whether it is awake, until it is or nobody wants to know.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shared::Upstream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};

use super::sprite::{Sprite, is_platforms};
use crate::limits::{
    PROBE_PAUSE_FIRST, PROBE_PAUSE_GIVEN_UP, PROBE_PAUSE_MAX, PROBE_TIMEOUT, PROBE_TIMEOUT_GIVEN_UP,
};
use crate::observe::Telemetry;
use crate::upstream::{Connector, Purpose};

/// `HTTP/1.1 405`
const STATUS_END: usize = 12;

pub(super) struct Prober {
    pub(super) connector: Arc<Connector>,
    pub(super) telemetry: Arc<Telemetry>,
    /// How long a sprite may take to wake.
    pub(super) patience: Duration,
}

impl Prober {
    /// The sprite has given a sign of life.
    pub(super) fn heard(&self, sprite: &Sprite) {
        if let Some(recovery) = sprite.heard() {
            self.telemetry.metrics.upstreams.woken(recovery.after, recovery.was_given_up);
        }
    }

    /// It has let a try fail.
    pub(super) fn failed(&self, sprite: &Sprite) {
        if sprite.failed(self.patience) {
            self.telemetry.metrics.upstreams.sprites_given_up.inc();
        }
    }
}

/// One at a time for each sprite: [`Sprite::has_prober`] is set, and is given back.
pub(super) async fn probe(prober: Arc<Prober>, sprite: Arc<Sprite>) {
    loop {
        ask_until_awake(&prober, &sprite).await;
        sprite.has_prober.store(false, Ordering::Release);
        // Somebody may have come in between, and found a prober.
        let is_needed = !sprite.is_awake() && sprite.is_wanted();
        if !is_needed || sprite.has_prober.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}

async fn ask_until_awake(prober: &Prober, sprite: &Sprite) {
    let mut pause = PROBE_PAUSE_FIRST;
    loop {
        let begun = Instant::now();
        let patience = if sprite.is_given_up() { PROBE_TIMEOUT_GIVEN_UP } else { PROBE_TIMEOUT };
        let asked = timeout(patience, ask(&prober.connector, &sprite.upstream)).await;
        let is_awake = matches!(asked, Ok(Ok(status)) if !status.is_some_and(is_platforms));
        prober.telemetry.metrics.upstreams.count_probe(is_awake);
        if is_awake {
            return prober.heard(sprite);
        }
        prober.failed(sprite);
        if !sprite.is_wanted() {
            return;
        }
        let pause_max = if sprite.is_given_up() { PROBE_PAUSE_GIVEN_UP } else { PROBE_PAUSE_MAX };
        // One that was waited for in vain has paused already.
        let rest = pause.min(pause_max).saturating_sub(begun.elapsed());
        sleep(rest.max(PROBE_PAUSE_FIRST)).await;
        pause = pause.saturating_mul(2);
    }
}

/// The status of an answer; `None` for one without. Only the agent itself has an opinion
/// on this method, and it needs nobody's identity to say so.
async fn ask(connector: &Connector, upstream: &Upstream) -> io::Result<Option<u16>> {
    let connected = connector.connect(upstream, Purpose::Requests).await;
    let mut sprite = connected.map_err(io::Error::other)?;
    let head = format!(
        "OPTIONS /pflaster/health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        upstream.authority()
    );
    sprite.write_all(head.as_bytes()).await?;
    sprite.flush().await?;
    let mut start = [0; STATUS_END];
    sprite.read_exact(&mut start).await?;
    let status = start.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..));
    Ok(status.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()))
}
