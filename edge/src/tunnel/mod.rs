//! WebSockets: bytes carried both ways between a client and its sprite.
//!
//! Our own, because stock pingora cuts a silent one after a minute, needs 64 to
//! 250 KB for each, and knows no way to end one when access is taken away.

mod carry;
mod frames;
mod handshake;
mod pump;

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;
use tracing::debug;

use crate::client_stream::ClientStream;
use crate::connections::Entry;
use crate::lifecycle::Lifecycle;
use crate::limits::{HANDSHAKE_TIMEOUT, LAST_WORDS};
use crate::observe::RequestRecord;
use crate::observe::metrics::{Metrics, Source};
use crate::respond::Refusal;
use crate::upstream::{ConnectError, Connector, Purpose};
pub(crate) use carry::Patience;
use carry::{End, carry};
use handshake::{HandshakeError, Opened};
use pump::{Pump, Side};
use shared::Upstream;

/// The close code by which the chat page knows that its access has ended: one of
/// those that RFC 6455 leaves to applications.
const CLOSE_ACCESS_ENDED: u16 = 4001;

/// Codes of RFC 6455 and its registry: the client may come back, for the last at once.
const CLOSE_GOING_AWAY: u16 = 1001;
const CLOSE_INTERNAL_ERROR: u16 = 1011;
const CLOSE_SERVICE_RESTART: u16 = 1012;

/// A WebSocket that was decided for and not yet opened.
pub(crate) struct Tunnel {
    pub upstream: Upstream,
    /// The head as it goes to the sprite.
    pub head: Vec<u8>,
    pub entry: Entry,
    pub record: RequestRecord,
    pub(crate) patience: Patience,
    pub(crate) lifecycle: Lifecycle,
}

impl Tunnel {
    /// Opens the sprite's side. Nothing has been said to the client yet.
    ///
    /// # Errors
    /// The answer that fits, with the record so that it can be counted.
    pub(crate) async fn open(
        mut self,
        connector: &Connector,
    ) -> Result<OpenTunnel, (Refusal, RequestRecord)> {
        self.record.sent();
        let attempt = async {
            let mut sprite = connector.connect(&self.upstream, Purpose::Tunnel).await?;
            let opened = handshake::open(&mut *sprite, &self.head, self.record.request());
            let opened =
                timeout(HANDSHAKE_TIMEOUT, opened).await.map_err(|_| OpenError::Late)??;
            Ok::<_, OpenError>((sprite, opened))
        };
        let result = tokio::select! {
            result = attempt => result,
            () = self.entry.ended() => {
                self.record.revoked();
                Err(OpenError::Revoked)
            }
        };
        match result {
            Ok((sprite, opened)) => Ok(OpenTunnel { tunnel: self, sprite, opened }),
            Err(error) => {
                debug!(request = %self.record.request(), %error, "a WebSocket was not opened");
                self.record.failed(Source::Sprite);
                Err((error.answer(), self.record))
            }
        }
    }
}

/// The sprite has agreed; the client is about to be told.
pub(crate) struct OpenTunnel {
    tunnel: Tunnel,
    sprite: Box<dyn crate::upstream::Duplex>,
    opened: Opened,
}

impl OpenTunnel {
    /// Carries bytes until either side ends, stalls or is idle, the process drains,
    /// or access ends. Gives the client's connection back to be closed; `None` when
    /// that has happened.
    pub(crate) async fn run(
        self,
        mut client: ClientStream,
        metrics: &Metrics,
    ) -> Option<ClientStream> {
        let Self { tunnel, mut sprite, opened } = self;
        let Tunnel { entry, mut record, patience, lifecycle, head, upstream } = tunnel;
        // A tunnel lives for hours: what only its beginning needed goes now.
        drop((head, upstream));
        record.answered(Source::Sprite, 101);
        let answer = timeout(patience.stall, client.write_all(&opened.answer)).await;
        if !matches!(answer, Ok(Ok(()))) {
            record.failed(Source::Client);
            return None;
        }
        let mut pump = Pump::new(opened.early);
        let end = carry(&mut pump, &mut client, &mut *sprite, &entry, &lifecycle, patience).await;
        debug!(request = %record.request(), ?end, "a WebSocket has ended");
        match end {
            End::Closed => {}
            End::Stalled(Side::Client) => record.failed(Source::Client),
            End::Stalled(Side::Sprite) => record.failed(Source::Sprite),
            End::Revoked => {
                metrics.count_revoked_socket();
                record.revoked();
            }
            End::Idle | End::Leaving => {}
        }
        let Some((code, reason)) = end.close() else { return Some(client) };
        if !pump.is_between_frames() {
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

impl End {
    /// The close frame that says so to the client; `None` when it was said, or cannot be.
    fn close(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Closed => None,
            Self::Revoked => Some((CLOSE_ACCESS_ENDED, "signed out")),
            Self::Idle => Some((CLOSE_GOING_AWAY, "idle")),
            Self::Leaving => Some((CLOSE_SERVICE_RESTART, "come back at once")),
            Self::Stalled(_) => Some((CLOSE_INTERNAL_ERROR, "stalled")),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Dial(#[from] ConnectError),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("the sprite did not answer within {HANDSHAKE_TIMEOUT:?}")]
    Late,
    #[error("access was taken away meanwhile")]
    Revoked,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Handshake(error.into())
    }
}

impl OpenError {
    fn answer(&self) -> Refusal {
        match self {
            Self::Handshake(HandshakeError::Refused { .. }) => Refusal::SpriteRefusedUpgrade,
            Self::Late | Self::Dial(ConnectError::Timeout { .. }) => Refusal::SpriteTimeout,
            Self::Revoked => Refusal::AccessEnded,
            Self::Dial(_) | Self::Handshake(_) => Refusal::SpriteUnreachable,
        }
    }
}
