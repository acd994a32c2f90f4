//! One connection of HTTP/2: as many requests at a time as it may have, each carried out
//! like the only one of a connection of HTTP/1.1.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use hyper::{Method, Request};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::ClientState;
use super::connection::{ConnectionHandler, Next};
use super::handler::RequestAction;
use crate::alarm::Alarm;
use crate::client_stream::ClientStream;
use crate::head::{HeadError, HeadReader};
use crate::http2::{self, Batch, BatchedIo, Http2Stream, PrematureResets};
use crate::limits::{HTTP2_ENDING_FACTOR, LAST_WORDS, MAX_HEAD_BYTES, PREMATURE_RESETS};
use crate::observe::labels::{Http2End, Limit, Source};

struct Http2Connection {
    handler: Arc<ConnectionHandler>,
    frames: Connection<BatchedIo<ClientStream>, Bytes>,
    /// Sends what `frames` has written.
    batch: Batch<ClientStream>,
    client: ClientState,
    hsts: Option<Arc<str>>,
    streams: JoinSet<()>,
    /// Requests so far.
    begun: u32,
    premature_resets: PrematureResets,
}

impl ConnectionHandler {
    /// One connection whose client has chosen HTTP/2.
    pub(super) async fn serve_http2(self: Arc<Self>, stream: ClientStream) {
        // What a proxy carries is many clients'.
        let flooding = stream.proxy().is_none().then(|| stream.address());
        // In memory of its own, as what lives for long must not hold on to it.
        let begun = Box::pin(Http2Connection::begin(&self, stream)).await;
        let end = match begun {
            Ok(connection) => connection.serve().await,
            Err(end) => end,
        };
        self.telemetry.metrics.count_http2_end(end);
        if let (Http2End::Flood, Some(address)) = (end, flooding) {
            self.limits.flooded(address);
        }
    }

    /// One request, from its head to the end of its answer.
    async fn serve_stream(
        self: Arc<Self>,
        mut stream: ClientStream,
        head: Vec<u8>,
        action: Result<RequestAction, HeadError>,
    ) {
        let _open = self.telemetry.metrics.open_http2_stream();
        let next = match action {
            Err(HeadError::TooLarge) => {
                return self.refuse_overlong(stream, head.as_slice().into()).await;
            }
            Err(error) => return self.refuse_head(stream, error).await,
            Ok(RequestAction::Upgrade(mut request)) => {
                request.upstream.knows_chunks = false;
                return self.upgrade(stream, request).await;
            }
            Ok(RequestAction::Respond { response, mut record, .. }) => {
                record.answered(Source::Edge, response.status);
                self.respond(&mut stream, &response, false).await
            }
            Ok(RequestAction::Forward(mut request)) => {
                // Frames tell where a body ends.
                request.upstream.knows_chunks = false;
                let (alarm, mut reader) = (Alarm::default(), HeadReader::default());
                let forward = self.forward(&alarm, &mut stream, &mut reader, *request);
                alarm.over(pin!(forward)).await
            }
        };
        match next {
            Next::Request | Next::Close => self.close(stream).await,
            Next::Drop => stream.reset(),
        }
    }
}

impl Http2Connection {
    /// # Errors
    /// Says how the connection ends, when both sides' settings did not come about.
    async fn begin(
        handler: &Arc<ConnectionHandler>,
        stream: ClientStream,
    ) -> Result<Box<Self>, Http2End> {
        let client = handler.handler.client(&stream);
        let hsts = stream.hsts().cloned();
        let limits = handler.limits.configured();
        let (batch, io) = http2::batched(stream);
        let handshake = batch.sending(http2::handshake(io, limits.http2_streams));
        let frames = match timeout(limits.deadlines.head, handshake).await {
            Ok(Ok(frames)) => frames,
            Ok(Err(error)) => return Err(Http2End::of(&error)),
            Err(_) => return Err(Http2End::Idle),
        };
        Ok(Box::new(Self {
            handler: Arc::clone(handler),
            frames,
            batch,
            client,
            hsts,
            streams: JoinSet::new(),
            begun: 0,
            premature_resets: PrematureResets::default(),
        }))
    }

