//! The agent's own connection to the gateway: what a page would find, tried
//! without one.
//!
//! `/readyz` is true of a gateway that accepts nobody. So the agent connects as
//! its pages do and keeps that one connection, on which it asks again once a
//! minute.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use shared::Secret;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use tracing::debug;

use crate::gateway::dial::{GatewaySocket, dial_with};
use crate::gateway::hello::{self, Hello};
use crate::gateway::methods::{SCOPES, SCOPES_HEADER};
use crate::gateway::owner_rights::OwnerRights;
use crate::gateway::peek::{Frame, event_name, peek};
use crate::gateway::request::{connect_frame, frame};

/// For the hello, and for each answer after it. The real gateway takes up to some seconds
/// under load, and gives a client as long to send its `connect`.
pub const ANSWER_MAX: Duration = Duration::from_secs(15);

const CONNECT_ID: &str = "health";

/// Closed when it is dropped.
pub struct HealthConnection {
    asks: mpsc::Sender<Ask>,
    /// Counts events that tell of work.
    activity: watch::Receiver<u64>,
    task: AbortHandle,
    /// The gateway's version, by its own word.
    pub version: Option<String>,
    /// Every method that it names; some kilobytes.
    pub methods: Vec<String>,
}

/// Events that come when the assistant does something, or the gateway was closed.
const ACTIVITY: &[&str] = &["agent", "chat", "cron", "gateway.suspension", "task"];

/// A method, its parameters, and who waits for the answer.
type Ask = (&'static str, Value, oneshot::Sender<Value>);

/// What is asked for in `connect`, and the same for the header that caps it.
pub type Scopes = (&'static [&'static str], &'static str);

/// Why there is no connection.
#[derive(Debug, PartialEq, Eq)]
pub enum NoConnection {
    /// It starts or stops.
    NotYet,
    /// It does not accept us; its reason.
    Refused(String),
    /// It says nothing, or breaks off.
    Silent,
}

impl HealthConnection {
    /// # Errors
    /// All are ordinary for a gateway that is not well.
    pub async fn open(address: SocketAddr, token: &Secret<String>) -> Result<Self, NoConnection> {
        Self::open_with(address, token, (SCOPES, SCOPES_HEADER)).await
    }

    /// With other rights than a page has.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(
        address: SocketAddr,
        token: &Secret<String>,
        scopes: Scopes,
    ) -> Result<Self, NoConnection> {
        let greeting = tokio::time::timeout(ANSWER_MAX, greet(address, token, scopes)).await;
        let (socket, Welcome { version, methods }) =
            greeting.unwrap_or(Err(NoConnection::Silent))?;
        let (asks, asked) = mpsc::channel(1);
        let (worked, activity) = watch::channel(0);
        let task = tokio::spawn(keep(socket, asked, worked)).abort_handle();
        Ok(Self { asks, activity, task, version, methods })
    }

    /// Whether its owner's assistant may plan, by its configuration; `None`: it does not answer.
    pub async fn owner_rights(&self) -> Option<OwnerRights> {
        let answer = self.ask("config.get", serde_json::json!({})).await?;
        Some(OwnerRights::read(&answer))
    }

    /// The whole answer to one request; `None` when there is none in time.
    pub async fn ask(&self, method: &'static str, params: Value) -> Option<Value> {
        let (answer, answered) = oneshot::channel();
        self.asks.send((method, params, answer)).await.ok()?;
        tokio::time::timeout(ANSWER_MAX, answered).await.ok()?.ok()
    }

    /// Changes when the gateway tells of work; ends with the connection.
    pub fn activity(&self) -> watch::Receiver<u64> {
        self.activity.clone()
    }

    /// Has the gateway closed it?
    pub fn is_closed(&self) -> bool {
        self.asks.is_closed()
    }
}

impl Drop for HealthConnection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn greet(
    address: SocketAddr,
    token: &Secret<String>,
    (scopes, header): Scopes,
) -> Result<(GatewaySocket, Welcome), NoConnection> {
    let mut socket = dial_with(address, "/ws", None, header).await.map_err(|error| {
        debug!(error = &error as &dyn std::error::Error, "no connection of the agent's own");
        NoConnection::Silent
    })?;
    let mut is_asked = false;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        match peek(&text) {
            Frame::Response { id } if id == CONNECT_ID => {
                return match hello::read(&text, scopes) {
                    Hello::Welcome(_) => Ok((socket, welcome(&text))),
                    Hello::NotYet => Err(NoConnection::NotYet),
                    Hello::Refused(reason) => Err(NoConnection::Refused(reason)),
                };
            }
            // The challenge comes first.
            Frame::Other if !is_asked => {
                is_asked = true;
                let connect = connect_frame(CONNECT_ID, token, scopes);
                if socket.send(Message::text(connect)).await.is_err() {
                    break;
                }
            }
            Frame::Response { .. } | Frame::Other => {}
        }
    }
    Err(NoConnection::Silent)
}

/// What a gateway says of itself.
struct Welcome {
    version: Option<String>,
    methods: Vec<String>,
}

fn welcome(hello: &str) -> Welcome {
    let hello: Value = serde_json::from_str(hello).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let methods = hello["payload"]["features"]["methods"].as_array();
    Welcome {
        version: text(&hello["payload"]["server"]["version"]),
        methods: methods.into_iter().flatten().filter_map(text).collect(),
    }
}

/// Reads whatever comes, so that the gateway's pings are answered and its events do not
/// pile up, and asks when it is asked to.
async fn keep(
    mut socket: GatewaySocket,
    mut asked: mpsc::Receiver<Ask>,
    worked: watch::Sender<u64>,
) {
    let mut waiting: Option<(String, oneshot::Sender<Value>)> = None;
    let mut number = 0_u64;
    loop {
        tokio::select! {
            ask = asked.recv() => {
                let Some((method, params, answer)) = ask else { return };
                number += 1;
                let id = format!("{CONNECT_ID}-{number}");
                if socket.send(Message::text(frame(&id, method, params))).await.is_err() {
                    return;
                }
                waiting = Some((id, answer));
            }
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                let Message::Text(text) = message else { continue };
                match peek(&text) {
                    Frame::Response { id } => {
                        if let Some((_, answer)) = waiting.take_if(|(asked, _)| *asked == id) {
                            // Whoever asked may have waited long enough.
                            let _ = answer.send(serde_json::from_str(&text).unwrap_or_default());
                        }
                    }
                    Frame::Other => {
                        let name = event_name(&text);
                        if name.is_some_and(|name| ACTIVITY.contains(&&*name)) {
                            worked.send_modify(|count| *count = count.wrapping_add(1));
                        }
                    }
                }
            }
        }
    }
}
