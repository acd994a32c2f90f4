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
use pingora::time::timeout;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::poll_read_buf;

use super::body_framing::BodyFraming;
use super::error::{ForwardError, Malformed};
use super::response_head::ResponseHead;
use super::upload::Upload;
use super::upstream_request::UpstreamRequest;
use crate::client_stream::ClientStream;
use crate::head::HeadReader;
use crate::limits::BODY_PAUSE;
use crate::observe::RequestRecord;
use crate::upstream::pool::{self, PoolLimits};
use crate::upstream::{Connector, Duplex, Purpose};

/// Room for a head and the body of most answers.
const READ_BYTES: usize = 8 * 1024;

/// Once that much of a body has come it is a download: fewer, larger reads.
const BULK_READ_BYTES: usize = 64 * 1024;

pub(crate) struct Forwarder {
    pub connector: Connector,
    /// Between two reads of an answer.
    pub read_timeout: Duration,
    /// For a client to take what is written to it.
    pub write_timeout: Duration,
    pub pool: PoolLimits,
    /// Content of a request's body.
    pub body_max_bytes: u64,
}

/// The client's side of a request.
struct Downstream<'a> {
    stream: &'a mut ClientStream,
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

/// What was heard from a sprite before the first byte went to the client.
struct Begun {
    sprite: Box<dyn Duplex>,
    buffer: BytesMut,
    head: ResponseHead,
    /// The client was told that another request may follow.
    keep_alive: bool,
}

