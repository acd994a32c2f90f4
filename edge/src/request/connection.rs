//! One connection of a visitor, from the first byte to the last.
//!
//! Reads a head, has it judged, and carries the judgement out: an answer of our
//! own, a sprite's, or a tunnel. While the edge shuts down, the next
//! answer says `Connection: close`; a connection that is merely idle is never
//! dropped under a visitor's hands.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::apps::ServerApp;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;
use pingora::time::timeout;
use shared::RequestId;
use tokio::io::AsyncWriteExt as _;

use crate::forward::{ForwardError, Forwarder, Order, TargetKind};
use crate::head::{HeadReader, ReadEnd, Refusal};
use crate::limits::counters::{Guard, TooMany};
use crate::observe::metrics::{Outcome, Source};
use crate::observe::telemetry::Ledger;
use crate::request::decision::Refused;
use crate::request::handler::{Judge, Judgement, Passing};
use crate::respond::response::{Answer, Manner};
use crate::tunnel::Tunnel;

pub struct FrontDoor {
    pub judge: Judge,
    pub guard: Arc<Guard>,
    pub ledger: Arc<Ledger>,
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
        // A task of its own: the one that pingora accepts with has room for what a TLS
        // handshake needs, 9 KiB, and would hold it as long as the connection lives.
        tokio::spawn(Arc::clone(self).serve(stream, shutdown.clone()));
        None
    }
}

impl FrontDoor {
    /// One connection, from its first byte to its last.
    async fn serve(self: Arc<Self>, stream: Stream, shutdown: ShutdownWatch) {
        let address = peer_address(&stream);
        let _admitted = match self.guard.admit(address) {
            Ok(admitted) => admitted,
            Err(too_many) => return self.turn_away(stream, too_many).await,
        };
        // Each in memory of its own: a conversation needs more than a tunnel, and
        // a tunnel that lives for hours must not hold on to it.
        let farewell = Box::pin(self.converse(stream, address, &shutdown)).await;
        match farewell {
            Farewell::Gone => {}
            Farewell::Close(stream) => self.close(stream).await,
            Farewell::Refuse(stream, refusal) => self.refuse(stream, refusal).await,
            Farewell::Tunnel(stream, tunnel) => Box::pin(self.tunnel(stream, *tunnel)).await,
        }
    }

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
                Ok(Judgement::Pass(passing)) => {
                    reader.consume(length);
                    self.forward(&mut stream, &mut reader, *passing).await
                }
            };
            match next {
                Next::Request => {}
                Next::Close => return Farewell::Close(stream),
                Next::Drop => return Farewell::Gone,
            }
        }
    }

    /// Sends a request on and brings its answer back.
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
            body: passing.body,
            head_only: manner.head_only,
            repeatable: passing.repeatable,
            keep_alive: passing.keep_alive,
            knows_chunks: passing.knows_chunks,
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
        let source = match error {
            ForwardError::Body(_) | ForwardError::TooLarge => Source::Visitor,
            _ => kind.source(),
        };
        if exchange.has_answer() {
            // Only the end of the connection can tell of a failure in the middle.
            exchange.failed(source);
            return Next::Drop;
        }
        let answer = self.failure(&error, kind, manner);
        exchange.answered(source, answer.status);
        self.say(stream, &answer, manner.keep_alive).await
    }

    /// The answer in place of one that cannot be brought back.
    fn failure(&self, error: &ForwardError, kind: TargetKind, manner: Manner) -> Answer {
        let refused = match (error, kind) {
            (ForwardError::Body(_), _) => {
                self.ledger.metrics.count_refusal(Refusal::Chunk);
                return Answer::malformed(Refusal::Chunk, manner.request);
            }
            (ForwardError::TooLarge, _) => Refused::BodyTooLarge,
            (_, TargetKind::Site) => Refused::SiteUnreachable,
            (_, TargetKind::Sprite) if error.is_timeout() => Refused::SpriteTimeout,
            (_, TargetKind::Sprite) => Refused::SpriteUnreachable,
        };
        Answer::refused(refused, self.judge.site(), manner)
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
        self.ledger.metrics.count(Source::Visitor, Outcome::Refused);
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
