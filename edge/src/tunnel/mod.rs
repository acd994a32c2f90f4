//! WebSockets: bytes carried both ways between a visitor and his sprite.
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
use crate::observe::metrics::{Metrics, Source};
use crate::observe::telemetry::Exchange;
use crate::request::decision::Refused;
use crate::upstream::{DialError, Dialler};
use handshake::{HandshakeError, Opened};
use pump::Pump;
use shared::Upstream;

/// How long a sprite may take to agree to a WebSocket. The agent answers as
/// soon as it has checked the identity, so this only bounds a VM that hangs.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The close code by which the chat page knows that its access has ended: one of
/// those that RFC 6455 leaves to applications.
const CLOSE_ACCESS_ENDED: u16 = 4001;

/// Looks, while a tunnel is as long silent as it may be, whether it still is: a clock for
/// each message would cost more. It is closed at most one pause between two looks late.
const IDLE_LOOKS: u32 = 8;

/// How long a side may take for what the other said last.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A WebSocket that was decided for and not yet opened.
pub struct Tunnel {
    pub upstream: Upstream,
    /// The head as it goes to the sprite.
    pub head: Vec<u8>,
    pub entry: Entry,
    pub exchange: Exchange,
    pub idle: Duration,
}

impl Tunnel {
    /// Opens the sprite's side. Nothing has been said to the visitor yet.
    ///
    /// # Errors
    /// The answer that fits, with the exchange so that it can be counted.
    pub async fn open(mut self, dialler: &Dialler) -> Result<OpenTunnel, (Refused, Exchange)> {
        self.exchange.sent();
        let attempt = async {
            let mut sprite = dialler.dial(&self.upstream).await?;
            let opened = handshake::open(&mut *sprite, &self.head, self.exchange.request());
            let opened =
                timeout(HANDSHAKE_TIMEOUT, opened).await.map_err(|_| OpenError::Late)??;
            Ok::<_, OpenError>((sprite, opened))
        };
        let result = tokio::select! {
            result = attempt => result,
            () = self.entry.cut() => {
                self.exchange.cut();
                Err(OpenError::Cut)
            }
        };
        match result {
            Ok((sprite, opened)) => Ok(OpenTunnel { tunnel: self, sprite, opened }),
            Err(error) => {
                debug!(request = %self.exchange.request(), %error, "a WebSocket was not opened");
                self.exchange.failed(Source::Sprite);
                Err((error.answer(), self.exchange))
            }
        }
    }
}

/// The sprite has agreed; the visitor is about to be told.
pub struct OpenTunnel {
    tunnel: Tunnel,
    sprite: Box<dyn crate::upstream::Duplex>,
    opened: Opened,
}

impl OpenTunnel {
    /// Carries bytes until either side ends, the tunnel is idle, or access is
    /// taken away. Gives the visitor's connection back to be closed.
    pub async fn run(self, mut visitor: Stream, metrics: &Metrics) -> Stream {
        let Self { tunnel, mut sprite, opened } = self;
        let Tunnel { entry, mut exchange, idle, head, upstream } = tunnel;
        // A tunnel lives for hours: what only its beginning needed goes now.
        drop((head, upstream));
        exchange.answered(Source::Sprite, 101);
        if visitor.write_all(&opened.answer).await.is_err() || visitor.flush().await.is_err() {
            exchange.failed(Source::Visitor);
            return visitor;
        }
        let mut pump = Pump::new(opened.early);
        match carry(&mut pump, &mut visitor, &mut *sprite, &entry, idle).await {
            End::Closed => {}
            End::Idle => debug!(request = %exchange.request(), "an idle WebSocket was closed"),
            End::Cut => {
                metrics.count_cut_socket();
                exchange.cut();
                if pump.is_between_frames() {
                    let frame = frames::close(CLOSE_ACCESS_ENDED, "signed out");
                    // A visitor who does not take it sees the connection end.
                    let _ = timeout(LAST_WORDS, visitor.write_all(&frame)).await;
                }
            }
        }
        visitor
    }
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    Idle,
    Cut,
}

async fn carry<V, S>(
    pump: &mut Pump,
    visitor: &mut V,
    sprite: &mut S,
    entry: &Entry,
    idle: Duration,
) -> End
where
    V: AsyncRead + AsyncWrite + Unpin + ?Sized,
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    let mut cut = pin!(entry.cut());
    let mut quiet_looks = 0;
    loop {
        let is_ending = pump.is_ending();
        let pause = if is_ending { LAST_WORDS } else { idle / IDLE_LOOKS };
        let carried = poll_fn(|context| match pump.poll(context, visitor, sprite) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if pump.is_ending() && !is_ending => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            biased;
            is_over = carried => if is_over { return End::Closed },
            () = &mut cut => return End::Cut,
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
    Dial(#[from] DialError),
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("the sprite did not answer within {HANDSHAKE_TIMEOUT:?}")]
    Late,
    #[error("access was taken away meanwhile")]
    Cut,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Handshake(error.into())
    }
}

impl OpenError {
    fn answer(&self) -> Refused {
        match self {
            Self::Handshake(HandshakeError::Refused { .. }) => Refused::SpriteRefusedUpgrade,
            Self::Late | Self::Dial(DialError::Timeout { .. }) => Refused::SpriteTimeout,
            Self::Cut => Refused::AccessEnded,
            Self::Dial(_) | Self::Handshake(_) => Refused::SpriteUnreachable,
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
    use crate::connections::{Kind, Live};

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(3_600);

    fn entry() -> Entry {
        let live = Arc::new(Live::default());
        let ticket = live.ticket(&"ada".parse().unwrap());
        live.enter(ticket, SessionId::random(), 1, Kind::Socket).expect("nothing was cut")
    }

    async fn carry_between(
        mut visitor: impl AsyncRead + AsyncWrite + Unpin,
        mut sprite: DuplexStream,
        idle: Duration,
    ) -> End {
        let mut pump = Pump::new(Bytes::new());
        carry(&mut pump, &mut visitor, &mut sprite, &entry(), idle).await
    }

    #[tokio::test]
    async fn a_silent_tunnel_is_closed() {
        let ((_visitor, near_visitor), (_sprite, near_sprite)) = (duplex(64), duplex(64));
        let idle = Duration::from_millis(40);
        assert_eq!(carry_between(near_visitor, near_sprite, idle).await, End::Idle);
    }

    #[tokio::test]
    async fn the_last_words_of_a_side_wait_for_the_other_only_a_moment() {
        // It has room for less than the sprite says, and nobody reads.
        let (_visitor, near_visitor) = duplex(4);
        let (mut sprite, near_sprite) = duplex(64);
        sprite.write_all(b"goodbye").await.unwrap();
        drop(sprite);
        let ended = carry_between(BufWriter::new(near_visitor), near_sprite, LONG);
        let ended = timeout(LAST_WORDS * 10, ended).await;
        assert_eq!(ended.expect("nobody waits for ever"), End::Closed);
    }
}
