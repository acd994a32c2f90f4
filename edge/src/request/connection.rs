//! One connection of a client, from the first byte to the last.
//!
//! Reads a head, asks the request handler what is to be done, and does it: a
//! response of our own, a sprite's, or a tunnel. While the edge drains, the next
//! response says `Connection: close`; a connection that is merely idle is never
//! dropped between the client's requests.

use std::net::IpAddr;
use std::sync::Arc;

use pingora::time::timeout;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use super::entrance::{Entrance, HttpsRedirect};
use super::handler::{ForwardRequest, RequestAction, RequestHandler};
use crate::client_stream::ClientStream;
use crate::connections::Entry;
use crate::forward::{ForwardError, Forwarder, TargetKind};
use crate::head::{HeadError, HeadReader, ReadEnd};
use crate::lifecycle::Lifecycle;
use crate::limits::{LINGER, LINGER_BYTES, Limits, TooMany, Turn};
use crate::observe::metrics::{Limit, Outcome, Source};
use crate::observe::{RequestRecord, Telemetry, random_request_id};
use crate::respond::{Refusal, Response, ResponseOptions};
use crate::tunnel::Tunnel;

pub(crate) struct ConnectionHandler {
    pub handler: RequestHandler,
    pub limits: Arc<Limits>,
    pub telemetry: Arc<Telemetry>,
    pub forwarder: Forwarder,
    pub(crate) lifecycle: Lifecycle,
    /// Places for connections that are refused and told so.
    pub(crate) refused: Semaphore,
}

/// What becomes of a client's connection after a response.
enum Next {
    Request,
    /// All is said.
    Close,
    /// Something broke off: the client must not take what it has for a whole.
    Drop,
}

/// How the requests on a connection end.
enum ConnectionEnd {
    Gone,
    Close(ClientStream),
    /// What the client has is not all of it, and it must not take it for that.
    Reset(ClientStream),
    Refuse(ClientStream, HeadError),
    Tunnel(ClientStream, Box<Tunnel>),
}

impl ConnectionHandler {
    /// One connection, from its first byte to its last.
    pub(crate) async fn serve(self: Arc<Self>, stream: ClientStream, entrance: Entrance) {
        let address = stream.address();
        let _admitted = match self.limits.admit(address) {
            Ok(admitted) => admitted,
            Err(too_many) => return self.refuse_connection(stream, too_many).await,
        };
        let stream = match &entrance {
            Entrance::Plain => stream,
            Entrance::Tls(acceptor) => {
                let encrypted = Box::pin(stream.encrypted(|tcp| acceptor.accept(tcp))).await;
                self.telemetry.metrics.count_handshake(encrypted.as_ref().err().copied());
                let Ok(stream) = encrypted else { return };
                stream
            }
            Entrance::ToHttps(redirect) => return self.send_to_https(stream, redirect).await,
        };
        // Each in memory of its own: a conversation needs more than a tunnel, and
        // a tunnel that lives for hours must not hold on to it.
        let end = Box::pin(self.converse(stream, address)).await;
        match end {
            ConnectionEnd::Gone => {}
            ConnectionEnd::Reset(stream) => stream.reset(),
            ConnectionEnd::Close(stream) => self.close(stream).await,
            ConnectionEnd::Refuse(stream, error) => self.refuse_head(stream, error).await,
            ConnectionEnd::Tunnel(stream, tunnel) => Box::pin(self.tunnel(stream, *tunnel)).await,
        }
    }

    /// One answer, and the end of the connection: the client goes elsewhere.
    async fn send_to_https(&self, mut stream: ClientStream, redirect: &HttpsRedirect) {
        let deadlines = self.limits.configured().deadlines;
        let mut reader = HeadReader::default();
        let length = match reader.read_head(&mut stream, true, &deadlines).await {
            Ok(length) => length,
            Err(ReadEnd::Closed) => return,
            Err(ReadEnd::Refused(error)) => return self.refuse_head(stream, error).await,
        };
        let options = ResponseOptions {
            request: random_request_id(),
            page: false,
            keep_alive: false,
            head_only: false,
        };
        match redirect.answer(&reader.bytes()[..length], options).await {
            Ok(response) => {
                self.telemetry.metrics.count(Source::Edge, Outcome::of_status(response.status));
                self.write(&mut stream, &response).await;
                self.close(stream).await;
            }
            Err(error) => self.refuse_head(stream, error).await,
        }
    }

