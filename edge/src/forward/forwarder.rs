//! Sends requests on to sprites and to control, and brings their answers back.
//!
//! Costs a third of what pingora's proxy costs, because nothing is parsed into
//! maps, nothing crosses a channel, and most requests need two reads and two
//! writes. And there is one way for all: what an answer may look like is judged
//! in one place, whatever the request was.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use pingora::time::timeout;
use shared::PublicSite;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use super::body_framing::{BodyFraming, LAST_CHUNK, Packing};
use super::downstream::{Downstream, Timeouts};
use super::error::{ForwardError, Malformed};
use super::response_head::{Asked, NO_SLOTS, RawHead, ResponseHead, find_end};
use super::upload::Upload;
use super::upstream_request::{TargetKind, UpstreamRequest};
use crate::alarm::Alarm;
use crate::client_stream::ClientStream;
use crate::head::{HeadEnd, HeadReader};
use crate::limits::{CONTINUE_WAIT, HANDSHAKE_TIMEOUT, Limits, MAX_INTERIM_RESPONSES};
use crate::observe::RequestRecord;
use crate::policy::response::Speaker;
use crate::upstream::pool::{self, PoolLimits};
use crate::upstream::{ConnectError, Connector, Controls, Duplex, Purpose};
use crate::waking::Waking;

/// Room for a head and the body of most answers.
const READ_BYTES: usize = 8 * 1024;

/// Once that much of a body has come it is a download: fewer, larger reads.
const BULK_READ_BYTES: usize = 64 * 1024;

pub(crate) struct Forwarder {
    pub site: Arc<PublicSite>,
    pub(crate) connector: Arc<Connector>,
    pub(crate) controls: Arc<Controls>,
    pub(crate) waking: Arc<Waking>,
    /// Between two reads of an answer.
    pub(crate) read_timeout: Duration,
    pub pool: PoolLimits,
    pub(crate) limits: Arc<Limits>,
}

/// How a sprite has answered, before the first byte of it goes to the client.
pub(super) enum Answer {
    Response(Begun),
    Switched(Switched),
}

impl Answer {
    /// `None` for an agreement to a WebSocket.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Response(begun) => Some(begun.head.status),
            Self::Switched(_) => None,
        }
    }
}

/// An agreement to a WebSocket.
pub(crate) struct Switched {
    pub(crate) sprite: Box<dyn Duplex>,
    /// The 101 as it goes to the client.
    pub(crate) answer: Vec<u8>,
    /// What the sprite sent right behind its own.
    pub(crate) early: Bytes,
}

/// What one head of an answer says.
enum Heard {
    /// With the status of more to come.
    Interim(u16),
    /// The 101 as it goes to the client.
    Switched(Vec<u8>),
    /// Whether the client is told that another request may follow.
    Final(ResponseHead, bool),
}

pub(super) struct Begun {
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
        alarm: &Alarm,
        client: &mut ClientStream,
        reader: &mut HeadReader,
        request: &mut UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<bool, ForwardError> {
        let mut downstream = self.downstream(alarm, client, reader, request);
        let answer = self.begin_awake(&mut downstream, request, record).await?;
        match answer {
            Answer::Response(begun) => self.finish(begun, &mut downstream, request, record).await,
            Answer::Switched(_) => Err(Malformed::Upgrade.into()),
        }
    }

