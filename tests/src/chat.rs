//! The page's side of the chat protocol, over a real WebSocket.

use std::collections::VecDeque;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message, handshake};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::wait::DEADLINE;

/// A live WebSocket and the frames that nobody has asked for yet.
pub struct Chat {
    socket: WebSocketStream<TcpStream>,
    waiting: VecDeque<Value>,
    requests: u64,
}

/// Why there is no WebSocket: what the server answered instead.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    pub body: String,
}

/// What is sent to open a WebSocket.
pub struct Opening<'a> {
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
}

/// How one turn of the assistant ended.
#[derive(Debug)]
pub struct Turn {
    /// `final`, `aborted` or `error`.
    pub state: String,
    pub text: String,
    /// How many increments came before the end.
    pub deltas: usize,
}

impl Chat {
    /// Opens the socket; the outer error is the network's, the inner one the server's no.
    ///
    /// # Errors
    /// When the address cannot be reached or does not speak HTTP.
    pub async fn open(opening: &Opening<'_>) -> anyhow::Result<Result<Self, Refusal>> {
        let url = format!("ws://{}{}", opening.host, opening.path);
        let mut request = url.into_client_request()?;
        for (name, value) in opening.headers {
            let name: HeaderName = name.parse()?;
            request.headers_mut().insert(name, HeaderValue::from_str(value)?);
        }
        let stream = TcpStream::connect(opening.address)
            .await
            .with_context(|| format!("connect to {}", opening.address))?;
        let shaken = timeout(DEADLINE, client_async(request, stream)).await?;
        Ok(match shaken {
            Ok((socket, _)) => Ok(Self { socket, waiting: VecDeque::new(), requests: 0 }),
            Err(Error::Http(response)) => Err(refusal(&response)),
            Err(error) => return Err(error).context("shake hands for a WebSocket"),
        })
    }

    /// Waits for the challenge, connects, returns the payload of `hello-ok`.
    ///
    /// # Errors
    /// When the gateway does not say hello.
    pub async fn hello(&mut self) -> anyhow::Result<Value> {
        self.event("connect.challenge").await?;
        let answer = self.request("connect", json!({})).await?;
        if answer["ok"] != true {
            bail!("connect was refused: {answer}");
        }
        Ok(answer["payload"].clone())
    }

    /// As a page that is open and that nobody looks at, until its socket ends.
    pub async fn linger(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Sends a request and returns the whole response frame.
    ///
    /// # Errors
    /// When the socket ends first, or nothing comes within [`DEADLINE`].
    pub async fn request(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.requests += 1;
        let id = format!("e2e-{}", self.requests);
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.send_text(&frame.to_string()).await?;
        self.take(&format!("the answer to {method}"), |frame| frame["id"] == id.as_str()).await
    }

    /// Says `message` in `session` and returns the id of the run that answers it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn say(&mut self, session: &str, message: &str) -> anyhow::Result<String> {
        let key = format!("e2e-{}-{}", std::process::id(), crate::secrets_file::random_id()?);
        let params = json!({"sessionKey": session, "message": message, "idempotencyKey": key});
        let answer = self.request("chat.send", params).await?;
        let run = answer["payload"]["runId"].as_str();
        Ok(run.with_context(|| format!("chat.send was refused: {answer}"))?.to_owned())
    }

    /// Waits until the run has ended.
    ///
    /// # Errors
    /// When the socket ends first.
    pub async fn turn(&mut self, run: &str) -> anyhow::Result<Turn> {
        let mut deltas = 0;
        loop {
            let frame = self
                .take("a chat event", |frame| {
                    frame["event"] == "chat" && frame["payload"]["runId"] == run
                })
                .await?;
            let payload = &frame["payload"];
            match payload["state"].as_str() {
                Some("delta") => deltas += 1,
                Some(state @ ("final" | "aborted" | "error")) => {
                    let text = text_of(&payload["message"]);
                    return Ok(Turn { state: state.to_owned(), text, deltas });
                }
                _ => {}
            }
        }
    }

    /// The next event called `name`, its whole frame.
    ///
    /// # Errors
    /// When the socket ends first.
    pub async fn event(&mut self, name: &str) -> anyhow::Result<Value> {
        self.take(&format!("the event {name}"), |frame| frame["event"] == name).await
    }

    /// The first frame that `fits`, now or later; the others are kept for whoever asks.
    ///
    /// # Errors
    /// When the socket ends first, or nothing fits within [`DEADLINE`].
    pub async fn take(
        &mut self,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        if let Some(at) = self.waiting.iter().position(&fits) {
            return Ok(self.waiting.remove(at).expect("the position was just found"));
        }
        let wait = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame: Value = serde_json::from_str(&text)?;
                        if fits(&frame) {
                            return Ok(frame);
                        }
                        self.waiting.push_back(frame);
                    }
                    Some(Ok(Message::Close(frame))) => bail!("closed by {frame:?}"),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => bail!("the socket is at its end"),
                }
            }
        };
        let waited = timeout(DEADLINE, wait).await;
        waited
            .with_context(|| format!("nothing came within {DEADLINE:?}"))
            .flatten()
            .with_context(|| format!("wait for {what}"))
    }

    /// Waits for the end of the socket: the close code and its reason, or `None` when it
    /// just broke off.
    ///
    /// # Errors
    /// When it is still open after [`DEADLINE`].
    pub async fn closed(&mut self) -> anyhow::Result<Option<(u16, String)>> {
        let wait = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => {
                        return frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(DEADLINE, wait).await.context("wait for the socket to be closed")
    }

    /// # Errors
    /// When the socket has ended.
    pub async fn send_text(&mut self, text: &str) -> anyhow::Result<()> {
        self.socket.send(Message::text(text)).await.context("send a text frame")
    }

    /// Sends `text` and waits until it comes back, through an echoing upstream.
    ///
    /// # Errors
    /// When something else comes.
    pub async fn echo(&mut self, text: &str) -> anyhow::Result<()> {
        self.send_text(text).await?;
        match timeout(DEADLINE, self.socket.next()).await? {
            Some(Ok(Message::Text(back))) if back.as_str() == text => Ok(()),
            other => bail!("expected {text:?} to come back, not {other:?}"),
        }
    }
}

/// The text of a chat message, whose content is a string or a list of parts.
pub fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn refusal(response: &handshake::client::Response) -> Refusal {
    let status = StatusCode::from_u16(response.status().as_u16()).expect("it was a status before");
    let body = response.body().as_deref().unwrap_or_default();
    Refusal { status, body: String::from_utf8_lossy(body).into_owned() }
}
