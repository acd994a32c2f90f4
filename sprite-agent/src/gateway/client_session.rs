//! The page's side of its socket: checks and forwards requests, pings, closes.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use shared::identity::{IdentityKey, TELEGRAM_PATH};
use shared::process::time::unix_millis;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::dial::GatewaySocket;
use super::hands::{Hand, Hook, Refused, Workspace};
use super::methods::{self, CONNECT, Carrier, SCOPES};
use super::notice;
use super::order::{ORDER_LARGE_BYTES, ORDERS_MAX, Order};
use super::pending_requests::{Admission, PendingRequests, RequestRefusal};
use super::request::{Request, connect_frame, frame};
use crate::agent::Agent;
use crate::gateway_status::Phase;
use crate::http::progress::Progress;
use crate::metrics::Direction;

/// Below the 60 s after which proxies and mobile networks forget a silent connection.
const PING_EVERY: Duration = Duration::from_secs(25);

/// Longer than two pings and their answers take: a page from which no byte came is gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// A page that has taken nothing of a frame for this long is not going to.
const WRITE_MAX: Duration = Duration::from_secs(60);

/// How long the closing handshake may take.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// How long the first request of a page waits for the connection that is being opened
/// for it; on loopback that takes less than a millisecond.
const DIAL_MAX: Duration = Duration::from_secs(2);

pub(super) struct ClientSession<S> {
    pub(super) agent: Arc<Agent>,
    page: tokio::sync::Mutex<SplitSink<WebSocketStream<S>, Message>>,
    pub(super) gateway: tokio::sync::Mutex<Option<SplitSink<GatewaySocket, Message>>>,
    requests: Mutex<PendingRequests>,
    /// There is a connection to the gateway, as yet without a `connect`.
    dialled: Notify,
    progress: Progress,
    orders: Orders,
}

/// The ways to the agent's own connections of this page.
pub(super) struct Orders {
    /// For answers to the assistant's questions.
    pub(super) answers: mpsc::Sender<Order>,
    /// For what needs every right.
    pub(super) hands: mpsc::Sender<Order>,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The page closed, or its connection broke.
    Left,
    /// The agent closes, and says why.
    Close { code: u16, reason: &'static str },
}

pub(super) const TOO_BIG: End = End::Close { code: 1009, reason: "message too big" };
const MALFORMED: End = End::Close { code: 1008, reason: "not a request" };
const BAD_FRAME: End = End::Close { code: 1002, reason: "protocol error" };
const BAD_TEXT: End = End::Close { code: 1007, reason: "not UTF-8" };
const NOT_TEXT: End = End::Close { code: 1003, reason: "text only" };
pub(super) const AGENT_STOPS: End = End::Close { code: 1012, reason: "the agent restarts" };

impl<S> ClientSession<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(
        agent: Arc<Agent>,
        page: SplitSink<WebSocketStream<S>, Message>,
        progress: Progress,
        orders: Orders,
    ) -> Self {
        Self {
            agent,
            page: tokio::sync::Mutex::new(page),
            gateway: tokio::sync::Mutex::new(None),
            requests: Mutex::default(),
            dialled: Notify::new(),
            progress,
            orders,
        }
    }

