//! A page's side of `/ws`.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::running::{ORIGIN, identity};
use crate::waiting::soon;

pub(crate) struct Page {
    socket: WebSocketStream<TcpStream>,
    last_id: u32,
}

impl Page {
    pub(crate) async fn open(agent: SocketAddr) -> Self {
        Self::try_open(agent, "/ws", &[("x-arca-identity", &identity()), ("origin", ORIGIN)])
            .await
            .unwrap_or_else(|status| panic!("the upgrade was answered with {status}"))
    }

    /// Opens and greets; the next request may be a `chat.send`.
    pub(crate) async fn connected(agent: SocketAddr) -> Self {
        let mut page = Self::open(agent).await;
        page.greet().await;
        page
    }

    /// # Errors
    /// The status of a refused upgrade.
    pub(crate) async fn try_open(
        agent: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{agent}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(agent).await.unwrap();
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Self { socket, last_id: 0 }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits for the challenge, connects, and returns the hello.
    pub(crate) async fn greet(&mut self) -> Value {
        self.event("connect.challenge").await;
        let id = self.send("connect", &json!({})).await;
        let hello = self.answer(&id).await;
        assert_eq!(hello["ok"], true, "{hello}");
        hello
    }

    /// Sends a request and returns its id.
    pub(crate) async fn send(&mut self, method: &str, params: &Value) -> String {
        self.last_id += 1;
        let id = self.last_id.to_string();
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.send_text(&frame.to_string()).await;
        id
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        // A socket that is closed meanwhile shows when it is read.
        let _ = self.socket.send(Message::text(text)).await;
    }

    pub(crate) async fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(&id).await
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match soon("a frame", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("the socket ended with {other:?}"),
            }
        }
    }

    /// The payload of the next event of this name; what comes before is passed over.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["event"] == name {
                return frame["payload"].clone();
            }
        }
    }

    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == "res" && frame["id"] == id {
                return frame;
            }
        }
    }

    /// The code with which the other side closes.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match soon("the close", self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("the socket ended with {other:?}"),
            }
        }
    }
}
