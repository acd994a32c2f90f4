//! The agent's own connection to the gateway, for what a page may do with more
//! scopes than its own connection has: answering the assistant's questions.
//!
//! It is opened by the first such request of a page and lives as long as the
//! page's socket. Only the methods that the table gives to it are sent here,
//! and of the gateway's events only those about questions come back: the page
//! hears the others on its own connection.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::{debug, warn};

use super::client_session::{ClientSession, End};
use super::dial::{GatewaySocket, dial_with};
use super::hello::{self, Hello};
use super::methods::{OWN_SCOPES, OWN_SCOPES_HEADER};
use super::notice;
use super::order::Order;
use super::peek::{Frame, event_name, peek};
use super::request::connect_frame;

/// A gateway that has not said hello by then has other troubles; the page asks again.
const HELLO_MAX: Duration = Duration::from_secs(15);

/// Events that are passed on to the page.
const EVENTS: &[&str] = &[
    "exec.approval.requested",
    "exec.approval.resolved",
    "question.requested",
    "question.resolved",
];

const CONNECT_ID: &str = "arca-own";

pub(super) struct OwnConnection<'a, S> {
    session: &'a ClientSession<S>,
    orders: mpsc::Receiver<Order>,
    waiting: HashSet<Box<str>>,
}

impl<'a, S> OwnConnection<'a, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(session: &'a ClientSession<S>, orders: mpsc::Receiver<Order>) -> Self {
        Self { session, orders, waiting: HashSet::new() }
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
        loop {
            if let Some(order) = next.take() {
                self.waiting.insert(order.id);
                if socket.send(Message::text(order.frame)).await.is_err() {
                    break;
                }
            }
            tokio::select! {
                order = self.orders.recv() => next = order,
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.relay(text).await?,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        debug!(waiting = self.waiting.len(), "lost the agent's own connection to the gateway");
        for id in self.waiting.drain() {
            self.session.tell(notice::unavailable(&id).into()).await?;
        }
        Ok(())
    }

    async fn relay(&mut self, text: Utf8Bytes) -> Result<(), End> {
        let is_for_page = match peek(&text) {
            Frame::Response { id } => self.waiting.remove(&*id),
            Frame::Other => event_name(&text).is_some_and(|name| EVENTS.contains(&&*name)),
        };
        if is_for_page { self.session.tell(text).await } else { Ok(()) }
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
        let mut socket = dial_with(gateway.address, "/ws", None, OWN_SCOPES_HEADER)
            .await
            .map_err(|error| error.to_string())?;
        let connect = connect_frame(CONNECT_ID, &gateway.token, OWN_SCOPES);
        socket.send(Message::text(connect)).await.map_err(|error| error.to_string())?;
        loop {
            let message = socket.next().await.ok_or("it closed")?.map_err(|e| e.to_string())?;
            let Message::Text(text) = message else { continue };
            if !matches!(peek(&text), Frame::Response { .. }) {
                continue;
            }
            return match hello::read(&text, OWN_SCOPES) {
                Hello::Welcome(_) => Ok(socket),
                Hello::NotYet => Err("it is not ready".to_owned()),
                Hello::Refused(reason) => Err(reason),
            };
        }
    }
}