impl Forwarder {
    /// Sends `request` on and brings the answer back. `true` when another request
    /// may follow on the client's connection.
    ///
    /// The body is taken from `reader` and the client's connection; what
    /// it sends behind that is kept in `reader`. A client that leaves ends the request. An answer may
    /// come before the body is whole; the rest is then sent on only for as long
    /// as the answer lasts.
    ///
    /// # Errors
    /// While [`RequestRecord::has_response`] is false nothing of an answer was written
    /// to the client and one of our own fits; later the connection can only be closed.
    pub(crate) async fn forward(
        &self,
        client: &mut ClientStream,
        reader: &mut HeadReader,
        request: &UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<bool, ForwardError> {
        let upload = Upload::new(request.body, self.body_max_bytes);
        let mut downstream = Downstream { stream: client, reader, upload };
        let begun = match pool::take(request.group) {
            Some(sprite) => match self.begin(sprite, &mut downstream, request, record).await {
                // Most likely it was closed while it waited in the pool. Should the sprite have
                // seen the request after all, asking again does no harm.
                Err(ForwardError::Sprite(_)) if request.repeatable => None,
                result => Some(result?),
            },
            None => None,
        };
        let begun = match begun {
            Some(begun) => begun,
            None => {
                let sprite = self.connector.connect(&request.upstream, Purpose::Requests).await?;
                self.begin(sprite, &mut downstream, request, record).await?
            }
        };
        self.finish(begun, &mut downstream, request, record).await
    }

    /// Until the head of the answer is there.
    async fn begin(
        &self,
        mut sprite: Box<dyn Duplex>,
        downstream: &mut Downstream<'_>,
        request: &UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<Begun, ForwardError> {
        record.sent();
        let sent = timeout(self.read_timeout, async {
            sprite.write_all(&request.head).await?;
            sprite.flush().await
        });
        sent.await.map_err(|_| ForwardError::SpriteTimeout)?.map_err(ForwardError::Sprite)?;
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(READ_BYTES);
            if self.read(&mut *sprite, downstream, &mut buffer).await? == 0 {
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            // A body of which something is still to come hides where the next request begins.
            let keep_alive = request.keep_alive && downstream.upload.is_done();
            while let Some(head) = ResponseHead::parse(&buffer, request, keep_alive)? {
                if !head.informational {
                    return Ok(Begun { sprite, buffer, head, keep_alive });
                }
                // It may be what the client waits for. 103 and its like help nobody here.
                if head.status == 100 && request.knows_chunks && downstream.upload.wants_more() {
                    self.write(downstream.stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                }
                let _ = buffer.split_to(head.length);
            }
        }
    }

    /// From the head of the answer to its end.
    async fn finish(
        &self,
        begun: Begun,
        downstream: &mut Downstream<'_>,
        request: &UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<bool, ForwardError> {
        let Begun { mut sprite, mut buffer, head, keep_alive } = begun;
        let mut framing = head.framing;
        let body = &buffer[head.length..];
        let (mut relayed, first) = passed_on(&mut framing, body, request)?;
        let mut has_excess = relayed < body.len();
        record.answered(request.kind.source(), head.status);
        let mut out = head.bytes;
        out.extend_from_slice(&first);
        self.write(downstream.stream, &out).await?;
        record.relayed();
        drop((first, out));
        while !framing.is_done() {
            buffer.clear();
            buffer.reserve(if relayed < BULK_READ_BYTES { READ_BYTES } else { BULK_READ_BYTES });
            let count = self.read(&mut *sprite, downstream, &mut buffer).await?;
            if count == 0 {
                if matches!(framing, BodyFraming::UntilClose) {
                    return Ok(false);
                }
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            let (used, part) = passed_on(&mut framing, &buffer, request)?;
            has_excess = used < count;
            relayed += used;
            self.write(downstream.stream, &part).await?;
        }
        if head.keep_alive && !has_excess && downstream.upload.is_done() {
            pool::put(request.group, sprite, self.pool);
        }
        Ok(keep_alive)
    }

    /// Reads from the sprite. Meanwhile the body of the request goes on.
    async fn read(
        &self,
        sprite: &mut dyn Duplex,
        downstream: &mut Downstream<'_>,
        into: &mut BytesMut,
    ) -> Result<usize, ForwardError> {
        loop {
            let (patience, late) =
                if downstream.upload.wants_more() && !downstream.upload.has_unsent() {
                    (BODY_PAUSE, ForwardError::Client)
                } else {
                    (self.read_timeout, ForwardError::SpriteTimeout)
                };
            let step = poll_fn(|context| downstream.poll_step(sprite, into, context));
            match timeout(patience, step).await.map_err(|_| late)?? {
                Step::Heard(count) => return Ok(count),
                Step::Sent => {}
            }
        }
    }

    /// Ends with an error when the client takes nothing for `write_timeout`; one that
    /// takes a little at a time may take as long as it needs.
    async fn write(&self, client: &mut ClientStream, mut bytes: &[u8]) -> Result<(), ForwardError> {
        while !bytes.is_empty() {
            match timeout(self.write_timeout, client.write(bytes)).await {
                Ok(Ok(count)) if count > 0 => bytes = &bytes[count..],
                _ => return Err(ForwardError::Client),
            }
        }
        Ok(())
    }
}

impl Downstream<'_> {
    /// Reads from the sprite, or else sends on what there is of the body, or
    /// else reads from the client and so notices that it left.
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
            match ready!(self.reader.poll_more(&mut *self.stream, context)) {
                Ok(0) | Err(_) => return Poll::Ready(Err(ForwardError::Client)),
                Ok(_) => {}
            }
        }
    }
}

/// How much of `bytes` belongs to the answer, and what of that goes to the client.
fn passed_on<'a>(
    framing: &mut BodyFraming,
    bytes: &'a [u8],
    request: &UpstreamRequest,
) -> Result<(usize, Cow<'a, [u8]>), Malformed> {
    if request.knows_chunks {
        let used = framing.measure(bytes)?;
        return Ok((used, Cow::Borrowed(&bytes[..used])));
    }
    let mut content = Vec::new();
    let used = framing.unwrap(bytes, |part| content.extend_from_slice(part))?;
    Ok((used, Cow::Owned(content)))
}
