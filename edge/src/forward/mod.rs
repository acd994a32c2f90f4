//! The short way to a sprite: ordinary requests, forwarded without pingora's proxy.
//!
//! Costs a third of what the proxy costs, because nothing is parsed into maps,
//! nothing crosses a channel, and most requests need two reads and two writes.
//! It takes only what it fully understands: no request body, HTTP/1.1, no
//! `Expect`. Everything else goes the long way.

mod answer_head;
mod body;
mod pool;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::time::timeout;
use shared::{RequestId, Upstream};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::poll_read_buf;

use crate::exchange::Exchange;
use crate::head::{Body, Head, HeadReader};
use crate::metrics::Source;
use crate::proxy::TargetKind;
use crate::upstream::{DialError, Dialler, Duplex};
use answer_head::AnswerHead;
pub use answer_head::Malformed;
use body::Meter;
pub use pool::PoolLimits;

/// Room for a head and the body of most answers.
const READ_BYTES: usize = 8 * 1024;

/// Once that much of a body has come it is a download: fewer, larger reads.
const BULK_READ_BYTES: usize = 64 * 1024;

/// Can this request go the short way?
pub fn takes(head: &Head<'_>) -> bool {
    head.body == Body::None && head.version == 1 && head.header("expect").is_none()
}

/// One request for a sprite or for control.
pub struct Order<'a> {
    /// The head as it goes on.
    pub head: &'a [u8],
    pub kind: TargetKind,
    pub upstream: &'a Upstream,
    /// See [`crate::proxy::Target::group`].
    pub group: u64,
    pub request: RequestId,
    /// HEAD: an answer without a body, whatever its head says.
    pub head_only: bool,
    /// GET and its like: may be sent again when a kept connection had died.
    pub repeatable: bool,
    pub keep_alive: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("the sprite's answer is malformed")]
    Malformed(#[from] Malformed),
    #[error("the connection to the sprite failed")]
    Sprite(#[source] io::Error),
    #[error("the sprite took too long")]
    SpriteTimeout,
    #[error("the visitor is gone")]
    Visitor,
}

impl ForwardError {
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::SpriteTimeout | Self::Dial(DialError::Timeout { .. }))
    }
}

pub struct Forwarder {
    pub dialler: Dialler,
    /// Between two reads of an answer.
    pub read_timeout: Duration,
    /// For a visitor to take what is written to him.
    pub write_timeout: Duration,
    pub pool: PoolLimits,
}

/// What was heard from a sprite before the first byte went to the visitor.
struct Begun {
    sprite: Box<dyn Duplex>,
    buffer: BytesMut,
    head: AnswerHead,
}

impl Forwarder {
    /// Sends `order` on and brings the answer back. `true` when another request
    /// may follow on the visitor's connection.
    ///
    /// What the visitor sends meanwhile is kept in `reader`; that he left ends it.
    ///
    /// # Errors
    /// While [`Exchange::has_answer`] is false nothing was written to the
    /// visitor and an answer of our own fits; later the connection can only be closed.
    pub async fn forward(
        &self,
        visitor: &mut Stream,
        reader: &mut HeadReader,
        order: &Order<'_>,
        exchange: &mut Exchange,
    ) -> Result<bool, ForwardError> {
        let begun = match pool::take(order.group) {
            Some(sprite) => match self.begin(sprite, visitor, reader, order, exchange).await {
                // Most likely it was closed while it waited in the pool. Should the sprite have
                // seen the request after all, asking again does no harm.
                Err(ForwardError::Sprite(_)) if order.repeatable => None,
                result => Some(result?),
            },
            None => None,
        };
        let begun = match begun {
            Some(begun) => begun,
            None => {
                let sprite = self.dialler.dial(order.upstream).await?;
                self.begin(sprite, visitor, reader, order, exchange).await?
            }
        };
        self.finish(begun, visitor, reader, order, exchange).await
    }

    /// Until the head of the answer is there.
    async fn begin(
        &self,
        mut sprite: Box<dyn Duplex>,
        visitor: &mut Stream,
        reader: &mut HeadReader,
        order: &Order<'_>,
        exchange: &mut Exchange,
    ) -> Result<Begun, ForwardError> {
        exchange.sent();
        let sent = timeout(self.read_timeout, async {
            sprite.write_all(order.head).await?;
            sprite.flush().await
        });
        sent.await.map_err(|_| ForwardError::SpriteTimeout)?.map_err(ForwardError::Sprite)?;
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(READ_BYTES);
            if self.read(&mut *sprite, visitor, reader, &mut buffer).await? == 0 {
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            while let Some(head) = AnswerHead::parse(&buffer, order)? {
                if !head.informational {
                    return Ok(Begun { sprite, buffer, head });
                }
                // 100 and 103 help nobody here; the answer itself is still to come.
                let _ = buffer.split_to(head.length);
            }
        }
    }

    /// From the head of the answer to its end.
    async fn finish(
        &self,
        begun: Begun,
        visitor: &mut Stream,
        reader: &mut HeadReader,
        order: &Order<'_>,
        exchange: &mut Exchange,
    ) -> Result<bool, ForwardError> {
        let Begun { mut sprite, mut buffer, head } = begun;
        let source = match order.kind {
            TargetKind::Sprite => Source::Sprite,
            TargetKind::Site => Source::Site,
        };
        let mut meter = head.meter;
        let first = meter.measure(&buffer[head.length..])?;
        exchange.answered(source, head.status);
        let mut out = head.bytes;
        out.extend_from_slice(&buffer[head.length..head.length + first]);
        let mut has_excess = buffer.len() > head.length + first;
        self.write(visitor, &out).await?;
        exchange.relayed();
        drop(out);
        let mut relayed = first;
        while !meter.is_done() {
            buffer.clear();
            buffer.reserve(if relayed < BULK_READ_BYTES { READ_BYTES } else { BULK_READ_BYTES });
            let count = self.read(&mut *sprite, visitor, reader, &mut buffer).await?;
            if count == 0 {
                if matches!(meter, Meter::UntilClose) {
                    return Ok(false);
                }
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            let used = meter.measure(&buffer)?;
            has_excess = used < count;
            relayed += used;
            self.write(visitor, &buffer[..used]).await?;
        }
        if head.keep_alive && !has_excess {
            pool::put(order.group, sprite, self.pool);
        }
        Ok(order.keep_alive)
    }

    /// Reads from the sprite and notices when the visitor leaves.
    async fn read(
        &self,
        sprite: &mut dyn Duplex,
        visitor: &mut Stream,
        reader: &mut HeadReader,
        into: &mut BytesMut,
    ) -> Result<usize, ForwardError> {
        let read = poll_fn(|context| {
            if let Poll::Ready(result) = poll_read_buf(Pin::new(&mut *sprite), context, into) {
                return Poll::Ready(result.map_err(ForwardError::Sprite));
            }
            loop {
                match reader.poll_more(&mut **visitor, context) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(ForwardError::Visitor)),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        timeout(self.read_timeout, read).await.map_err(|_| ForwardError::SpriteTimeout)?
    }

    async fn write(&self, visitor: &mut Stream, bytes: &[u8]) -> Result<(), ForwardError> {
        let write = async {
            visitor.write_all(bytes).await?;
            visitor.flush().await
        };
        match timeout(self.write_timeout, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ForwardError::Visitor),
        }
    }
}