    pub(super) async fn serve_page(&self, page: &mut SplitStream<WebSocketStream<S>>) -> End {
        loop {
            let read = tokio::select! {
                read = page.next() => read,
                () = self.progress.silent(SILENCE_MAX) => return End::Left,
            };
            let message = match read {
                Some(Ok(message)) => message,
                Some(Err(Error::Capacity(_))) => return TOO_BIG,
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {
                    return End::Left;
                }
                Some(Err(Error::Protocol(_))) => return BAD_FRAME,
                Some(Err(Error::Utf8(_))) => return BAD_TEXT,
                Some(Err(_)) | None => return End::Left,
            };
            match message {
                Message::Text(text) => {
                    if let Err(end) = self.request(&text).await {
                        return end;
                    }
                }
                Message::Binary(_) => return NOT_TEXT,
                Message::Close(_) => {
                    // The next read sends the answer, which repeats the page's code.
                    let _ = tokio::time::timeout(CLOSE_MAX, page.next()).await;
                    return End::Left;
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn request(&self, text: &str) -> Result<(), End> {
        let arrived = Instant::now();
        let request = Request::parse(text).map_err(|_| MALFORMED)?;
        if let Some(hand) = Hand::find(&request.method) {
            return self.change(&request, hand).await;
        }
        if request.method == CONNECT {
            self.until_dialled().await;
        } else {
            match methods::permit(&request.method, request.params) {
                Ok(Carrier::Page) => {}
                Ok(Carrier::Own) => {
                    return self.order(&request, false, &self.orders.answers).await;
                }
                Ok(carrier @ (Carrier::Owner | Carrier::Stop)) => {
                    let admission = self.requests().admit_elsewhere(text.len());
                    match admission {
                        Admission::Forward | Admission::Connect => {}
                        Admission::TooBig => return Err(TOO_BIG),
                        Admission::Refuse(refusal) => {
                            return self.refuse(&request.id, &request.method, &refusal).await;
                        }
                    }
                    let is_owners = carrier == Carrier::Owner;
                    self.order(&request, is_owners, &self.orders.hands).await?;
                    let metrics = &self.agent.metrics;
                    metrics.relayed(Direction::ToGateway, text.len(), arrived.elapsed());
                    return Ok(());
                }
                Err(refused) => {
                    return self.refuse(&request.id, &request.method, &refused.into()).await;
                }
            }
        }
        let sent = self.carry(&request.id, &request.method, text.len(), || request.to_frame());
        if let Some(size) = sent.await? {
            self.agent.metrics.relayed(Direction::ToGateway, size, arrived.elapsed());
        }
        Ok(())
    }

    /// Sends a request of `size` bytes on the page's own connection. Returns what was sent of it;
    /// `None`: the page has been told why not.
    pub(super) async fn carry(
        &self,
        id: &str,
        method: &str,
        size: usize,
        frame: impl FnOnce() -> String,
    ) -> Result<Option<usize>, End> {
        let _gate = self.agent.awake.gate.read().await;
        // Held until the frame is sent: a loss cannot come between the admission and the frame.
        let mut gateway = self.gateway.lock().await;
        let admission = self.requests().admit(id, method, size);
        let frame = match admission {
            Admission::Forward => frame(),
            Admission::Connect => connect_frame(id, &self.agent.config.gateway.token, SCOPES),
            Admission::TooBig => return Err(TOO_BIG),
            Admission::Refuse(refusal) => {
                drop(gateway);
                return self.refuse(id, method, &refusal).await.map(|()| None);
            }
        };
        let size = frame.len();
        let is_sent = match gateway.as_mut() {
            Some(gateway) => gateway.send(Message::text(frame)).await.is_ok(),
            None => false,
        };
        drop(gateway);
        if !is_sent && self.requests().withdraw(id) {
            self.tell(notice::unavailable(id).into()).await?;
        }
        Ok(is_sent.then_some(size))
    }

    /// A page may speak first, without waiting for the gateway's challenge: then its
    /// `connect` is here before the connection that it is meant for.
    async fn until_dialled(&self) {
        let mut dialled = pin!(self.dialled.notified());
        dialled.as_mut().enable();
        let is_ready = self.agent.gateway.borrow().phase == Phase::Ready;
        if is_ready && self.requests().is_down() {
            // Without one, the refusal says that there is none.
            let _ = tokio::time::timeout(DIAL_MAX, dialled).await;
        }
    }

    /// `connect` may be sent from now on.
    pub(super) fn has_dialled(&self) {
        self.requests().dialled();
        self.dialled.notify_waiters();
    }

    /// Hands a request to one of the agent's own connections, which answers it.
    async fn order(
        &self,
        request: &Request<'_>,
        is_owners: bool,
        orders: &mpsc::Sender<Order>,
    ) -> Result<(), End> {
        let (id, frame) = ((*request.id).into(), request.to_frame());
        let order = Order { id, frame, is_owners, hand: None, then: None };
        let taken = if order.frame.len() > ORDER_LARGE_BYTES {
            // It waits alone, as each may be as large as a frame may be.
            let places = orders.reserve_many(ORDERS_MAX).await;
            places.ok().and_then(|mut places| places.next()).map(|place| place.send(order))
        } else {
            orders.try_send(order).ok()
        };
        match taken {
            Some(()) => Ok(()),
            None => self.refuse(&request.id, &request.method, &RequestRefusal::TooMany).await,
        }
    }

    /// The same for a method of the agent's own, whose request is another at the gateway.
    async fn change(&self, request: &Request<'_>, hand: &'static Hand) -> Result<(), End> {
        let params = match self.arguments(request, hand) {
            Ok(params) => params,
            Err(refused) => {
                let refusal = RequestRefusal::Argument(refused);
                return self.refuse(&request.id, &request.method, &refusal).await;
            }
        };
        if let Err(wait) = self.agent.claim_change() {
            let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let refusal = RequestRefusal::TooFast { retry_after_ms };
            return self.refuse(&request.id, &request.method, &refusal).await;
        }
        let (frame, then) = match hand.asks_before() {
            Some((method, asked)) => (frame(&request.id, method, asked), Some(params)),
            None => (frame(&request.id, hand.gateway, params), None),
        };
        let id = (*request.id).into();
        let order = Order { id, frame, is_owners: false, hand: Some(hand), then };
        match self.orders.hands.try_send(order) {
            Ok(()) => Ok(()),
            Err(_) => self.refuse(&request.id, &request.method, &RequestRefusal::TooMany).await,
        }
    }

    fn arguments(&self, request: &Request<'_>, hand: &Hand) -> Result<Value, Refused> {
        let config = &self.agent.config;
        // The newest: what is signed by an older key ends with that key.
        let secret = self.agent.identity_keys.borrow().last().map(IdentityKey::telegram_secret);
        let workspace = Workspace {
            skills: &config.skills,
            telegram: Hook {
                url: &format!("{}{TELEGRAM_PATH}", config.public_url),
                secret: &secret.unwrap_or_default(),
                port: config.gateway.telegram.port(),
            },
            now_ms: unix_millis(),
        };
        hand.arguments(request.params, &workspace)
    }

    async fn refuse(&self, id: &str, method: &str, refusal: &RequestRefusal) -> Result<(), End> {
        self.agent.metrics.request_refused(refusal.label());
        let reason = self.agent.gateway.borrow().reason;
        self.tell(refusal.to_frame(id, method, reason).into()).await
    }

    pub(super) async fn keep_alive(&self) -> End {
        loop {
            tokio::time::sleep(PING_EVERY).await;
            if let Err(end) = self.send(Message::Ping(bytes::Bytes::new())).await {
                return end;
            }
        }
    }

    /// Sends a text frame to the page, in its turn.
    pub(super) async fn tell(&self, frame: Utf8Bytes) -> Result<(), End> {
        self.send(Message::Text(frame)).await
    }

    async fn send(&self, message: Message) -> Result<(), End> {
        let write = async { self.page.lock().await.send(message).await };
        tokio::select! {
            written = write => written.map_err(|_| End::Left),
            () = self.progress.stuck(tokio::time::Instant::now(), WRITE_MAX) => Err(End::Left),
        }
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, PendingRequests> {
        self.requests.lock().expect("no code panics while it holds the lock")
    }

    /// Closes both sockets politely, within [`CLOSE_MAX`].
    pub(super) async fn finish(self, end: End, from_page: SplitStream<WebSocketStream<S>>) {
        let Self { page, gateway, .. } = self;
        let close_gateway = async {
            if let Some(mut gateway) = gateway.into_inner() {
                // An error means that it is closed already.
                let _ = gateway.close().await;
            }
        };
        let close_page = async {
            let page = from_page.reunite(page.into_inner()).expect("two halves of one socket");
            if let End::Close { code, reason } = end {
                let _ = say_goodbye(page, code, reason).await;
            }
        };
        let both = async { tokio::join!(close_gateway, close_page) };
        let _ = tokio::time::timeout(CLOSE_MAX, both).await;
    }
}

async fn say_goodbye<S>(
    mut page: WebSocketStream<S>,
    code: u16,
    reason: &'static str,
) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    page.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })).await?;
    let mut stream = page.into_inner();
    stream.shutdown().await?;
    // What the page was still sending is read: the reset that would answer it otherwise
    // overtakes the close frame, and the page would not learn the reason.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}
