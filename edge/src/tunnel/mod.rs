//! WebSockets: bytes carried both ways between a client and its sprite.
//!
//! Our own, because stock pingora cuts a silent one after a minute, needs 64 to
//! 250 KB for each, and knows no way to end one when access is taken away.

mod frames;
mod handshake;
mod pump;

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use pingora::protocols::Stream;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::connections::Entry;
use crate::limits::{HANDSHAKE_TIMEOUT, LAST_WORDS};
use crate::observe::RequestRecord;
use crate::observe::metrics::{Metrics, Source};
use crate::respond::Refusal;
use crate::upstream::{ConnectError, Connector};
use handshake::{HandshakeError, Opened};
use pump::Pump;
use shared::Upstream;

/// The close code by which the chat page knows that its access has ended: one of
/// those that RFC 6455 leaves to applications.
const CLOSE_ACCESS_ENDED: u16 = 4001;

/// Looks, while a tunnel is as long silent as it may be, whether it still is: a clock for
/// each message would cost more. It is closed at most one pause between two looks late.
const IDLE_LOOKS: u32 = 8;

/// A WebSocket that was decided for and not yet opened.
pub(crate) struct Tunnel {
    pub upstream: Upstream,
    /// The head as it goes to the sprite.
    pub head: Vec<u8>,
    pub entry: Entry,
    pub record: RequestRecord,
    pub idle: Duration,
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
            let mut sprite = connector.connect(&self.upstream).await?;
            let opened = handshake::open(&mut *sprite, &self.head, self.record.request());
            let opened =
                timeout(HANDSHAKE_TIMEOUT, opened).await.map_err(|_| OpenError::Late)??;
            Ok::<_, OpenError>((sprite, opened))
        };
        let result = tokio::select! {
            result = attempt => result,
            () = self.entry.revoked() => {
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
    /// Carries bytes until either side ends, the tunnel is idle, or access is
    /// taken away. Gives the client's connection back to be closed.
    pub(crate) async fn run(self, mut client: Stream, metrics: &Metrics) -> Stream {
        let Self { tunnel, mut sprite, opened } = self;
        let Tunnel { entry, mut record, idle, head, upstream } = tunnel;
        // A tunnel lives for hours: what only its beginning needed goes now.
        drop((head, upstream));
        record.answered(Source::Sprite, 101);
        if client.write_all(&opened.answer).await.is_err() || client.flush().await.is_err() {
            record.failed(Source::Client);
            return client;
        }
        let mut pump = Pump::new(opened.early);
        match carry(&mut pump, &mut client, &mut *sprite, &entry, idle).await {
            End::Closed => {}
            End::Idle => debug!(request = %record.request(), "an idle WebSocket was closed"),
            End::Revoked => {
                metrics.count_revoked_socket();
                record.revoked();
                if pump.is_between_frames() {
                    let frame = frames::close(CLOSE_ACCESS_ENDED, "signed out");
                    // A client that does not take it sees the connection end.
                    let _ = timeout(LAST_WORDS, client.write_all(&frame)).await;
                }
            }
        }
        client
    }
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Idle,
    Revoked,
}

async fn carry<V, S>(
    pump: &mut Pump,
    client: &mut V,
    sprite: &mut S,
    entry: &Entry,
    idle: Duration,
) -> End
where
    V: AsyncRead + AsyncWrite + Unpin + ?Sized,
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let mut revoked = pin!(entry.revoked());
    let mut quiet_looks = 0;
    loop {
        let is_ending = pump.is_ending();
        let pause = if is_ending { LAST_WORDS } else { idle / IDLE_LOOKS };
        let carried = poll_fn(|context| match pump.poll(context, client, sprite) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if pump.is_ending() && !is_ending => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            is_over = carried => if is_over { return End::Closed },
            () = &mut revoked => return End::Revoked,
            () = sleep(pause) => {
                quiet_looks = if pump.has_moved() { 0 } else { quiet_looks + 1 };
                if is_ending {
                    return End::Closed;
                }
                if quiet_looks == IDLE_LOOKS {
                    return End::Idle;
                }
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use shared::SessionId;
    use tokio::io::{BufWriter, DuplexStream, duplex};

    use super::*;
    use crate::connections::{ConnectionRegistry, Kind};

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(3_600);

    fn entry() -> Entry {
        let registry = Arc::new(ConnectionRegistry::default());
        let epoch = registry.revocation_epoch(&"ada".parse().unwrap());
        registry.enter(epoch, SessionId::random(), 1, Kind::Socket).expect("nothing was revoked")
    }

    async fn carry_between(
        mut client: impl AsyncRead + AsyncWrite + Unpin,
        mut sprite: DuplexStream,
        idle: Duration,
    ) -> End {
        let mut pump = Pump::new(Bytes::new());
        carry(&mut pump, &mut client, &mut sprite, &entry(), idle).await
    }

    #[tokio::test]
    async fn a_silent_tunnel_is_closed() {
        let ((_client, near_client), (_sprite, near_sprite)) = (duplex(64), duplex(64));
        let idle = Duration::from_millis(40);
        assert_eq!(carry_between(near_client, near_sprite, idle).await, End::Idle);
    }

    #[tokio::test]
    async fn the_last_words_of_a_side_wait_for_the_other_only_a_moment() {
        // It has room for less than the sprite says, and nobody reads.
        let (_client, near_client) = duplex(4);
        let (mut sprite, near_sprite) = duplex(64);
        sprite.write_all(b"goodbye").await.unwrap();
        drop(sprite);
        let ended = carry_between(BufWriter::new(near_client), near_sprite, LONG);
        let ended = timeout(LAST_WORDS * 10, ended).await;
        assert_eq!(ended.expect("nobody waits for ever"), End::Closed);
    }
}
