//! One stream, as a connection of HTTP/1.1 on which a single request comes.
//!
//! Reading gives the body as the head announces it, writing takes the answer as the
//! forwarder writes it to a client that knows no chunks: a head, then content until the
//! end. Flow control works through it both ways: what is not read is not given back to
//! the client's window, and writing waits for room in it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::request_head::Body;
use super::response_head::{self, ResponseHead};
use crate::limits::MAX_RESPONSE_HEAD_BYTES;

/// How many requests of one connection were taken back before they were answered.
#[derive(Clone, Default)]
pub(crate) struct PrematureResets(Arc<AtomicU32>);

pub(crate) struct Http2Stream {
    incoming: RecvStream,
    /// How what comes is framed; none when nothing is expected any more.
    body: Body,
    /// Came, and was not read yet.
    unread: Bytes,
    outgoing: Outgoing,
    /// HEAD: no body, whatever the head says.
    head_only: bool,
    premature_resets: PrematureResets,
}

enum Outgoing {
    /// Of the head so much is there.
    Head(SendResponse<Bytes>, Vec<u8>),
    Body {
        send: SendStream<Bytes>,
        /// So much is to come, if that is known.
        left: Option<u64>,
        has_ended: bool,
    },
}

impl PrematureResets {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Http2Stream {
    pub(crate) fn new(
        incoming: RecvStream,
        respond: SendResponse<Bytes>,
        body: Body,
        head_only: bool,
        premature_resets: PrematureResets,
    ) -> Self {
        let outgoing = Outgoing::Head(respond, Vec::new());
        Self { incoming, body, unread: Bytes::new(), outgoing, head_only, premature_resets }
    }

    /// May the client still send something?
    pub(crate) fn expects_more(&self) -> bool {
        self.body != Body::None && !self.incoming.is_end_stream()
    }

    /// Ends the stream so that the client knows that something is missing: what waits to
    /// be sent stays here.
    pub(crate) fn reset(&mut self) {
        match &mut self.outgoing {
            Outgoing::Head(respond, _) => respond.send_reset(Reason::CANCEL),
            Outgoing::Body { send, .. } => send.send_reset(Reason::CANCEL),
        }
    }

    /// The error of a stream that the client has ended, or whose connection has.
    fn left(&self) -> io::Error {
        if matches!(self.outgoing, Outgoing::Head(..)) {
            self.premature_resets.0.fetch_add(1, Ordering::Relaxed);
        }
        io::ErrorKind::ConnectionReset.into()
    }

    /// Nothing more is expected; resolves when the client has left.
    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An error is an end as well.
        let _ = ready!(match &mut self.outgoing {
            Outgoing::Head(respond, _) => respond.poll_reset(context),
            Outgoing::Body { send, .. } => send.poll_reset(context),
        });
        Poll::Ready(Err(self.left()))
    }

    /// Makes what has come readable. `false` when nothing comes any more.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match ready!(self.incoming.poll_data(context)) {
            Some(Ok(data)) => {
                // An error is a stream that has ended, which the next look finds.
                let _ = self.incoming.flow_control().release_capacity(data.len());
                self.unread = if self.body == Body::Chunks { chunk(&data) } else { data };
                Poll::Ready(Ok(true))
            }
            Some(Err(_)) => Poll::Ready(Err(self.left())),
            None => Poll::Ready(Ok(false)),
        }
    }

    /// Takes `bytes` of a head; says how many of them belong to it.
    fn take_head(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Outgoing::Head(respond, head) = &mut self.outgoing else { return Ok(0) };
        let before = head.len();
        head.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let Some(end) = memmem::find(&head[from..], b"\r\n\r\n") else {
            // With room for what is ours.
            let is_too_large = head.len() > 2 * MAX_RESPONSE_HEAD_BYTES;
            return if is_too_large {
                Err(io::ErrorKind::InvalidData.into())
            } else {
                Ok(bytes.len())
            };
        };
        let end = from + end + 4;
        let ResponseHead { response, length } = response_head::read(&head[..end])?;
        let status = response.status();
        let result = if status.is_informational() {
            head.clear();
            respond.send_informational(response)
        } else {
            let has_ended =
                self.head_only || length == Some(0) || matches!(status.as_u16(), 204 | 304);
            respond.send_response(response, has_ended).map(|send| {
                self.outgoing = Outgoing::Body { send, left: length, has_ended };
            })
        };
        match result {
            Ok(()) => Ok(end - before),
            Err(_) => Err(self.left()),
        }
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            if self.body == Body::None {
                return self.poll_left(context);
            }
            if ready!(self.poll_more(context))? {
                continue;
            }
            match self.body {
                Body::Tunnel => return Poll::Ready(Ok(())),
                Body::Chunks => self.unread = Bytes::from_static(b"0\r\n\r\n"),
                Body::Length | Body::None => {}
            }
            self.body = Body::None;
        }
        let count = self.unread.len().min(into.remaining());
        into.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (send, left, has_ended) = match &mut self.outgoing {
            Outgoing::Head(..) => return Poll::Ready(self.take_head(bytes)),
            Outgoing::Body { send, left, has_ended } => (send, left, has_ended),
        };
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if *has_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = loop {
            send.reserve_capacity(bytes.len());
            match send.capacity() {
                0 => match ready!(send.poll_capacity(context)) {
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Poll::Ready(Err(self.left())),
                },
                capacity => break capacity.min(bytes.len()),
            }
        };
        *left = left.map(|left| left.saturating_sub(count as u64));
        *has_ended = *left == Some(0);
        match send.send_data(Bytes::copy_from_slice(&bytes[..count]), *has_ended) {
            Ok(()) => Poll::Ready(Ok(count)),
            Err(_) => Poll::Ready(Err(self.left())),
        }
    }

    /// Whatever was written is the connection's to send.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.outgoing {
            // Nothing was answered: that is no end of an answer.
            Outgoing::Head(respond, _) => respond.send_reset(Reason::INTERNAL_ERROR),
            Outgoing::Body { has_ended: true, .. } => {}
            Outgoing::Body { send, has_ended, .. } => {
                *has_ended = true;
                // An error is a stream that has ended already.
                let _ = send.send_data(Bytes::new(), true);
            }
        }
        Poll::Ready(Ok(()))
    }
}

fn chunk(data: &Bytes) -> Bytes {
    if data.is_empty() {
        return Bytes::new();
    }
    let mut chunk = BytesMut::with_capacity(data.len() + 20);
    chunk.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk.freeze()
}