    /// Asks for the WebSocket that `request` offers. `None` when the sprite gave another
    /// answer, a refusal with its reason: the client has that then.
    ///
    /// # Errors
    /// As with [`Self::forward`].
    pub(crate) async fn upgrade(
        &self,
        alarm: &Alarm,
        client: &mut ClientStream,
        reader: &mut HeadReader,
        request: &mut UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<Option<Switched>, ForwardError> {
        let mut downstream = self.downstream(alarm, client, reader, request);
        let answer = self.begin_awake(&mut downstream, request, record).await?;
        match answer {
            // They would go through the tunnel unasked (CVE-2026-2833).
            Answer::Switched(_) if !downstream.reader.bytes().is_empty() => {
                Err(ForwardError::EarlyBytes)
            }
            Answer::Switched(switched) => Ok(Some(switched)),
            Answer::Response(begun) => {
                self.finish(begun, &mut downstream, request, record).await.map(|_| None)
            }
        }
    }

    fn downstream<'a>(
        &self,
        alarm: &'a Alarm,
        stream: &'a mut ClientStream,
        reader: &'a mut HeadReader,
        request: &UpstreamRequest,
    ) -> Downstream<'a> {
        let limits = self.limits.configured();
        Downstream {
            alarm,
            stream,
            reader,
            upload: Upload::new(request.body, limits.body_max_bytes),
            ask_at: request.expects_continue.then(|| Instant::now() + CONTINUE_WAIT),
            has_ended: false,
            timeouts: Timeouts {
                read: self.read_timeout,
                write: limits.write_timeout,
                pause: limits.body_pause,
            },
        }
    }

    /// Sends `request` once, and again where a kept connection had died.
    pub(super) async fn try_once(
        &self,
        downstream: &mut Downstream<'_>,
        request: &UpstreamRequest,
        record: &mut RequestRecord,
    ) -> Result<Answer, ForwardError> {
        if request.offer.is_some() {
            let answer = async {
                let sprite = self.connect(request, Purpose::Tunnel, record).await?;
                record.sent_at(std::time::Instant::now(), false);
                self.begin(sprite, downstream, request).await
            };
            let answer = timeout(HANDSHAKE_TIMEOUT, answer).await;
            return answer.unwrap_or(Err(ForwardError::SpriteTimeout));
        }
        let now = std::time::Instant::now();
        if let Some(sprite) = pool::take(request.group, now) {
            record.sent_at(now, true);
            match self.begin(sprite, downstream, request).await {
                // Most likely it was closed while it waited in the pool. Should the sprite have
                // seen the request after all, asking again does no harm.
                Err(ForwardError::Sprite(_)) if request.repeatable => {}
                result => return result,
            }
        }
        let sprite = self.connect(request, Purpose::Requests, record).await?;
        record.sent_at(std::time::Instant::now(), false);
        self.begin(sprite, downstream, request).await
    }

    async fn connect(
        &self,
        request: &UpstreamRequest,
        purpose: Purpose,
        record: &RequestRecord,
    ) -> Result<Box<dyn Duplex>, ConnectError> {
        let begun = Instant::now();
        let connected = self.connector.connect(&request.upstream, purpose).await;
        record.connected(connected.as_ref().map(|_| begun.elapsed()));
        connected
    }

    /// Until the head of the answer is there.
    async fn begin(
        &self,
        mut sprite: Box<dyn Duplex>,
        downstream: &mut Downstream<'_>,
        request: &UpstreamRequest,
    ) -> Result<Answer, ForwardError> {
        let sent = pin!(async {
            sprite.write_all(&request.head).await?;
            sprite.flush().await
        });
        let sent = downstream.alarm.timeout(self.read_timeout, sent).await;
        sent.map_err(|_| ForwardError::SpriteTimeout)?.map_err(ForwardError::Sprite)?;
        let mut buffer = BytesMut::new();
        let mut end = HeadEnd::default();
        let mut interim = 0;
        // One deadline for a head, from its first byte: else one that drips in holds us.
        let mut deadline = None;
        loop {
            buffer.reserve(READ_BYTES);
            if downstream.read(&mut *sprite, &mut buffer, deadline).await? == 0 {
                return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
            }
            while let Some(length) = find_end(&mut end, &buffer)? {
                let heard = self.judge(&buffer[..length], downstream, request)?;
                // Not split off, which would allocate.
                buffer.advance(length);
                end = HeadEnd::default();
                let status = match heard {
                    Heard::Switched(answer) => {
                        let early = buffer.freeze();
                        return Ok(Answer::Switched(Switched { sprite, answer, early }));
                    }
                    Heard::Final(head, keep_alive) => {
                        return Ok(Answer::Response(Begun { sprite, buffer, head, keep_alive }));
                    }
                    Heard::Interim(status) => status,
                };
                interim += 1;
                if interim > MAX_INTERIM_RESPONSES {
                    return Err(Malformed::Interim.into());
                }
                // It may be what the client waits for. 103 and its like help nobody here.
                if status == 100 {
                    downstream.ask().await?;
                }
            }
            deadline.get_or_insert_with(|| Instant::now() + self.read_timeout);
        }
    }

    /// Judges one whole head of an answer. By itself: what [`Self::begin`] knows while it
    /// waits has a place in every request's memory, and is moved with it several times. The
    /// slots of a head alone are three kilobytes.
    fn judge(
        &self,
        bytes: &[u8],
        downstream: &Downstream<'_>,
        request: &UpstreamRequest,
    ) -> Result<Heard, ForwardError> {
        let mut slots = NO_SLOTS;
        let raw = RawHead::parse(bytes, &mut slots)?;
        if let (101, Some(offer)) = (raw.status, &request.offer) {
            return Ok(Heard::Switched(offer.agreed(&raw, request.id)?));
        }
        if raw.status < 200 && raw.status != 101 {
            return Ok(Heard::Interim(raw.status));
        }
        // A body of which something is still to come hides where the next request begins.
        let keep_alive = request.keep_alive && downstream.upload.is_done();
        let hsts = downstream.stream.hsts().map(|hsts| &**hsts);
        let head = ResponseHead::new(&raw, &self.asked(request, keep_alive, hsts))?;
        Ok(Heard::Final(head, keep_alive))
    }

    fn asked<'a>(
        &'a self,
        request: &'a UpstreamRequest,
        keep_alive: bool,
        hsts: Option<&'a str>,
    ) -> Asked<'a> {
        let speaker = match request.kind {
            TargetKind::Site => Speaker::Site,
            TargetKind::Sprite(username) => {
                let authority = request.upstream.authority();
                Speaker::Sprite { site: &self.site, username, authority }
            }
        };
        let UpstreamRequest { id, head_only, knows_chunks, .. } = *request;
        Asked { speaker, id, head_only, knows_chunks, keep_alive, hsts }
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
        if packing == Packing::UntilClose {
            downstream.stream.delimit();
        }
        downstream.write(&out).await?;
        // When the sprite's connection was last of use, as far as is known.
        let mut used_at = record.relayed();
        if packing == Packing::None {
            out = Vec::new();
        }
        while !framing.is_done() {
            used_at = None;
            buffer.clear();
            buffer.reserve(if relayed < BULK_READ_BYTES { READ_BYTES } else { BULK_READ_BYTES });
            let count = downstream.read(&mut *sprite, &mut buffer, None).await?;
            if count == 0 {
                if !matches!(framing, BodyFraming::UntilClose) {
                    return Err(ForwardError::Sprite(io::ErrorKind::UnexpectedEof.into()));
                }
                if packing == Packing::Chunks {
                    downstream.write(LAST_CHUNK).await?;
                }
                downstream.stream.is_whole();
                return Ok(keep_alive && packing == Packing::Chunks);
            }
            let used = if packing == Packing::None {
                let used = framing.unwrap(&buffer, |_| {})?;
                downstream.write(&buffer[..used]).await?;
                used
            } else {
                out.clear();
                let used = framing.repack(&buffer, packing, &mut out)?;
                downstream.write(&out).await?;
                used
            };
            has_excess = used < count;
            relayed += used;
        }
        downstream.stream.is_whole();
        let now = used_at.unwrap_or_else(std::time::Instant::now);
        record.ended(now);
        if head.keep_alive && !has_excess && downstream.upload.is_done() {
            pool::put(request.group, sprite, self.pool, head.closes_after, now);
        }
        Ok(keep_alive && packing != Packing::UntilClose)
    }
}
