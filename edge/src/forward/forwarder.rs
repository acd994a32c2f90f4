//! Sends requests on to sprites and to control, and brings their answers back.
//!
//! Costs a third of what pingora's proxy costs, because nothing is parsed into
//! maps, nothing crosses a channel, and most requests need two reads and two
//! writes. And there is one way for all: what an answer may look like is judged
//! in one place, whatever the request was.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::time::timeout;
use shared::{RequestId, Upstream};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::poll_read_buf;

use super::answer_head::{AnswerHead, Malformed};
use super::body_framing::Meter;
use super::upload::Upload;
use crate::head::{Body, HeadReader};
use crate::observe::metrics::Source;
use crate::observe::telemetry::Exchange;
use crate::upstream::pool::{self, PoolLimits};
use crate::upstream::{DialError, Dialler, Duplex};

/// Room for a head and the body of most answers.
const READ_BYTES: usize = 8 * 1024;

/// Once that much of a body has come it is a download: fewer, larger reads.
const BULK_READ_BYTES: usize = 64 * 1024;

/// How long a visitor may pause within the body of his request: as with nginx.
const BODY_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    Sprite,
    Site,
}

impl TargetKind {
    /// Who answers, as it is counted.
    pub const fn source(self) -> Source {
        match self {
            Self::Sprite => Source::Sprite,
            Self::Site => Source::Site,
        }
    }
}

/// One request for a sprite or for control.
pub struct Order<'a> {
    /// The head as it goes on.
    pub head: &'a [u8],
    pub kind: TargetKind,
    pub upstream: &'a Upstream,
    /// Connections are shared within one group only: one workspace's assignment, or the site.
    pub group: u64,
    pub request: RequestId,
    pub body: Body,
    /// HEAD: an answer without a body, whatever its head says.
    pub head_only: bool,
    /// GET and its like: may be sent again when a kept connection had died.
    /// Never with a body, of which nothing is kept.
    pub repeatable: bool,
    /// May another request follow, when this one and its answer are whole?
    pub keep_alive: bool,
    /// The visitor speaks HTTP/1.1: he is given chunks and `100 Continue`.
    pub knows_chunks: bool,
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
    #[error("the visitor's body is malformed")]
    Body(#[source] Malformed),
    #[error("the visitor's body is too large")]
    TooLarge,
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
    /// Content of a request's body.
    pub body_max_bytes: u64,
}

/// The visitor's side of an exchange.
struct Caller<'a> {
    stream: &'a mut Stream,
    reader: &'a mut HeadReader,
    upload: Upload,
}

/// One step forward while an answer is awaited.
enum Step {
    /// So many bytes came from the sprite; none, when it has closed.
    Heard(usize),
    /// The body of the request went on a little.
    Sent,
}

/// What was heard from a sprite before the first byte went to the visitor.
struct Begun {
    sprite: Box<dyn Duplex>,
    buffer: BytesMut,
    head: AnswerHead,
    /// The visitor was told that another request may follow.
    keep_alive: bool,
}

impl Forwarder {
    /// Sends `order` on and brings the answer back. `true` when another request
    /// may follow on the visitor's connection.
    ///
    /// The body is taken from `reader` and the visitor's connection; what he
    /// sends behind it is kept in `reader`. That he left ends it. An answer may
    /// come before the body is whole; the rest is then sent on only for as long
    /// as the answer lasts.
    ///
    /// # Errors
    /// While [`Exchange::has_answer`] is false nothing of an answer was written
    /// to the visitor and one of our own fits; later the connection can only be closed.
    pub async fn forward(
        &self,
        visitor: &mut Stream,
        reader: &mut HeadReader,
        order: &Order<'_>,
        exchange: &mut Exchange,
    ) -> Result<bool, ForwardError> {
        let upload = Upload::new(order.body, self.body_max_bytes);
        let mut caller = Caller { stream: visitor, reader, upload };
        let begun = match pool::take(order.group) {
            Some(sprite) => match self.begin(sprite, &mut caller, order, exchange).await {
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
                self.begin(sprite, &mut caller, order, exchange).await?
            }
        };
        self.finish(begun, &mut caller, order, exchange).await
    }