    async fn serve(mut self: Box<Self>) -> Http2End {
        let end = self.serve_streams().await;
        let Self { frames, batch, mut streams, .. } = *self;
        // By this those that are left learn that their client is gone.
        drop((frames, batch));
        let ending = async { while streams.join_next().await.is_some() {} };
        let _ = timeout(LAST_WORDS, ending).await;
        end
    }

    /// Until the client leaves, is asked to, or does what nobody may.
    async fn serve_streams(&mut self) -> Http2End {
        let lifecycle = self.handler.lifecycle.clone();
        let mut draining = pin!(lifecycle.draining());
        // Why the client was asked to leave.
        let mut end = None;
        loop {
            let patience = self.streams.is_empty().then(|| self.patience(end));
            tokio::select! {
                accepted = self.batch.sending(self.frames.accept()) => match accepted {
                    Some(Ok((request, respond))) => self.begin_stream(request, respond),
                    Some(Err(error)) => return end.unwrap_or_else(|| Http2End::of(&error)),
                    None => return end.unwrap_or(Http2End::Closed),
                },
                Some(_) = self.streams.join_next() => {
                    if end != Some(Http2End::Flood) && self.takes_back_too_much() {
                        end = Some(Http2End::Flood);
                        self.frames.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                        self.streams.abort_all();
                    }
                }
                () = &mut draining, if end.is_none() => {
                    end = Some(Http2End::Drain);
                    self.frames.graceful_shutdown();
                }
                () = idle(patience) => {
                    if let Some(end) = end {
                        return end;
                    }
                    end = Some(Http2End::Idle);
                    self.frames.graceful_shutdown();
                }
            }
        }
    }

    /// How long a connection without any request under way is kept.
    fn patience(&self, end: Option<Http2End>) -> Duration {
        let deadlines = self.handler.limits.configured().deadlines;
        match end {
            Some(_) => LAST_WORDS,
            None if self.begun == 0 => deadlines.head,
            None => deadlines.idle,
        }
    }

    fn begin_stream(&mut self, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
        self.begun = self.begun.saturating_add(1);
        let limit = self.handler.limits.configured().http2_streams as usize * HTTP2_ENDING_FACTOR;
        if self.streams.len() >= limit {
            self.handler.telemetry.metrics.count_limited(Limit::Http2Streams);
            return respond.send_reset(Reason::REFUSED_STREAM);
        }
        let head_only = *request.method() == Method::HEAD;
        let has_body = !request.body().is_end_stream();
        let written = http2::write_request_head(&request, has_body);
        self.client.begins_stream(written.as_ref().map_or(0, |(head, _)| head.len()));
        let (action, head, body) = match written {
            Err(error) => (Err(error), Vec::new(), http2::Body::None),
            Ok((head, body)) if head.len() > MAX_HEAD_BYTES => {
                (Err(HeadError::TooLarge), head, body)
            }
            // Each is the last one of its stream, as if the edge drained.
            Ok((head, body)) => {
                (self.handler.handler.handle(&mut self.client, &head, false, true), head, body)
            }
        };
        // Only of one that is too large more is to be said.
        let head = if matches!(action, Err(HeadError::TooLarge)) { head } else { Vec::new() };
        let resets = self.premature_resets.clone();
        let stream = Http2Stream::new(request.into_body(), respond, body, head_only, resets);
        let stream = ClientStream::of_http2(stream, &self.client.arrival, self.hsts.clone());
        // A task moves what it carries out several times, and this is three kilobytes.
        let served = Arc::clone(&self.handler).serve_stream(stream, head, action);
        self.streams.spawn(Box::pin(served));
    }

    /// Each costs us the beginning of a request, and the client nothing (CVE-2023-44487).
    fn takes_back_too_much(&self) -> bool {
        let resets = self.premature_resets.count();
        resets >= PREMATURE_RESETS && resets > self.begun / 2
    }
}

/// Resolves when a connection has been idle for as long as it may; never for one that is not.
async fn idle(patience: Option<Duration>) {
    match patience {
        Some(patience) => sleep(patience).await,
        None => pending().await,
    }
}
