//! One connection of a visitor, from the first byte to the last.
//!
//! Reads a head, has it judged, and carries the judgement out: an answer of our
//! own, pingora's proxy, or a tunnel. While the edge shuts down, the next
//! answer says `Connection: close`; a connection that is merely idle is never
//! dropped under a visitor's hands.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use pingora::apps::{HttpServerApp as _, ServerApp};
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use pingora::time::timeout;
use shared::RequestId;
use tokio::io::AsyncWriteExt as _;

use crate::answer::{Answer, Manner};
use crate::decision::Refused;
use crate::exchange::Ledger;
use crate::forward::{ForwardError, Forwarder, Order};
use crate::guard::{Guard, TooMany};
use crate::head::{Body, HeadReader, ReadEnd, Refusal};
use crate::judge::{Judge, Judgement, Passing};
use crate::metrics::{Outcome, Source};
use crate::proxy::{Passage, Proxy, Target, TargetKind};
use crate::tunnel::Tunnel;
use crate::upstream::Resolver;

pub struct FrontDoor {
    pub judge: Judge,
    pub guard: Arc<Guard>,
    pub ledger: Arc<Ledger>,
    pub proxy: Arc<HttpProxy<Proxy>>,
    pub resolver: Arc<Resolver>,
    pub forwarder: Forwarder,
}

/// What becomes of a visitor's connection after an answer.
enum Next {
    Request,
    /// All is said.
    Close,
    /// Something broke off; there is nobody to be polite to.
    Drop,
}

/// How a conversation ends.
enum Farewell {
    Gone,
    Close(Stream),
    Refuse(Stream, Refusal),
    Tunnel(Stream, Box<Tunnel>),
}

#[async_trait]
impl ServerApp for FrontDoor {
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let address = peer_address(&stream);
        let _admitted = match self.guard.admit(address) {
            Ok(admitted) => admitted,
            Err(too_many) => {
                self.turn_away(stream, too_many).await;
                return None;
            }
        };
        // Each in memory of its own: a conversation needs more than a tunnel, and
        // a tunnel that lives for hours must not hold on to it.
        let farewell = Box::pin(self.converse(stream, address, shutdown)).await;
        match farewell {
            Farewell::Gone => {}
            Farewell::Close(stream) => self.close(stream).await,
            Farewell::Refuse(stream, refusal) => self.refuse(stream, refusal).await,
            Farewell::Tunnel(stream, tunnel) => Box::pin(self.tunnel(stream, *tunnel)).await,
        }
        None
    }
}

impl FrontDoor {
    /// Answers one request after the other and says how the connection ends.
    async fn converse(
        &self,
        mut stream: Stream,
        address: IpAddr,
        shutdown: &ShutdownWatch,
    ) -> Farewell {
        let deadlines = self.judge.limits.deadlines;
        let mut reader = HeadReader::default();
        let mut visitor = self.judge.welcome(address);
        let mut is_first = true;
        loop {
            let length = match reader.read_head(&mut *stream, is_first, &deadlines).await {
                Ok(length) => length,
                Err(ReadEnd::Closed) => return Farewell::Gone,
                Err(ReadEnd::Refused(refusal)) => return Farewell::Refuse(stream, refusal),
            };
            is_first = false;
            let (head, more) = reader.bytes().split_at(length);
            let draining = *shutdown.borrow();
            let next = match self.judge.judge(&mut visitor, head, !more.is_empty(), draining) {
                Err(refusal) => return Farewell::Refuse(stream, refusal),
                Ok(Judgement::Tunnel(tunnel)) => return Farewell::Tunnel(stream, tunnel),
                Ok(Judgement::Answer { answer, keep_alive, mut exchange }) => {
                    reader.consume(length);
                    exchange.answered(Source::Edge, answer.status);
                    self.say(&mut stream, &answer, keep_alive).await
                }
                Ok(Judgement::Pass(passing)) if passing.is_plain => {
                    reader.consume(length);
                    self.forward(&mut stream, &mut reader, *passing).await
                }
                Ok(Judgement::Pass(passing)) => {
                    let body = match passing.body {
                        Body::None => reader.take_body(length, 0),
                        Body::Length(limit) => reader.take_body(length, limit),
                        Body::Chunked => reader.take_body(length, u64::MAX),
                    };
                    // Boxed, because pingora's proxy is large and most connections never need it.
                    match Box::pin(self.pass(stream, *passing, &body, shutdown)).await {
                        Some(reused) => stream = reused,
                        None => return Farewell::Gone,
                    }
                    Next::Request
                }
            };
            match next {
                Next::Request => {}
                Next::Close => return Farewell::Close(stream),
                Next::Drop => return Farewell::Gone,
            }
        }
    }

    /// Sends a plain request the short way and brings its answer back.
    async fn forward(
        &self,
        stream: &mut Stream,
        reader: &mut HeadReader,
        passing: Passing,
    ) -> Next {
        let Passing { head, kind, upstream, group, entry, mut exchange, manner, .. } = passing;
        let order = Order {
            head: &head,
            kind,
            upstream: &upstream,
            group,
            request: manner.request,
            head_only: manner.head_only,
            repeatable: passing.repeatable,
            keep_alive: manner.keep_alive,
        };
        let forward = self.forwarder.forward(stream, reader, &order, &mut exchange);
        let result = match &entry {
            None => forward.await,
            Some(entry) => tokio::select! {
                biased;
                result = forward => result,
                () = entry.cut() => {
                    exchange.cut();
                    self.ledger.metrics.count_cut_request();
                    return Next::Drop;
                }
            },
        };
        let error = match result {
            Ok(true) => return Next::Request,
            Ok(false) => return Next::Close,
            Err(ForwardError::Visitor) => {
                exchange.failed(Source::Visitor);
                return Next::Drop;
            }
            Err(error) => error,
        };
        tracing::debug!(request = %manner.request, %error, "a request could not be passed on");
        let (source, refused) = match kind {
            TargetKind::Site => (Source::Site, Refused::SiteUnreachable),
            TargetKind::Sprite if error.is_timeout() => (Source::Sprite, Refused::SpriteTimeout),
            TargetKind::Sprite => (Source::Sprite, Refused::SpriteUnreachable),
        };
        if exchange.has_answer() {
            // Only the end of the connection can tell of a failure in the middle.
            exchange.failed(source);
            return Next::Drop;
        }
        let answer = Answer::refused(refused, self.judge.site(), manner);
        exchange.answered(source, answer.status);
        self.say(stream, &answer, manner.keep_alive).await
    }

