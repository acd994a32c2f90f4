//! One connection of a client, from the first byte to the last.
//!
//! Reads a head, asks the request handler what is to be done, and does it: a
//! response of our own, a sprite's, or a tunnel. While the edge drains, the next
//! response says `Connection: close`; a connection that is merely idle is never
//! dropped between the client's requests.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use pingora::time::timeout;
use tokio::io::AsyncWriteExt as _;

use super::entrance::{Entrance, HttpsRedirect};
use super::farewell::Places;
use super::handler::{ForwardRequest, RequestAction, RequestHandler, UpgradeRequest};
use crate::alarm::Alarm;
use crate::client_stream::ClientStream;
use crate::connections::Entry;
use crate::forward::{Forwarder, Switched};
use crate::head::{HeadError, HeadReader, ReadEnd};
use crate::lifecycle::Lifecycle;
use crate::limits::{Limits, Turn};
use crate::observe::labels::{Limit, Outcome, Source};
use crate::observe::{Telemetry, random_request_id};
use crate::proxies::{self, ProxyHeaderError, TrustedProxies};
use crate::respond::{Refusal, Response, ResponseOptions};
use crate::tunnel::Tunnel;

pub(crate) struct ConnectionHandler {
    pub handler: RequestHandler,
    pub limits: Arc<Limits>,
    pub telemetry: Arc<Telemetry>,
    pub forwarder: Forwarder,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) proxies: Arc<TrustedProxies>,
    pub(crate) places: Places,
}

/// What becomes of a client's connection after a response.
pub(super) enum Next {
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
    Refuse(ClientStream, HeadError, HeadReader),
    Upgrade(ClientStream, Box<UpgradeRequest>),
}

impl ConnectionHandler {
    /// One connection, from its first byte to its last. What is rare or short has memory of
    /// its own, or every connection that merely waits would have room for it.
    pub(crate) async fn serve(
        self: Arc<Self>,
        mut stream: ClientStream,
        entrance: Entrance,
        listen: SocketAddr,
    ) {
        let mut admitted = match self.limits.admit() {
            Ok(admitted) => admitted,
            Err(too_many) => return self.refuse_connection(stream, &entrance, too_many).await,
        };
        let is_clients = match self.proxies.find(listen, stream.address()) {
            None => true,
            Some(proxy) if proxy.announces_clients() => {
                let Some(named) = self.announced(&mut stream).await else { return };
                if let Some(client) = named {
                    stream.set_address(client);
                }
                true
            }
            // Whose they are is said by each request.
            Some(proxy) => {
                stream.set_proxy(proxy);
                false
            }
        };
        if is_clients && let Err(too_many) = admitted.of(stream.address()) {
            return self.refuse_connection(stream, &entrance, too_many).await;
        }
        let stream = match &entrance {
            Entrance::Plain => stream,
            Entrance::Tls(acceptor) => {
                let begun = Instant::now();
                let encrypted = Box::pin(stream.encrypted(|tcp| acceptor.accept(tcp))).await;
                self.telemetry.metrics.count_handshake(encrypted.as_ref().err().copied());
                let Ok(mut stream) = encrypted else { return };
                self.telemetry.metrics.handshake_took(begun.elapsed());
                stream.set_hsts(acceptor.hsts().cloned());
                stream
            }
            Entrance::ToHttps(redirect) => {
                return Box::pin(self.send_to_https(stream, redirect)).await;
            }
        };
        if stream.speaks_http2() {
            return Box::pin(self.serve_http2(stream)).await;
        }
        // Each in memory of its own: a conversation needs more than a tunnel, and
        // a tunnel that lives for hours must not hold on to it.
        let alarm = Alarm::default();
        let end = alarm.over(Box::pin(self.converse(&alarm, stream)).as_mut()).await;
        match end {
            ConnectionEnd::Gone => {}
            ConnectionEnd::Reset(stream) => stream.reset(),
            ConnectionEnd::Close(stream) => self.close(stream).await,
            ConnectionEnd::Refuse(stream, HeadError::TooLarge, reader) => {
                self.refuse_overlong(stream, reader.into_bytes()).await;
            }
            ConnectionEnd::Refuse(stream, error, _) => self.refuse_head(stream, error).await,
            ConnectionEnd::Upgrade(stream, request) => self.upgrade(stream, request).await,
        }
    }

    /// The client that a proxy names before anything else, if it names one; `None` when
    /// nothing of what follows can be believed.
    async fn announced(&self, stream: &mut ClientStream) -> Option<Option<IpAddr>> {
        let deadline = self.limits.configured().deadlines.head;
        let (label, error) = match timeout(deadline, proxies::read_header(stream)).await {
            Ok(Ok(client)) => return Some(client),
            Ok(Err(error @ ProxyHeaderError::Malformed)) => ("malformed", error.to_string()),
            Ok(Err(error)) => ("ended", error.to_string()),
            Err(_) => ("timeout", "it did not come in time".to_owned()),
        };
        self.telemetry.metrics.count_proxy_header(label);
        tracing::debug!(proxy = %stream.address(), error, "a PROXY header was refused");
        None
    }

