//! One page's WebSocket, from the upgrade to the close.
//!
//! These loops run side by side: [`ClientSession`] checks and forwards the page's
//! requests, [`GatewayConnection`] dials the gateway, forwards its frames and dials
//! again after a loss, and two [`OwnConnection`]s carry what needs other scopes. Each loop sends a
//! frame before it reads the next, so that a slow reader slows its writer down.

use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;

use super::client_session::{AGENT_STOPS, ClientSession, Orders};
use super::gateway_connection::GatewayConnection;
use super::order::ORDERS_MAX;
use super::own_connection::{ANSWERS, HANDS, OwnConnection};
use crate::agent::Agent;
use crate::http::progress::Watched;

/// Runs until the page is gone or the agent stops. The caller has checked the identity.
pub async fn serve<S>(agent: Arc<Agent>, socket: WebSocketStream<Watched<S>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stopping = agent.stopping.clone();
    let progress = socket.get_ref().progress();
    let (page, mut from_page) = socket.split();
    let (answers, to_answer) = mpsc::channel(ORDERS_MAX);
    let (hands, to_change) = mpsc::channel(ORDERS_MAX);
    let session = ClientSession::new(agent, page, progress, Orders { answers, hands });
    let end = tokio::select! {
        end = session.serve_page(&mut from_page) => end,
        end = GatewayConnection::new(&session).serve() => end,
        end = OwnConnection::new(&session, &ANSWERS, to_answer).serve() => end,
        end = OwnConnection::new(&session, &HANDS, to_change).serve() => end,
        end = session.keep_alive() => end,
        () = stopping.requested() => AGENT_STOPS,
    };
    session.finish(end, from_page).await;
}
