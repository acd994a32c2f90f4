//! Sends requests on to sprites and to control, and brings their answers back.
//!
//! Costs a third of what pingora's proxy costs, because nothing is parsed into
//! maps, nothing crosses a channel, and most requests need two reads and two
//! writes. And there is one way for all: what an answer may look like is judged
//! in one place, whatever the request was.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use pingora::time::timeout;
use shared::PublicSite;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::body_framing::{BodyFraming, LAST_CHUNK, Packing};
use super::error::{ForwardError, Malformed};
use super::response_head::{Asked, NO_SLOTS, RawHead, ResponseHead, find_end};
use super::upload::Upload;
use super::upstream_request::{TargetKind, UpstreamRequest};
use crate::client_stream::ClientStream;
use crate::head::{HeadEnd, HeadReader};
use crate::limits::{BODY_PAUSE, CONTINUE_WAIT, MAX_INTERIM_RESPONSES};
use crate::observe::RequestRecord;
use crate::policy::response::Speaker;
use crate::upstream::pool::{self, PoolLimits};
use crate::upstream::{Connector, Duplex, Purpose};

/// Room for a head and the body of most answers.
const READ_BYTES: usize = 8 * 1024;

/// Once that much of a body has come it is a download: fewer, larger reads.
const BULK_READ_BYTES: usize = 64 * 1024;

pub(crate) struct Forwarder {
    pub site: Arc<PublicSite>,
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
    /// When the client is asked for the body that it holds back, if nobody was sooner.
    ask_at: Option<Instant>,
    /// The client says nothing more, and may still listen.
    has_ended: bool,
}

/// One step forward while an answer is awaited.
enum Step {
    /// So many bytes came from the sprite; none, when it has closed.
    Heard(usize),
    /// The body of the request went on a little.
    Sent,
}

/// What is to be done when nothing has come for too long.
enum Late {
    /// Ask the client for its body.
    Ask,
    /// Give up on the client's body.
    Body,
    /// Give up on the sprite.
    Sprite,
}

/// What was heard from a sprite before the first byte went to the client.
struct Begun {
    sprite: Box<dyn Duplex>,
    /// What came behind the head.
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
        let ask_at = request.expects_continue.then(|| Instant::now() + CONTINUE_WAIT);
        let mut downstream =
            Downstream { stream: client, reader, upload, ask_at, has_ended: false };
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
        let mut end = HeadEnd::default();
        let mut interim = 0;
        // One deadline for a head, from its first byte: else one that drips in holds us.
        let mut deadline = None;
        loop {
            buffer.reserve(READ_BYTES);
            if self.read(&mut *sprite, downstream, &mut buffer, deadline).await? == 0 {
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            deadline.get_or_insert_with(|| Instant::now() + self.read_timeout);
            while let Some(length) = find_end(&mut end, &buffer)? {
                let mut slots = NO_SLOTS;
                let bytes = buffer.split_to(length);
                end = HeadEnd::default();
                let raw = RawHead::parse(&bytes, &mut slots)?;
                if raw.status >= 200 || raw.status == 101 {
                    // A body of which something is still to come hides where the next
                    // request begins.
                    let keep_alive = request.keep_alive && downstream.upload.is_done();
                    let head = ResponseHead::new(&raw, &self.asked(request, keep_alive))?;
                    return Ok(Begun { sprite, buffer, head, keep_alive });
                }
                interim += 1;
                if interim > MAX_INTERIM_RESPONSES {
                    return Err(Malformed::Interim.into());
                }
                // It may be what the client waits for. 103 and its like help nobody here.
                if raw.status == 100 {
                    self.ask(downstream).await?;
                }
            }
        }
    }

    fn asked<'a>(&'a self, request: &'a UpstreamRequest, keep_alive: bool) -> Asked<'a> {
        let speaker = match request.kind {
            TargetKind::Site => Speaker::Site,
            TargetKind::Sprite(username) => {
                let authority = request.upstream.authority();
                Speaker::Sprite { site: &self.site, username, authority }
            }
        };
        let UpstreamRequest { id, head_only, knows_chunks, .. } = *request;
        Asked { speaker, id, head_only, knows_chunks, keep_alive }
    }

