//! A gateway in this process and a client at its socket.

use std::path::Path;
use std::time::Duration;

use fakes::gateway::Bound;
use fakes::gateway::config_file::{self, ConfigFile};
use fakes::gateway::settings::Settings;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const TOKEN: &str = "test-token";

/// Longest wait for anything: the slowest script takes ten seconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// A gateway that runs until it is stopped or dropped.
pub(crate) struct Running {
    pub(crate) address: String,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Running {
    /// A gateway that keeps its conversations in `dir`.
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_with(settings(dir)).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let bound = Bound::open(settings).await.expect("a free port");
        let address = bound.address.to_string();
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(bound.serve(async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), ended }
    }

    /// What SIGTERM does.
    pub(crate) fn tell_to_stop(&mut self) {
        self.stop.take().expect("told once").send(()).expect("it runs");
    }

    pub(crate) async fn ended(self) {
        within("the gateway to end", self.ended).await.expect("it does not panic");
    }
}

pub(crate) fn settings(dir: &Path) -> Settings {
    let config = r#"{"gateway": {"mode": "local", "trustedProxies": ["127.0.0.1"]}}"#;
    let config: ConfigFile = config_file::parse(config).expect("a good config");
    Settings::new(TOKEN, dir, config)
}

/// One WebSocket.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
}

impl Client {
    /// Dials and reads nothing.
    pub(crate) async fn dial(gateway: &Running, headers: &[(&'static str, &str)]) -> Self {
        let url = format!("ws://{}/ws", gateway.address);
        let mut request = url.into_client_request().expect("a good url");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a good header"));
        }
        let (socket, _) = within("the upgrade", connect_async(request)).await.expect("it upgrades");
        Self { socket, next_id: 0 }
    }

    /// Dials once the gateway is ready and says hello with these scopes.
    pub(crate) async fn connect(gateway: &Running, scopes: &[&str]) -> Self {
        loop {
            let mut client = Self::dial(gateway, &[]).await;
            let answer = client.connect_with(TOKEN, scopes).await;
            if answer["ok"] == true {
                return client;
            }
            assert_eq!(answer["error"]["code"], "UNAVAILABLE", "{answer}");
        }
    }

    /// Reads the challenge, sends `connect`, returns the answer.
    pub(crate) async fn connect_with(&mut self, token: &str, scopes: &[&str]) -> Value {
        let challenge = self.next().await.expect("a challenge");
        assert_eq!(challenge["event"], "connect.challenge");
        let client = json!({
            "id": "gateway-client", "version": "0", "platform": "linux", "mode": "backend",
        });
        let params = json!({
            "minProtocol": 4,
            "maxProtocol": 4,
            "client": client,
            "role": "operator",
            "scopes": scopes,
            "caps": ["tool-events"],
            "auth": {"token": token},
        });
        self.call("connect", params).await
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.expect("the gateway reads");
    }

    /// Sends a request and returns the response; events meanwhile are lost.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id.to_string();
        self.send(&json!({"type": "req", "id": id, "method": method, "params": params})).await;
        self.until(method, |frame| frame["id"] == id).await
    }

    /// Says something, with the id of its run.
    pub(crate) async fn say(&mut self, message: &str, run_id: &str) -> Value {
        let params = json!({"sessionKey": "main", "message": message, "idempotencyKey": run_id});
        self.call("chat.send", params).await
    }

    /// The first chat event of a run in this state.
    pub(crate) async fn chat(&mut self, run_id: &str, state: &str) -> Value {
        let what = format!("chat {state} of {run_id}");
        self.until(&what, |frame| {
            frame["event"] == "chat"
                && frame["payload"]["runId"] == run_id
                && frame["payload"]["state"] == state
        })
        .await
    }

    /// The first frame that fits.
    pub(crate) async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = match self.next().await {
                Ok(frame) => frame,
                Err(close) => panic!("closed with {close:?} while waiting for {what}"),
            };
            if fits(&frame) {
                return frame;
            }
        }
    }

    /// The next frame, or the code and reason of the close.
    pub(crate) async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let message = within("a frame", self.socket.next()).await;
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("frames are JSON"));
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err((close.code.into(), close.reason.to_string()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return Err((1006, format!("{other:?}"))),
            }
        }
    }

    /// Reads on until the gateway closes.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.next().await {
                return close;
            }
        }
    }
}

/// Waits for `future`, but not for ever.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} for {what}"),
    }
}
