//! A provider with sprites, for one test.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fakes::sprites::fleet::Fleet;
use fakes::sprites::router;
use fakes::sprites::settings::Settings;
use fakes::vendor::server;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const TOKEN: &str = "sim/1/2/secret";

/// Longest wait for anything here; the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Provider {
    pub(crate) base: String,
    pub(crate) state: TempDir,
    client: reqwest::Client,
}

/// What a command said and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) texts: Vec<Value>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) exit: Option<u8>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let state = tempfile::tempdir().unwrap();
        let program = env!("CARGO_BIN_EXE_fake-sprites").into();
        let mut settings = Settings::quick(state.path().into(), TOKEN, program);
        change(&mut settings);
        let fleet = Fleet::open(settings).await.unwrap();
        let (listener, address) = server::listen(0).await.unwrap();
        tokio::spawn(server::serve(listener, router(fleet)));
        let client =
            fakes::http::client().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { base: format!("http://{address}"), state, client }
    }

    /// The program itself, to be killed without warning.
    pub(crate) async fn program() -> (Self, Child) {
        let state = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fake-sprites"))
            .args(["--port", "0", "--token", TOKEN, "--create", "0", "--wake-cold", "0"])
            .arg("--state")
            .arg(state.path())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let base = loop {
            let line = log.next_line().await.unwrap().expect("it opened no port");
            if let Some((_, base)) = line.split_once("listening on ") {
                break base.to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        (Self { base, state, client: fakes::http::client().build().unwrap() }, child)
    }

    pub(crate) async fn with_sprite(name: &str) -> Self {
        let provider = Self::start().await;
        provider.create(name).await;
        provider
    }

    pub(crate) async fn create(&self, name: &str) -> Value {
        let body = json!({"name": name, "url_settings": {"auth": "public"}});
        let (status, sprite) = self.call(Method::POST, "/v1/sprites", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{sprite}");
        sprite
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(TOKEN)
    }

    /// A JSON body both ways; null for an empty or another one.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&text).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// The lines of an NDJSON answer.
    pub(crate) async fn lines(&self, method: Method, path: &str, body: &Value) -> Vec<Value> {
        let response = self.request(method, path).json(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let text = response.text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) async fn get_url(&self, url: &str) -> (StatusCode, String) {
        let response = self.client.get(url).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    pub(crate) async fn status(&self, name: &str) -> String {
        let (_, sprite) = self.get(&format!("/v1/sprites/{name}")).await;
        sprite["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn socket(
        &self,
        path: &str,
    ) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, StatusCode> {
        let url = format!("{}{path}", self.base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {TOKEN}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        match connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => {
                Err(StatusCode::from_u16(refused.status().as_u16()).unwrap())
            }
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// Runs `sh -c script` with `input`, until the binary exit.
    pub(crate) async fn shell(&self, sprite: &str, script: &str, input: &[u8]) -> Said {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("cmd", "sh"), ("cmd", "-c"), ("cmd", script), ("stdin", "true")])
            .finish();
        self.exec(sprite, &query, input).await
    }

    pub(crate) async fn exec(&self, sprite: &str, query: &str, input: &[u8]) -> Said {
        let socket = self.socket(&format!("/v1/sprites/{sprite}/exec?{query}")).await;
        let mut socket = socket.unwrap_or_else(|status| panic!("exec: {status}"));
        socket.send(Message::Binary([&[0], input].concat().into())).await.unwrap();
        socket.send(Message::Binary(vec![4].into())).await.unwrap();
        let mut said = Said::default();
        while said.exit.is_none() {
            match socket.next().await.expect("the socket ended before the exit").unwrap() {
                Message::Binary(frame) => match frame[0] {
                    1 => said.stdout += &String::from_utf8_lossy(&frame[1..]),
                    2 => said.stderr += &String::from_utf8_lossy(&frame[1..]),
                    3 => said.exit = Some(frame[1]),
                    other => panic!("unknown frame {other}"),
                },
                Message::Text(text) => said.texts.push(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => panic!("closed before the exit: {said:?}"),
                _ => {}
            }
        }
        said
    }

    /// Looks until `check` is content; fails with what it saw last.
    pub(crate) async fn wait_until<T: std::fmt::Debug, Look: Future<Output = T>>(
        &self,
        what: &str,
        mut look: impl FnMut() -> Look,
        check: impl Fn(&T) -> bool,
    ) -> T {
        let until = Instant::now() + DEADLINE;
        loop {
            let seen = look().await;
            if check(&seen) {
                return seen;
            }
            assert!(Instant::now() < until, "not so: {what}; last seen: {seen:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Processes of this machine that have `mark` on their command line.
pub(crate) fn processes(mark: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
            let command = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline"));
            let command = String::from_utf8_lossy(&command.ok()?).replace('\0', " ");
            (pid != std::process::id() && command.contains(mark)).then_some(command)
        })
        .collect()
}