    /// One answer, and the end of the connection: the client goes elsewhere.
    async fn send_to_https(&self, mut stream: ClientStream, redirect: &HttpsRedirect) {
        let deadlines = self.limits.configured().deadlines;
        let mut reader = HeadReader::default();
        let alarm = Alarm::default();
        let head = {
            let head = reader.read_head(&mut stream, true, &deadlines, &alarm);
            alarm.over(pin!(head)).await
        };
        let length = match head {
            Ok(length) => length,
            Err(ReadEnd::Closed) => return,
            Err(ReadEnd::Refused(error)) => return self.refuse_head(stream, error).await,
        };
        let options = ResponseOptions {
            request: random_request_id(),
            page: None,
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
    async fn converse(&self, alarm: &Alarm, mut stream: ClientStream) -> ConnectionEnd {
        let deadlines = self.limits.configured().deadlines;
        let mut reader = HeadReader::default();
        let mut client = self.handler.client(&stream);
        let mut is_first = true;
        loop {
            let length = match reader.read_head(&mut stream, is_first, &deadlines, alarm).await {
                Ok(length) => length,
                Err(ReadEnd::Closed) => return ConnectionEnd::Gone,
                Err(ReadEnd::Refused(error)) => {
                    return ConnectionEnd::Refuse(stream, error, reader);
                }
            };
            is_first = false;
            let (head, more) = reader.bytes().split_at(length);
            let draining = !self.lifecycle.is_serving();
            let next = match self.handler.handle(&mut client, head, !more.is_empty(), draining) {
                Err(error) => return ConnectionEnd::Refuse(stream, error, reader),
                Ok(RequestAction::Upgrade(request)) => {
                    return ConnectionEnd::Upgrade(stream, request);
                }
                Ok(RequestAction::Respond { response, keep_alive, mut record }) => {
                    reader.consume(length);
                    record.answered(Source::Edge, response.status);
                    self.respond(&mut stream, &response, keep_alive).await
                }
                Ok(RequestAction::Forward(request)) => {
                    reader.consume(length);
                    // Memory for as long as the request takes: most connections are idle.
                    Box::pin(self.forward(alarm, &mut stream, &mut reader, *request)).await
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
    pub(super) async fn forward(
        &self,
        alarm: &Alarm,
        stream: &mut ClientStream,
        reader: &mut HeadReader,
        request: ForwardRequest,
    ) -> Next {
        let ForwardRequest { mut upstream, entry, turn, is_stream, mut record, options } = request;
        let Some(_turn) = self.turn(turn).await else {
            self.telemetry.metrics.count_limited(Limit::RequestsInFlight);
            let response =
                Response::refused(Refusal::TooManyRequests, self.handler.site(), options);
            record.answered(Source::Edge, response.status);
            return self.respond(stream, &response, options.keep_alive).await;
        };
        let forward = self.forwarder.forward(alarm, stream, reader, &mut upstream, &mut record);
        let result = tokio::select! {
            biased;
            // First, as it may have ended while the request waited.
            () = ended(entry.as_ref(), alarm) => {
                self.telemetry.metrics.count_revoked_request();
                return self.end_revoked(stream, record, options).await;
            }
            // The client comes back by itself, to another process.
            () = self.leaving(is_stream) => {
                return if stream.must_be_reset() { Next::Drop } else { Next::Close };
            }
            result = forward => result,
        };
        match result {
            Ok(true) => Next::Request,
            Ok(false) => Next::Close,
            Err(error) => self.fail(stream, &error, upstream.kind, record, options).await,
        }
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

    /// Opens a WebSocket and carries it to its end, or says why there is none.
    pub(super) async fn upgrade(&self, mut stream: ClientStream, request: Box<UpgradeRequest>) {
        // In memory of its own: see `serve`.
        let alarm = Alarm::default();
        let opened = alarm.over(Box::pin(self.open(&alarm, &mut stream, *request)).as_mut()).await;
        match opened {
            Ok((tunnel, switched)) => {
                // Straight into its box: a name for it would be room in this future as well.
                let metrics = &self.telemetry.metrics;
                if let Some(stream) = Box::pin(tunnel.run(switched, stream, metrics)).await {
                    self.close(stream).await;
                }
            }
            Err(Next::Drop) => stream.reset(),
            Err(Next::Request | Next::Close) => self.close(stream).await,
        }
    }

    async fn open(
        &self,
        alarm: &Alarm,
        stream: &mut ClientStream,
        request: UpgradeRequest,
    ) -> Result<(Tunnel, Switched), Next> {
        let UpgradeRequest { mut upstream, mut tunnel, options } = request;
        let mut reader = HeadReader::default();
        let record = &mut tunnel.record;
        let upgrade = self.forwarder.upgrade(alarm, stream, &mut reader, &mut upstream, record);
        let result = tokio::select! {
            biased;
            () = tunnel.entry.ended(alarm) => {
                self.telemetry.metrics.count_revoked_socket();
                return Err(self.end_revoked(stream, tunnel.record, options).await);
            }
            result = upgrade => result,
        };
        match result {
            Ok(Some(switched)) => Ok((tunnel, switched)),
            Ok(None) => Err(Next::Close),
            Err(error) => {
                Err(self.fail(stream, &error, upstream.kind, tunnel.record, options).await)
            }
        }
    }

    pub(super) async fn respond(
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
    pub(super) async fn write(&self, stream: &mut ClientStream, response: &Response) -> bool {
        let bytes = response.bytes(stream.hsts().map(|hsts| &**hsts));
        let write = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        matches!(timeout(self.limits.configured().write_timeout, write).await, Ok(Ok(())))
    }

    /// Ends the connection, or the one stream of it, so that what was said last arrives.
    pub(super) async fn close(&self, mut stream: ClientStream) {
        if stream.expects_more() {
            return Box::pin(self.places.linger(stream)).await;
        }
        // An error is an end as well.
        let _ = stream.shutdown().await;
    }
}

/// Resolves when access has ended; never for what needs none.
async fn ended(entry: Option<&Entry>, alarm: &Alarm) {
    match entry {
        Some(entry) => entry.ended(alarm).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_waits_for_hours_needs_little_memory() {
        fn bytes<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = bytes(ConnectionHandler::serve);
        assert!(bytes < 2_048, "{bytes}: what is rare belongs into memory of its own");
    }
}
