//! The WebSocket of the gateway's own page.
//!
//! Like the chat page's, with another table of methods: each request is read,
//! judged and written anew. The socket does not outlive its gateway; the page
//! connects again by itself.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{Mutex, watch};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tracing::debug;

use super::control_ui_connect::{in_place_of, without_credentials};
use super::control_ui_methods::permit;
use super::dial::{GatewaySocket, dial};
use super::methods::CONNECT;
use super::peek::{Frame, peek};
use super::pending_requests::RequestRefusal;
use super::request::Request;
use crate::agent::Agent;
use crate::http::websocket::PageSocket;

/// Relays until one side ends; the other one hears the same close code.
pub async fn serve(agent: &Agent, page: PageSocket) {
    let mut choices = agent.settings.watch();
    let (to_page, from_page) = page.split();
    let to_page = Mutex::new(to_page);
    let gateway = match dial(agent.config.gateway.address, "/ws", None).await {
        Ok(gateway) => gateway,
        Err(error) => {
            debug!(
                error = &error as &dyn std::error::Error,
                "no connection for the gateway's page"
            );
            let _ = to_page.lock().await.send(close(1013, "the assistant is restarting")).await;
            return;
        }
    };
    let (to_gateway, from_gateway) = gateway.split();
    let (announce, announced) = watch::channel(None);
    let mut upwards = Upwards { agent, to_page: &to_page, to_gateway, announce };
    let (page_closes, gateway_closes) = tokio::select! {
        ended = upwards.run(from_page) => match ended {
            End::Left(close) => (None, close),
            End::Refused(reason) => (Some(close(1008, reason)), None),
        },
        ended = downwards(from_gateway, &to_page, announced) => (ended, None),
        () = agent.stopping.requested() => (Some(close(1012, "the agent restarts")), None),
        _ = choices.wait_for(|choices| !choices.gateway_page) => {
            (Some(close(1008, "this page was switched off")), None)
        }
    };
    let Upwards { mut to_gateway, .. } = upwards;
    let _ = to_gateway.send(gateway_closes.unwrap_or(Message::Close(None))).await;
    let _ = to_page.lock().await.send(page_closes.unwrap_or(Message::Close(None))).await;
}

type ToPage = Mutex<SplitSink<PageSocket, Message>>;

/// From the page to the gateway.
struct Upwards<'a> {
    agent: &'a Agent,
    to_page: &'a ToPage,
    to_gateway: SplitSink<GatewaySocket, Message>,
    /// The id of the page's `connect`, once it was sent.
    announce: watch::Sender<Option<String>>,
}

enum End {
    /// With the close message that the page sent, if it was polite.
    Left(Option<Message>),
    Refused(&'static str),
}

impl Upwards<'_> {
    async fn run(&mut self, mut page: SplitStream<PageSocket>) -> End {
        while let Some(Ok(message)) = page.next().await {
            match message {
                Message::Text(text) => {
                    if let Err(end) = self.request(&text).await {
                        return end;
                    }
                }
                Message::Close(frame) => return End::Left(Some(Message::Close(frame))),
                Message::Binary(_) => return End::Refused("text only"),
                _ => {}
            }
        }
        End::Left(None)
    }

    async fn request(&mut self, text: &str) -> Result<(), End> {
        let request = Request::parse(text).map_err(|_| End::Refused("not a request"))?;
        let is_connected = self.announce.borrow().is_some();
        let frame = match (is_connected, &*request.method) {
            (false, CONNECT) => {
                let frame = in_place_of(&request, &self.agent.config.gateway.token);
                let frame = frame.map_err(|refused| {
                    debug!("the gateway's page is refused: {refused}");
                    End::Refused("not available here")
                })?;
                self.announce.send_replace(Some(request.id.to_string()));
                frame
            }
            (false, _) => return Err(End::Refused("connect comes first")),
            (true, method) => match permit(method, request.params) {
                Ok(()) => request.to_frame(),
                Err(refused) => return self.refuse(&request, &refused.into()).await,
            },
        };
        self.to_gateway.send(Message::text(frame)).await.map_err(|_| End::Left(None))
    }

    async fn refuse(&self, request: &Request<'_>, refusal: &RequestRefusal) -> Result<(), End> {
        self.agent.metrics.request_refused(refusal.label());
        let reason = self.agent.gateway.borrow().reason;
        let frame = refusal.to_frame(&request.id, &request.method, reason);
        self.to_page.lock().await.send(Message::text(frame)).await.map_err(|_| End::Left(None))
    }
}

/// From the gateway to the page. Returns the close message of a polite gateway.
async fn downwards(
    mut gateway: SplitStream<GatewaySocket>,
    to_page: &ToPage,
    announced: watch::Receiver<Option<String>>,
) -> Option<Message> {
    while let Some(Ok(message)) = gateway.next().await {
        match message {
            Message::Text(text) => {
                let is_hello = is_answer_to(&text, announced.borrow().as_deref());
                let text = if is_hello { without_credentials(&text).into() } else { text };
                to_page.lock().await.send(Message::Text(text)).await.ok()?;
            }
            Message::Close(frame) => return Some(Message::Close(frame)),
            _ => {}
        }
    }
    None
}

fn is_answer_to(text: &Utf8Bytes, connect: Option<&str>) -> bool {
    match (peek(text), connect) {
        (Frame::Response { id }, Some(connect)) => id == connect,
        _ => false,
    }
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}