    /// Asks for the body, if the client waits to be asked.
    async fn ask(&self, downstream: &mut Downstream<'_>) -> Result<(), ForwardError> {
        let is_waiting = downstream.ask_at.take().is_some() && !downstream.upload.has_begun();
        if is_waiting {
            self.write(downstream.stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        Ok(())
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
        let ResponseHead { mut framing, packing, bytes: mut out, .. } = head;
        let mut relayed = framing.repack(&buffer, packing, &mut out)?;
        let mut has_excess = relayed < buffer.len();
        record.answered(request.kind.source(), head.status);
        self.write(downstream.stream, &out).await?;
        record.relayed();
        if packing == Packing::None {
            out = Vec::new();
        }
        while !framing.is_done() {
            buffer.clear();
            buffer.reserve(if relayed < BULK_READ_BYTES { READ_BYTES } else { BULK_READ_BYTES });
            let count = self.read(&mut *sprite, downstream, &mut buffer, None).await?;
            if count == 0 {
                if !matches!(framing, BodyFraming::UntilClose) {
                    return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
                }
                if packing == Packing::Chunks {
                    self.write(downstream.stream, LAST_CHUNK).await?;
                }
                return Ok(keep_alive && packing == Packing::Chunks);
            }
            let used = if packing == Packing::None {
                let used = framing.unwrap(&buffer, |_| {})?;
                self.write(downstream.stream, &buffer[..used]).await?;
                used
            } else {
                out.clear();
                let used = framing.repack(&buffer, packing, &mut out)?;
                self.write(downstream.stream, &out).await?;
                used
            };
            has_excess = used < count;
            relayed += used;
        }
        if head.keep_alive && !has_excess && downstream.upload.is_done() {
            pool::put(request.group, sprite, self.pool);
        }
        Ok(keep_alive && packing != Packing::UntilClose)
    }

    /// Reads from the sprite until `deadline` at most. Meanwhile the body of the request goes on.
    async fn read(
        &self,
        sprite: &mut dyn Duplex,
        downstream: &mut Downstream<'_>,
        into: &mut BytesMut,
        deadline: Option<Instant>,
    ) -> Result<usize, ForwardError> {
        loop {
            let (patience, late) = downstream.patience(self.read_timeout, deadline);
            let step = poll_fn(|context| downstream.poll_step(sprite, into, context));
            match (timeout(patience, step).await, late) {
                (Ok(step), _) => {
                    if let Step::Heard(count) = step? {
                        return Ok(count);
                    }
                }
                (Err(_), Late::Ask) => self.ask(downstream).await?,
                (Err(_), Late::Body) => return Err(ForwardError::BodyTimeout),
                (Err(_), Late::Sprite) => return Err(ForwardError::SpriteTimeout),
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
        // Encrypted, some of it may wait in our own memory.
        match timeout(self.write_timeout, client.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(ForwardError::Client),
        }
    }
}

impl Downstream<'_> {
    fn patience(&self, read_timeout: Duration, deadline: Option<Instant>) -> (Duration, Late) {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        if let Some(ask_at) = self.ask_at {
            (left(ask_at), Late::Ask)
        } else if let Some(deadline) = deadline {
            (left(deadline), Late::Sprite)
        } else if self.upload.wants_more() && !self.upload.has_unsent() {
            (BODY_PAUSE, Late::Body)
        } else {
            (read_timeout, Late::Sprite)
        }
    }

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
            if self.has_ended {
                return Poll::Pending;
            }
            match ready!(self.reader.poll_more(&mut *self.stream, context)) {
                // It may still wait for its answer; one that has left cannot be told
                // from it until something is written.
                Ok(0) if !self.upload.wants_more() => self.has_ended = true,
                Ok(0) | Err(_) => return Poll::Ready(Err(ForwardError::Client)),
                Ok(_) => {}
            }
        }
    }
}