    /// Hands a request to pingora. `None` when the connection has ended.
    async fn pass(
        &self,
        mut stream: Stream,
        passing: Passing,
        body: &[u8],
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let Passing { head, kind, upstream, group, entry, mut exchange, manner, .. } = passing;
        let address = match self.resolver.resolve(&upstream).await {
            Ok(address) => address,
            Err(error) => {
                tracing::warn!(request = %manner.request, %error, "no address for a request");
                let (refused, source) = match kind {
                    TargetKind::Sprite => (Refused::SpriteUnreachable, Source::Sprite),
                    TargetKind::Site => (Refused::SiteUnreachable, Source::Site),
                };
                let manner = Manner { keep_alive: false, ..manner };
                let answer = Answer::refused(refused, self.judge.site(), manner);
                exchange.answered(source, answer.status);
                self.write(&mut stream, &answer).await;
                self.close(stream).await;
                return None;
            }
        };
        let cut_flag = exchange.cut_flag();
        let target = Target { kind, upstream, address, group };
        let body_left = self.judge.limits.body_max_bytes;
        let passage = Passage { exchange, target, manner, body_left };
        let mut request = BytesMut::with_capacity(head.len() + body.len());
        request.extend_from_slice(&head);
        request.extend_from_slice(body);
        let mut session = ServerSession::new_http1(stream);
        session.set_pipelined_prefix(request);
        session.set_write_timeout(Some(self.judge.limits.write_timeout));
        session.set_connection_user_context(Some(Box::new(passage)));
        let process = self.proxy.process_new_http(session, shutdown);
        let reused = match &entry {
            None => process.await,
            Some(entry) => tokio::select! {
                biased;
                reused = process => reused,
                () = entry.cut() => {
                    // Dropping the request closes both of its connections.
                    cut_flag.store(true, Ordering::Relaxed);
                    self.ledger.metrics.count_cut_request();
                    None
                }
            },
        };
        reused.map(|reused| reused.consume().0)
    }

    async fn tunnel(&self, mut stream: Stream, tunnel: Tunnel) {
        match tunnel.open(&self.forwarder.dialler).await {
            Ok(open) => stream = open.run(stream, &self.ledger.metrics).await,
            Err((refused, mut exchange)) => {
                if refused == Refused::AccessEnded {
                    self.ledger.metrics.count_cut_socket();
                }
                let request = exchange.request();
                let manner = Manner { request, page: false, keep_alive: false, head_only: false };
                let answer = Answer::refused(refused, self.judge.site(), manner);
                exchange.answered(Source::Sprite, answer.status);
                self.write(&mut stream, &answer).await;
            }
        }
        self.close(stream).await;
    }

    /// Answers a head that cannot be trusted, and ends: where the next request
    /// would begin is anyone's guess.
    async fn refuse(&self, mut stream: Stream, refusal: Refusal) {
        self.ledger.metrics.count_refusal(refusal);
        let answer = Answer::malformed(refusal, random_request_id());
        self.write(&mut stream, &answer).await;
        self.close(stream).await;
    }

    /// Costs as little as can be: this happens when there is too little of everything.
    async fn turn_away(&self, mut stream: Stream, too_many: TooMany) {
        self.ledger.metrics.connections_refused.inc();
        self.ledger.metrics.count(Source::Edge, Outcome::Refused);
        if too_many == TooMany::InAll {
            return;
        }
        let manner = Manner {
            request: random_request_id(),
            page: false,
            keep_alive: false,
            head_only: false,
        };
        let answer = Answer::refused(Refused::TooManyConnections, self.judge.site(), manner);
        self.write(&mut stream, &answer).await;
    }

    async fn say(&self, stream: &mut Stream, answer: &Answer, keep_alive: bool) -> Next {
        match self.write(stream, answer).await {
            true if keep_alive => Next::Request,
            true => Next::Close,
            false => Next::Drop,
        }
    }

    /// `false` when the visitor did not take it in time.
    async fn write(&self, stream: &mut Stream, answer: &Answer) -> bool {
        let write = async {
            stream.write_all(&answer.bytes()).await?;
            stream.flush().await
        };
        matches!(timeout(self.judge.limits.write_timeout, write).await, Ok(Ok(())))
    }

    /// Says that nothing more comes, and reads on for a moment: closing with
    /// unread bytes would reset the connection and destroy the answer with it.
    async fn close(&self, mut stream: Stream) {
        const LINGER: Duration = Duration::from_secs(1);
        const LINGER_BYTES: usize = 256 * 1024;
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

/// From a generator that is fast rather than secret: these ids only tell requests apart.
pub(crate) fn random_request_id() -> RequestId {
    RequestId::from_bits(fastrand::u128(..))
}

fn peer_address(stream: &Stream) -> IpAddr {
    stream
        .get_socket_digest()
        .and_then(|digest| digest.peer_addr().and_then(|address| address.as_inet().copied()))
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip().to_canonical())
}
