//! A connection of the agent's own to the gateway, for what a page may do with
//! other scopes than its own connection has: answering the assistant's questions
//! ([`ANSWERS`]), the changes of the table in `hands`, and what its owner says to the
//! assistant (both [`HANDS`]).
//!
//! It is opened by the first such request of a page and closed with the page's
//! socket, or when it was not needed for a while. Only what the tables give to it
//! is sent here, and of the gateway's events only those about questions come
//! back: the page hears the others on its own connection.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::{debug, info, warn};

use super::client_session::{ClientSession, End, TOO_BIG};
use super::dial::{GatewaySocket, dial_with};
use super::hands::{Completed, HAND_SCOPES, HAND_SCOPES_HEADER, Hand};
use super::hello::{self, Hello};
use super::methods::{OWN_SCOPES, OWN_SCOPES_HEADER};
use super::notice;
use super::order::Order;
use super::owner_rights::{OwnerRights, completion};
use super::peek::{Frame, event_name, is_suspended, peek};
use super::request::{connect_frame_with, frame};

/// A gateway that has not said hello by then has other troubles; the page asks again.
const HELLO_MAX: Duration = Duration::from_secs(15);

/// Loopback takes it less than a second; after that the message goes with the page's rights.
const CONFIGURATION_MAX: Duration = Duration::from_secs(15);

/// About questions.
const EVENTS: &[&str] = &[
    "exec.approval.requested",
    "exec.approval.resolved",
    "question.requested",
    "question.resolved",
];

const CONNECT_ID: &str = "arca-own";

/// The one method that is the owner's.
const CHAT_SEND: &str = "chat.send";

/// What a connection is good for.
pub(super) struct Rights {
    scopes: &'static [&'static str],
    scopes_header: &'static str,
    /// Events that are passed on to the page.
    events: &'static [&'static str],
    /// How long it stays open without a request; `None`: as long as the page.
    idle_max: Option<Duration>,
}

/// Stays as long as the page: a question comes when it comes.
pub(super) const ANSWERS: Rights =
    Rights { scopes: OWN_SCOPES, scopes_header: OWN_SCOPES_HEADER, events: EVENTS, idle_max: None };

/// A connection with every right stands no longer than somebody uses it.
pub(super) const HANDS: Rights = Rights {
    scopes: HAND_SCOPES,
    scopes_header: HAND_SCOPES_HEADER,
    events: &[],
    idle_max: Some(Duration::from_secs(30)),
};

pub(super) struct OwnConnection<'a, S> {
    session: &'a ClientSession<S>,
    rights: &'static Rights,
    orders: mpsc::Receiver<Order>,
    /// By their ids, with what makes the page's answer out of the gateway's.
    waiting: HashMap<Box<str>, Waiting>,
    asked: Option<Asked>,
}

/// What is said to the assistant, while the gateway is asked whether its owner may have said it.
/// Nothing overtakes it.
struct Asked {
    order: Order,
    /// The gateway was sent what its configuration lacks.
    is_completing: bool,
    until: Instant,
}

struct Waiting {
    hand: Option<&'static Hand>,
    /// What is sent next, completed by what comes back first.
    then: Option<Value>,
}