    /// Answers one request after the other and says how the connection ends.
    async fn converse(&self, mut stream: ClientStream, address: IpAddr) -> ConnectionEnd {
        let deadlines = self.limits.configured().deadlines;
        let mut reader = HeadReader::default();
        let mut client = self.handler.client(address);
        let mut is_first = true;
        loop {
            let length = match reader.read_head(&mut stream, is_first, &deadlines).await {
                Ok(length) => length,
                Err(ReadEnd::Closed) => return ConnectionEnd::Gone,
                Err(ReadEnd::Refused(error)) => return ConnectionEnd::Refuse(stream, error),
            };
            is_first = false;
            let (head, more) = reader.bytes().split_at(length);
            let draining = !self.lifecycle.is_serving();
            let next = match self.handler.handle(&mut client, head, !more.is_empty(), draining) {
                Err(error) => return ConnectionEnd::Refuse(stream, error),
                Ok(RequestAction::Tunnel(tunnel)) => return ConnectionEnd::Tunnel(stream, tunnel),
                Ok(RequestAction::Respond { response, keep_alive, mut record }) => {
                    reader.consume(length);
                    record.answered(Source::Edge, response.status);
                    self.respond(&mut stream, &response, keep_alive).await
                }
                Ok(RequestAction::Forward(request)) => {
                    reader.consume(length);
                    self.forward(&mut stream, &mut reader, *request).await
                }
            };
            match next {
                Next::Request => {}
                Next::Close => return ConnectionEnd::Close(stream),
                Next::Drop => return ConnectionEnd::Reset(stream),
            }
        }
    }

    /// Sends a request on and brings its response back.
    async fn forward(
        &self,
        stream: &mut ClientStream,
        reader: &mut HeadReader,
        request: ForwardRequest,
    ) -> Next {
        let ForwardRequest { upstream, entry, turn, is_stream, mut record, options } = request;
        let kind = upstream.kind;
        let Some(_turn) = self.turn(turn).await else {
            self.telemetry.metrics.count_limited(Limit::RequestsInFlight);
            let response =
                Response::refused(Refusal::TooManyRequests, self.handler.site(), options);
            record.answered(Source::Edge, response.status);
            return self.respond(stream, &response, options.keep_alive).await;
        };
        let forward = self.forwarder.forward(stream, reader, &upstream, &mut record);
        let result = tokio::select! {
            biased;
            // First, as it may have ended while the request waited.
            () = ended(entry.as_ref()) => {
                return self.end_revoked(stream, record, options).await;
            }
            // The client comes back by itself, to another process.
            () = self.leaving(is_stream) => return Next::Close,
            result = forward => result,
        };
        let error = match result {
            Ok(true) => return Next::Request,
            Ok(false) => return Next::Close,
            Err(ForwardError::Client) => {
                record.failed(Source::Client);
                return Next::Drop;
            }
            Err(error) => error,
        };
        tracing::debug!(request = %options.request, %error, "a request could not be passed on");
        let source = match error {
            ForwardError::Body(_) | ForwardError::BodyTimeout | ForwardError::TooLarge => {
                Source::Client
            }
            _ => kind.source(),
        };
        if record.has_response() {
            // Only the end of the connection can tell of a failure in the middle.
            record.failed(source);
            return Next::Drop;
        }
        let response = self.failure(&error, kind, options);
        record.answered(source, response.status);
        self.respond(stream, &response, options.keep_alive).await
    }

    /// Access was taken away: what has begun must not look whole, and what has not
    /// is told so.
    async fn end_revoked(
        &self,
        stream: &mut ClientStream,
        mut record: RequestRecord,
        options: ResponseOptions,
    ) -> Next {
        self.telemetry.metrics.count_revoked_request();
        if record.has_response() {
            record.revoked();
            return Next::Drop;
        }
        let response = Response::refused(Refusal::AccessEnded, self.handler.site(), options);
        record.answered(Source::Edge, response.status);
        record.revoked();
        // What is left of the body is nobody's any more.
        self.respond(stream, &response, false).await;
        Next::Close
    }

