//! An agent that runs inside the test, and plain HTTP to it.

use std::net::SocketAddr;
use std::path::Path;

use shared::identity::{Identity, IdentityKey};
use shared::process::time::unix_seconds;
use shared::{KeyId, RequestId, SessionId, Username};
use sprite_agent::config::Config;
use sprite_agent::run::serve;
use sprite_agent::stopping::{self, Stop};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::gateway::TOKEN;
use crate::waiting::{LOOK_AGAIN, soon};

pub(crate) const ORIGIN: &str = "http://ada.arca.localhost:8080";
pub(crate) const HEALTH_TOKEN: &str = "health-token-0123456789";

/// Nobody runs the gateway, or the test does.
pub(crate) const UNSUPERVISED: &str = "[supervisor]\nenabled = false\n";

/// The agent's identity key, as configured.
const KEY: &str = "01";

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Stop,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Running {
    /// Watches a gateway that the test runs, and has seen that it is ready.
    pub(crate) async fn watching(gateway: SocketAddr) -> Self {
        let agent = Self::with(gateway, "", UNSUPERVISED).await;
        agent.wait_for_health(|health| health["status"] == "ok").await;
        agent
    }

    /// `gateway_keys` go into `[gateway]`, `sections` behind it.
    pub(crate) async fn with(gateway: SocketAddr, gateway_keys: &str, sections: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sprite-agent.toml");
        std::fs::write(&path, configuration(gateway, TOKEN, gateway_keys, sections)).unwrap();
        Self::start(&path, folder).await
    }

    pub(crate) async fn with_wrong_token(gateway: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sprite-agent.toml");
        let text = configuration(gateway, "not-the-gateways-token", "", UNSUPERVISED);
        std::fs::write(&path, text).unwrap();
        Self::start(&path, folder).await
    }

    async fn start(path: &Path, folder: TempDir) -> Self {
        let mut config = Config::read(path).unwrap_or_else(|complaints| panic!("{complaints}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = stopping::channel();
        let (_, keys) = watch::channel(std::mem::take(&mut config.identity_keys));
        let serving = tokio::spawn(serve(config, keys, listener, stopping));
        Self { address, stop, serving, _folder: folder }
    }

    /// Returns when the agent and its gateway have ended.
    pub(crate) async fn stop(self) {
        self.stop.stop();
        soon("the agent to stop", self.serving).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask("GET", path, headers).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        ask(self.address, method, path, headers).await
    }

    /// A request of the visitor, as the edge would pass it on.
    pub(crate) async fn visit(&self, method: &str, path: &str) -> Reply {
        self.ask(method, path, &[("x-arca-identity", &identity()), ("origin", ORIGIN)]).await
    }

    pub(crate) async fn health(&self) -> serde_json::Value {
        let bearer = format!("Bearer {HEALTH_TOKEN}");
        let reply = self.get("/pflaster/health", &[("authorization", &bearer)]).await;
        serde_json::from_str(&reply.body).unwrap()
    }

    /// Returns the health that is as wanted; fails with the last one.
    pub(crate) async fn wait_for_health(
        &self,
        is_so: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        self.wait_for_health_within(crate::waiting::DEADLINE, is_so).await
    }

    /// As [`Self::wait_for_health`], for what the agent itself takes its time to notice.
    pub(crate) async fn wait_for_health_within(
        &self,
        patience: std::time::Duration,
        is_so: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        let deadline = std::time::Instant::now() + patience;
        loop {
            let health = self.health().await;
            if is_so(&health) {
                return health;
            }
            assert!(std::time::Instant::now() < deadline, "last seen {health}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

pub(crate) fn configuration(
    gateway: SocketAddr,
    token: &str,
    gateway_keys: &str,
    sections: &str,
) -> String {
    let key = KEY.repeat(32);
    format!(
        "listen = \"127.0.0.1:0\"\nusername = \"ada\"\nsite_url = \"http://arca.localhost:8080\"\n\
         public_url = \"{ORIGIN}\"\nskills = [\"weather\"]\nhealth_token = \"{HEALTH_TOKEN}\"\n\
         [identity.keys]\nk1 = \"{key}\"\n\
         [gateway]\naddress = \"{gateway}\"\ntoken = \"{token}\"\n{gateway_keys}\n{sections}"
    )
}

/// What the edge would sign for ada right now.
pub(crate) fn identity() -> String {
    signed(KEY, "ada", 0)
}

/// `age` is in seconds, `key` one byte of the key in hexadecimal.
pub(crate) fn signed(key: &str, username: &str, age: u64) -> String {
    signed_by("k1", key, username, age)
}

pub(crate) fn signed_by(id: &str, key: &str, username: &str, age: u64) -> String {
    let key = IdentityKey::from_hex(KeyId::parse(id).unwrap(), &key.repeat(32)).unwrap();
    key.sign(&Identity {
        username: Username::parse(username).unwrap(),
        session: SessionId::random(),
        request: RequestId::random(),
        issued: unix_seconds() - age,
    })
}

/// One request, written byte by byte as it stands, on a connection of its own.
pub(crate) async fn ask(
    agent: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Reply {
    ask_with_body(agent, method, path, headers, "").await
}

/// [`ask`] with a body, if it is not empty.
pub(crate) async fn ask_with_body(
    agent: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: sprite.test\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || method == "PUT" {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("connection: close\r\n\r\n");
    head.push_str(body);
    let mut stream = TcpStream::connect(agent).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon("the answer's end", stream.read_to_end(&mut answer)).await.unwrap();
    Reply::parse(&String::from_utf8_lossy(&answer))
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Reply {
    fn parse(answer: &str) -> Self {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn error_code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}
