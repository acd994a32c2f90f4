//! WebSockets: bytes carried both ways between a client and its sprite.
//!
//! Our own, because stock pingora cuts a silent one after a minute, needs 64 to
//! 250 KB for each, and knows no way to end one when access is taken away.

mod carry;
mod frames;
mod pings;
mod pump;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tracing::debug;

use crate::client_stream::ClientStream;
use crate::connections::Entry;
use crate::forward::Switched;
use crate::lifecycle::Lifecycle;
use crate::limits::LAST_WORDS;
use crate::observe::RequestRecord;
use crate::observe::labels::Source;
use crate::observe::metrics::Metrics;
pub(crate) use carry::Patience;
use carry::{End, carry};
use pump::{Pump, Side};

/// The close code by which the chat page knows that its access has ended: one of
/// those that RFC 6455 leaves to applications.
const CLOSE_ACCESS_ENDED: u16 = 4001;

/// Codes of RFC 6455 and its registry: the client may come back, for the last at once.
const CLOSE_GOING_AWAY: u16 = 1001;
const CLOSE_INTERNAL_ERROR: u16 = 1011;
const CLOSE_SERVICE_RESTART: u16 = 1012;

/// A WebSocket that the sprite has agreed to; the client is about to be told.
pub(crate) struct Tunnel {
    pub(crate) entry: Entry,
    pub(crate) record: RequestRecord,
    pub(crate) patience: Patience,
    pub(crate) lifecycle: Lifecycle,
}

impl Tunnel {
    /// Carries bytes until both sides have ended, one stalls or is idle, the process
    /// drains, or access ends. Gives the client's connection back to be closed; `None` when
    /// that has happened.
    pub(crate) fn run(
        self,
        switched: Switched,
        mut client: ClientStream,
        metrics: &Metrics,
    ) -> impl Future<Output = Option<ClientStream>> {
        // Taken apart before the future begins, which would keep room for the whole as well.
        let Self { entry, mut record, patience, lifecycle } = self;
        let Switched { mut sprite, answer, early } = switched;
        async move {
            record.answered(Source::Sprite, 101);
            let tell = async {
                client.write_all(&answer).await?;
                client.flush().await
            };
            let told = timeout(patience.stall, tell).await;
            if !matches!(told, Ok(Ok(()))) {
                record.failed(Source::Client);
                return None;
            }
            // A tunnel lives for hours: what only its beginning needed goes now.
            drop(answer);
            let mut pump = Pump::new(early);
            let end =
                carry(&mut pump, &mut client, &mut *sprite, &entry, &lifecycle, patience).await;
            debug!(request = %record.request(), ?end, "a WebSocket has ended");
            end.record(&mut record, metrics);
            let Some((code, reason)) = end.close() else { return Some(client) };
            if end == End::Lost || !pump.is_between_frames() {
                // The client has not even taken what came before: nothing more goes out.
                client.reset();
                return None;
            }
            let frame = frames::close(code, reason);
            // A client that does not take it sees the connection end.
            let _ = timeout(LAST_WORDS, client.write_all(&frame)).await;
            Some(client)
        }
    }
}

impl End {
    fn record(self, record: &mut RequestRecord, metrics: &Metrics) {
        match self {
            Self::Stalled(Side::Client) | Self::Lost => record.failed(Source::Client),
            Self::Stalled(Side::Sprite) => record.failed(Source::Sprite),
            Self::Revoked => {
                metrics.count_revoked_socket();
                record.revoked();
            }
            Self::Closed | Self::Idle | Self::Leaving => {}
        }
    }

    /// The close frame that says so to the client; `None` when it was said, or cannot be.
    fn close(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Closed => None,
            Self::Revoked => Some((CLOSE_ACCESS_ENDED, "signed out")),
            Self::Idle => Some((CLOSE_GOING_AWAY, "idle")),
            Self::Leaving => Some((CLOSE_SERVICE_RESTART, "come back at once")),
            Self::Stalled(_) | Self::Lost => Some((CLOSE_INTERNAL_ERROR, "stalled")),
        }
    }
}