    /// Resolves when a stream, which never ends by itself, is to end because the
    /// process drains.
    async fn leaving(&self, is_stream: bool) {
        if is_stream {
            self.lifecycle.leaving(fastrand::f64()).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for a turn among the workspace's requests; control's need none.
    async fn turn(&self, turn: Option<Turn>) -> Option<Option<Turn>> {
        match turn {
            None => Some(None),
            Some(mut turn) => turn.come().await.then_some(Some(turn)),
        }
    }

    /// The response in place of one that cannot be brought back.
    fn failure(
        &self,
        error: &ForwardError,
        kind: TargetKind,
        options: ResponseOptions,
    ) -> Response {
        let refusal = match (error, kind) {
            (ForwardError::Body(_), _) => {
                self.telemetry.metrics.count_malformed(HeadError::Chunk);
                return Response::malformed(HeadError::Chunk, options.request);
            }
            (ForwardError::BodyTimeout, _) => Refusal::BodyTimeout,
            (ForwardError::TooLarge, _) => Refusal::BodyTooLarge,
            (_, TargetKind::Site) => Refusal::SiteUnreachable,
            (_, TargetKind::Sprite(_)) if error.is_timeout() => Refusal::SpriteTimeout,
            (_, TargetKind::Sprite(_)) => Refusal::SpriteUnreachable,
        };
        Response::refused(refusal, self.handler.site(), options)
    }

    async fn tunnel(&self, mut stream: ClientStream, tunnel: Tunnel) {
        match tunnel.open(&self.forwarder.connector).await {
            Ok(open) => match open.run(stream, &self.telemetry.metrics).await {
                Some(open) => stream = open,
                None => return,
            },
            Err((refusal, mut record)) => {
                if refusal == Refusal::AccessEnded {
                    self.telemetry.metrics.count_revoked_socket();
                }
                let request = record.request();
                let options =
                    ResponseOptions { request, page: false, keep_alive: false, head_only: false };
                let response = Response::refused(refusal, self.handler.site(), options);
                record.answered(Source::Sprite, response.status);
                self.write(&mut stream, &response).await;
            }
        }
        self.close(stream).await;
    }

    /// Answers a head that cannot be trusted, and ends: where the next request
    /// would begin cannot be known.
    async fn refuse_head(&self, mut stream: ClientStream, error: HeadError) {
        let request = random_request_id();
        self.telemetry.refused_head(request, stream.address(), error);
        let response = Response::malformed(error, request);
        self.write(&mut stream, &response).await;
        self.close(stream).await;
    }

    /// Costs as little as can be: this happens when there is too little of everything.
    async fn refuse_connection(&self, mut stream: ClientStream, too_many: TooMany) {
        self.telemetry.metrics.connections_refused.inc();
        self.telemetry.metrics.count(Source::Edge, Outcome::Refused);
        self.telemetry.metrics.count_limited(match too_many {
            TooMany::InAll => Limit::Connections,
            TooMany::FromAddress => Limit::ConnectionsPerAddress,
        });
        if too_many == TooMany::InAll {
            return;
        }
        let options = ResponseOptions {
            request: random_request_id(),
            page: false,
            keep_alive: false,
            head_only: false,
        };
        let response = Response::refused(Refusal::TooManyConnections, self.handler.site(), options);
        // Its request is unread, and would destroy the answer: but not many at a time
        // may hold a descriptor for that.
        let Ok(_place) = self.refused.try_acquire() else { return };
        self.write(&mut stream, &response).await;
        self.close(stream).await;
    }

    async fn respond(
        &self,
        stream: &mut ClientStream,
        response: &Response,
        keep_alive: bool,
    ) -> Next {
        match self.write(stream, response).await {
            true if keep_alive => Next::Request,
            true => Next::Close,
            false => Next::Drop,
        }
    }

    /// `false` when the client did not take it in time.
    async fn write(&self, stream: &mut ClientStream, response: &Response) -> bool {
        let write = async {
            stream.write_all(&response.bytes()).await?;
            stream.flush().await
        };
        matches!(timeout(self.limits.configured().write_timeout, write).await, Ok(Ok(())))
    }

    /// Says that nothing more comes, and reads on for a moment: closing with
    /// unread bytes would reset the connection and destroy the response with it.
    async fn close(&self, mut stream: ClientStream) {
        let linger = async {
            stream.shutdown().await?;
            let mut dropped = 0;
            let mut space = vec![0; 8 * 1024];
            while dropped < LINGER_BYTES {
                match tokio::io::AsyncReadExt::read(&mut stream, &mut space).await? {
                    0 => break,
                    count => dropped += count,
                }
            }
            std::io::Result::Ok(())
        };
        // Whether it ended well matters to nobody any more.
        let _ = timeout(LINGER, linger).await;
    }
}

/// Resolves when access has ended; never for what needs none.
async fn ended(entry: Option<&Entry>) {
    match entry {
        Some(entry) => entry.ended().await,
        None => std::future::pending().await,
    }
}