impl<'a, S> OwnConnection<'a, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(
        session: &'a ClientSession<S>,
        rights: &'static Rights,
        orders: mpsc::Receiver<Order>,
    ) -> Self {
        Self { session, rights, orders, waiting: HashMap::new(), asked: None }
    }

    /// Runs for as long as the page is there.
    pub(super) async fn serve(mut self) -> End {
        while let Some(order) = self.orders.recv().await {
            if let Err(end) = self.serve_from(order).await {
                return end;
            }
        }
        // The session, which holds the sender, outlives this.
        std::future::pending().await
    }

    /// From the first request until the connection is lost.
    async fn serve_from(&mut self, first: Order) -> Result<(), End> {
        let Some(mut socket) = self.open().await else {
            return self.session.tell(notice::unavailable(&first.id).into()).await;
        };
        let mut next = Some(first);
        let mut used = Instant::now();
        loop {
            if let Some(order) = next.take() {
                used = Instant::now();
                let frame = self.first_frame(order);
                if !self.send(&mut socket, frame).await {
                    break;
                }
            }
            let idle = until(self.rights.idle_max.map(|max| used + max));
            let unanswered = until(self.asked.as_ref().map(|asked| asked.until));
            tokio::select! {
                order = self.orders.recv(), if self.asked.is_none() => next = order,
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let Some(frame) = self.relay(text).await? else { continue };
                        if !self.send(&mut socket, frame).await {
                            break;
                        }
                    }
                    // Sent again it would be too big again.
                    Some(Ok(Message::Close(Some(CloseFrame { code: CloseCode::Size, .. })))) => {
                        return Err(TOO_BIG);
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
                () = unanswered => {
                    if let Some(Asked { order, .. }) = self.asked.take() {
                        self.withhold(order, "it does not tell its configuration").await?;
                    }
                }
                () = idle, if self.waiting.is_empty() && self.asked.is_none() => {
                    // An error means that it is closed already.
                    let _ = socket.close(None).await;
                    return Ok(());
                }
            }
        }
        debug!(waiting = self.waiting.len(), "lost the agent's own connection to the gateway");
        let asked = self.asked.take().map(|asked| asked.order.id);
        for id in self.waiting.drain().map(|(id, _)| id).chain(asked) {
            self.session.tell(notice::unavailable(&id).into()).await?;
        }
        Ok(())
    }

    /// Not while the gateway is closed for the moment that it takes to ask what runs in it.
    /// Returns whether the connection is still there.
    async fn send(&self, socket: &mut GatewaySocket, frame: String) -> bool {
        let _gate = self.session.agent.awake.gate.read().await;
        socket.send(Message::text(frame)).await.is_ok()
    }

    fn first_frame(&mut self, order: Order) -> String {
        if order.is_owners {
            return self.ask(order);
        }
        let Order { id, frame, hand, then, .. } = order;
        self.waiting.insert(id, Waiting { hand, then });
        frame
    }

    fn ask(&mut self, order: Order) -> String {
        let question = frame(&order.id, "config.get", json!({}));
        let until = Instant::now() + CONFIGURATION_MAX;
        self.asked = Some(Asked { order, is_completing: false, until });
        question
    }

    /// What is sent after this answer.
    async fn told(&mut self, asked: Asked, text: &str) -> Result<Option<String>, End> {
        let Asked { order, is_completing, until } = asked;
        if is_completing {
            // Whatever it says of that: what counts is what it runs with.
            return Ok(Some(self.ask(order)));
        }
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(why) = OwnerRights::read(&answer).withheld().map(str::to_owned) else {
            return Ok(Some(self.first_frame(Order { is_owners: false, ..order })));
        };
        match completion(&answer).filter(|_| self.session.agent.claim_completion()) {
            Some(params) => {
                info!("adding to the gateway's configuration: {why}");
                let patch = frame(&order.id, "config.patch", params);
                self.asked = Some(Asked { order, is_completing: true, until });
                Ok(Some(patch))
            }
            None => self.withhold(order, &why).await.map(|()| None),
        }
    }

    /// Has the page's own connection carry it.
    async fn withhold(&self, order: Order, why: &str) -> Result<(), End> {
        debug!("what is said to the assistant has no more rights than the page: {why}");
        let Order { id, frame, .. } = order;
        let size = frame.len();
        self.session.carry(&id, CHAT_SEND, size, || frame).await.map(drop)
    }

    /// What is to be sent to the gateway because of it.
    async fn relay(&mut self, text: Utf8Bytes) -> Result<Option<String>, End> {
        match peek(&text) {
            Frame::Response { id } if self.asked.as_ref().is_some_and(|it| *it.order.id == *id) => {
                let asked = self.asked.take().expect("just looked at");
                return self.told(asked, &text).await;
            }
            Frame::Response { id } => match self.waiting.remove(&*id) {
                Some(Waiting { hand: Some(hand), then: Some(params) }) => {
                    match hand.complete(params, &text) {
                        Completed::Params(params) => {
                            let next = frame(&id, hand.gateway, params);
                            let waiting = Waiting { hand: Some(hand), then: None };
                            self.waiting.insert((*id).into(), waiting);
                            return Ok(Some(next));
                        }
                        Completed::Full => self.session.tell(notice::full(&id).into()).await,
                        Completed::Unknown => {
                            self.session.tell(hand.answer(&id, &text).into()).await
                        }
                    }
                }
                Some(Waiting { hand: Some(hand), then: None }) => {
                    self.session.tell(hand.answer(&id, &text).into()).await
                }
                Some(Waiting { hand: None, .. }) => {
                    if is_suspended(&text) {
                        self.session.agent.awake.found_closed();
                    }
                    self.session.tell(text).await
                }
                None => Ok(()),
            },
            Frame::Other => {
                let events = self.rights.events;
                let is_for_page = event_name(&text).is_some_and(|name| events.contains(&&*name));
                if is_for_page { self.session.tell(text).await } else { Ok(()) }
            }
        }?;
        Ok(None)
    }

    /// Dials and says hello; `None` when the gateway is not there or will not have it.
    async fn open(&self) -> Option<GatewaySocket> {
        match tokio::time::timeout(HELLO_MAX, self.greeted()).await {
            Ok(Ok(socket)) => Some(socket),
            Ok(Err(reason)) => {
                warn!("no connection of the agent's own to the gateway: {reason}");
                None
            }
            Err(_) => None,
        }
    }

    async fn greeted(&self) -> Result<GatewaySocket, String> {
        let gateway = &self.session.agent.config.gateway;
        let mut socket = dial_with(gateway.address, "/ws", None, self.rights.scopes_header)
            .await
            .map_err(|error| error.to_string())?;
        // What its tools do, a conversation tells the page by itself.
        let connect = connect_frame_with(CONNECT_ID, &gateway.token, self.rights.scopes, &[]);
        socket.send(Message::text(connect)).await.map_err(|error| error.to_string())?;
        loop {
            let message = socket.next().await.ok_or("it closed")?.map_err(|e| e.to_string())?;
            let Message::Text(text) = message else { continue };
            if !matches!(peek(&text), Frame::Response { .. }) {
                continue;
            }
            return match hello::read(&text, self.rights.scopes) {
                Hello::Welcome(_) => Ok(socket),
                Hello::NotYet => Err("it is not ready".to_owned()),
                Hello::Refused(reason) => Err(reason),
            };
        }
    }
}

/// Returns at that time, if there is one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