    /// Until the head of the answer is there.
    async fn begin(
        &self,
        mut sprite: Box<dyn Duplex>,
        caller: &mut Caller<'_>,
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
            if self.read(&mut *sprite, caller, &mut buffer).await? == 0 {
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            // A body of which something is still to come hides where the next request begins.
            let keep_alive = order.keep_alive && caller.upload.is_done();
            while let Some(head) = AnswerHead::parse(&buffer, order, keep_alive)? {
                if !head.informational {
                    return Ok(Begun { sprite, buffer, head, keep_alive });
                }
                // It may be what the visitor waits for. 103 and its like help nobody here.
                if head.status == 100 && order.knows_chunks && caller.upload.wants_more() {
                    self.write(caller.stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                }
                let _ = buffer.split_to(head.length);
            }
        }
    }

    /// From the head of the answer to its end.
    async fn finish(
        &self,
        begun: Begun,
        caller: &mut Caller<'_>,
        order: &Order<'_>,
        exchange: &mut Exchange,
    ) -> Result<bool, ForwardError> {
        let Begun { mut sprite, mut buffer, head, keep_alive } = begun;
        let mut meter = head.meter;
        let body = &buffer[head.length..];
        let (mut relayed, first) = passed_on(&mut meter, body, order)?;
        let mut has_excess = relayed < body.len();
        exchange.answered(order.kind.source(), head.status);
        let mut out = head.bytes;
        out.extend_from_slice(&first);
        self.write(caller.stream, &out).await?;
        exchange.relayed();
        drop((first, out));
        while !meter.is_done() {
            buffer.clear();
            buffer.reserve(if relayed < BULK_READ_BYTES { READ_BYTES } else { BULK_READ_BYTES });
            let count = self.read(&mut *sprite, caller, &mut buffer).await?;
            if count == 0 {
                if matches!(meter, Meter::UntilClose) {
                    return Ok(false);
                }
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            let (used, part) = passed_on(&mut meter, &buffer, order)?;
            has_excess = used < count;
            relayed += used;
            self.write(caller.stream, &part).await?;
        }
        if head.keep_alive && !has_excess && caller.upload.is_done() {
            pool::put(order.group, sprite, self.pool);
        }
        Ok(keep_alive)
    }

    /// Reads from the sprite. Meanwhile the body of the request goes on.
    async fn read(
        &self,
        sprite: &mut dyn Duplex,
        caller: &mut Caller<'_>,
        into: &mut BytesMut,
    ) -> Result<usize, ForwardError> {
        loop {
            let (patience, late) = if caller.upload.wants_more() && !caller.upload.has_unsent() {
                (BODY_PAUSE, ForwardError::Visitor)
            } else {
                (self.read_timeout, ForwardError::SpriteTimeout)
            };
            let step = poll_fn(|context| caller.poll_step(sprite, into, context));
            match timeout(patience, step).await.map_err(|_| late)?? {
                Step::Heard(count) => return Ok(count),
                Step::Sent => {}
            }
        }
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

impl Caller<'_> {
    /// Reads from the sprite, or else sends on what there is of the body, or
    /// else reads from the visitor and so notices when he leaves.
    fn poll_step(
        &mut self,
        sprite: &mut dyn Duplex,
        into: &mut BytesMut,
        context: &mut Context<'_>,
    ) -> Poll<Result<Step, ForwardError>> {
        if let Poll::Ready(result) = poll_read_buf(Pin::new(&mut *sprite), context, into) {
            return Poll::Ready(result.map(Step::Heard).map_err(ForwardError::Sprite));
        }
        loop {
            if self.upload.wants_more() && !self.upload.has_unsent() {
                let used = self.upload.take(self.reader.bytes())?;
                self.reader.consume(used);
            }
            if self.upload.has_unsent() {
                return self.upload.poll_send(sprite, context).map(|()| Ok(Step::Sent));
            }
            match ready!(self.reader.poll_more(&mut **self.stream, context)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(ForwardError::Visitor)),
                Ok(_) => {}
            }
        }
    }
}

/// How much of `bytes` belongs to the answer, and what of that goes to the visitor.
fn passed_on<'a>(
    meter: &mut Meter,
    bytes: &'a [u8],
    order: &Order<'_>,
) -> Result<(usize, Cow<'a, [u8]>), Malformed> {
    if order.knows_chunks {
        let used = meter.measure(bytes)?;
        return Ok((used, Cow::Borrowed(&bytes[..used])));
    }
    let mut content = Vec::new();
    let used = meter.unwrap(bytes, |part| content.extend_from_slice(part))?;
    Ok((used, Cow::Owned(content)))
}
