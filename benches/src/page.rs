//! The chat page as the gateway sees it, straight or through an agent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::{WebSocketStream, client_async};

pub struct Page {
    socket: WebSocketStream<TcpStream>,
    requests: u64,
}

impl Page {
    /// Opens `/ws` with these headers and waits until the gateway has welcomed it.
    ///
    /// # Errors
    /// When the upgrade or the welcome is refused.
    pub async fn open(
        address: SocketAddr,
        headers: &[(&'static str, String)],
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/ws").into_client_request()?;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let (socket, _) = client_async(request, stream).await.context("upgrading")?;
        let mut page = Self { socket, requests: 0 };
        page.next_frame(|frame| frame["event"] == "connect.challenge").await?;
        page.ask("connect").await?;
        Ok(page)
    }

    /// Sends a request and waits for its answer; says how long that took.
    ///
    /// # Errors
    /// When the answer is no, or none comes.
    pub async fn ask(&mut self, method: &str) -> anyhow::Result<Duration> {
        self.requests += 1;
        let id = self.requests.to_string();
        let request = json!({"type": "req", "id": id, "method": method, "params": {}}).to_string();
        let started = Instant::now();
        self.socket.send(Message::text(request)).await?;
        let answer = self.next_frame(|frame| frame["id"] == *id).await?;
        let took = started.elapsed();
        if answer["ok"] != true {
            bail!("{method} was answered {answer}");
        }
        Ok(took)
    }

    async fn next_frame(&mut self, is_wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        loop {
            let message = self.socket.next().await.context("the socket ended")??;
            let Message::Text(text) = message else { continue };
            let frame = serde_json::from_str(&text)?;
            if is_wanted(&frame) {
                return Ok(frame);
            }
        }
    }
}
