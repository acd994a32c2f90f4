//! Commands over a real WebSocket, against a server that plays its part from a script.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;
use shared::Upstream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use vendors::sprites::error::ExecError;
use vendors::sprites::{Command, Finished, Sprites, SpritesError};

use super::sink::{Answer, Sink, decode, secret};
use super::sprites::{missing, name, sprites};

#[derive(Clone)]
enum Step {
    Text(&'static str),
    Binary(Vec<u8>),
    /// Reads input to its end and sends it back as output.
    Echo,
    /// Sends a ping and waits for its pong.
    Ping,
    /// Closes the socket properly.
    Close,
    /// Drops the connection.
    Drop,
}

use Step::{Binary, Close, Drop, Echo, Ping, Text};

/// After its script the server keeps the socket open, as the real one does for seconds.
struct Server {
    url: Upstream,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

struct Script {
    steps: Vec<Step>,
    /// Query and authorization of each handshake.
    handshakes: Mutex<Vec<(String, String)>>,
}

impl std::ops::Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(steps: Vec<Step>) -> Self {
        let script = Arc::new(Script { steps, handshakes: Mutex::default() });
        let router = Router::new()
            .route("/v1/sprites/arca-1/exec", get(accept))
            .with_state(Arc::clone(&script));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url: Upstream::parse(&url).unwrap(), script, task }
    }

    async fn run(&self, command: Command) -> Result<Finished, SpritesError> {
        let sprites = Sprites::new(&self.url, &secret("token")).unwrap();
        sprites.run(&name(), &command).await
    }
}

async fn accept(
    State(script): State<Arc<Script>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    script.handshakes.lock().unwrap().push((query.unwrap_or_default(), authorization));
    upgrade.on_upgrade(async move |socket| play(socket, &script.steps).await)
}

async fn play(mut socket: WebSocket, steps: &[Step]) {
    for step in steps {
        let sent = match step {
            Text(text) => socket.send(Message::Text((*text).into())).await,
            Binary(frame) => socket.send(Message::Binary(frame.clone().into())).await,
            Echo => echo(&mut socket).await,
            Ping => ping(&mut socket).await,
            Close => socket.send(Message::Close(None)).await,
            Drop => return,
        };
        if sent.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.recv().await {}
}

async fn echo(socket: &mut WebSocket) -> Result<(), axum::Error> {
    while let Some(message) = socket.recv().await {
        match message?.into_data().as_ref() {
            [0, piece @ ..] => socket.send(Message::Binary([&[1], piece].concat().into())).await?,
            [4] => break,
            other => panic!("not input: {other:?}"),
        }
    }
    Ok(())
}

async fn ping(socket: &mut WebSocket) -> Result<(), axum::Error> {
    socket.send(Message::Ping("are you there".into())).await?;
    loop {
        if let Message::Pong(_) = socket.recv().await.expect("the client is there")? {
            return Ok(());
        }
    }
}

fn out(text: &str) -> Step {
    Binary([b"\x01", text.as_bytes()].concat())
}

fn exit(code: u8) -> Step {
    Binary(vec![3, code])
}

const TOLD_7: Step = Text(r#"{"type":"exit","exit_code":7}"#);
const INFO: Step = Text(r#"{"type":"session_info","session_id":20,"tty":false}"#);

#[tokio::test]
async fn a_command_ends_with_its_code_whatever_the_order_of_the_frames() {
    let check = async |steps: Vec<Step>| {
        let finished = Server::start(steps).await.run(Command::new("x")).await.unwrap();
        assert_eq!((finished.code, finished.stdout.text().as_str()), (7, "out"));
        assert!(!finished.is_success());
    };
    check(vec![INFO, out("out"), TOLD_7, exit(7)]).await;
    check(vec![INFO, TOLD_7, out("out"), exit(7), Close]).await;
    check(vec![INFO, out("out"), exit(7), TOLD_7]).await;
    check(vec![out("out"), exit(7), Drop]).await;
    check(vec![INFO, out("out"), TOLD_7, Close]).await;
    check(vec![INFO, out("out"), TOLD_7, Drop]).await;
    // The text alone, and the socket stays open.
    check(vec![INFO, out("out"), TOLD_7]).await;
}

#[tokio::test]
async fn a_socket_that_ends_early_is_an_error_and_never_success() {
    let check = async |steps: Vec<Step>, expected: &str| {
        let error = Server::start(steps).await.run(Command::new("x")).await.unwrap_err();
        let SpritesError::Exec(error) = error else { panic!("{error:?}") };
        assert!(error.to_string().contains(expected), "{error}");
    };
    let cut = "the connection ended before the command";
    check(vec![Close], cut).await;
    check(vec![Drop], cut).await;
    check(vec![INFO, out("out"), Close], cut).await;
    check(vec![Text(r#"{"type":"error","message":"no such program"}"#), Close], "no such program")
        .await;
    check(vec![Binary(vec![3])], "makes no sense").await;
}

#[tokio::test]
async fn input_arrives_whole_and_then_ends() {
    let input: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let server = Server::start(vec![Echo, exit(0)]).await;
    let finished = server.run(Command::new("cat").stdin(input.clone())).await.unwrap();
    assert!(finished.stdout.bytes == input && finished.is_success());
    let empty = server.run(Command::new("cat").stdin("")).await.unwrap();
    assert!(empty.stdout.bytes.is_empty());
}

#[tokio::test]
async fn a_command_that_ends_without_reading_its_input_has_ended() {
    let server = Server::start(vec![exit(3), Drop]).await;
    let finished = server.run(Command::new("true").stdin(vec![0; 8 << 20])).await.unwrap();
    assert_eq!(finished.code, 3);
}

#[tokio::test]
async fn output_beyond_its_limit_is_counted_and_dropped() {
    let server = Server::start(vec![out("12345"), out("67890"), exit(0)]).await;
    let finished = server.run(Command::new("yes").output_max_bytes(7)).await.unwrap();
    assert_eq!((finished.stdout.text().as_str(), finished.stdout.dropped_bytes), ("1234567", 3));
}

#[tokio::test]
async fn pings_are_answered() {
    let server = Server::start(vec![Ping, exit(0)]).await;
    assert!(server.run(Command::new("sleep")).await.unwrap().is_success());
}

#[tokio::test]
async fn a_command_that_does_not_end_is_left() {
    let server = Server::start(vec![INFO, out("still here")]).await;
    let command = Command::new("sleep").timeout(Duration::from_millis(300));
    let error = server.run(command).await.unwrap_err();
    assert!(matches!(error, SpritesError::Exec(ExecError::TimedOut(_))), "{error:?}");
}

#[tokio::test]
async fn the_handshake_names_the_command_and_its_whole_environment() {
    let server = Server::start(vec![exit(0)]).await;
    let command = Command::shell("echo a+b  c").variable("K", "v=1").directory("/srv");
    server.run(command.clone()).await.unwrap();
    server.run(command).await.unwrap();
    let handshakes = server.script.handshakes.lock().unwrap();
    assert_eq!(handshakes[0], handshakes[1]);
    let (query, authorization) = &handshakes[0];
    assert_eq!(authorization, "Bearer token");
    let pairs = decode(query.as_bytes());
    let all = |key: &str| -> Vec<_> {
        pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(all("cmd"), ["sh", "-c", "echo a+b  c"]);
    assert_eq!((all("path"), all("dir"), all("stdin")), (vec!["sh"], vec!["/srv"], vec!["false"]));
    let env = all("env");
    assert!(env.contains(&"K=v=1"), "{env:?}");
    assert!(env.iter().any(|pair| pair.starts_with("PATH=/")), "{env:?}");
    assert!(env.contains(&"HOME=/home/sprite"), "{env:?}");
}

#[tokio::test]
async fn a_handshake_that_is_refused_says_why() {
    let check = async |answer, expected: &str| {
        let sink = Sink::start([answer]).await;
        let command = Command::new("true").variable("SECRET", "s3cret");
        let error = sprites(&sink).run(&name(), &command).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.starts_with(expected), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    };
    check(missing(), "Missing").await;
    check(Answer::json(401, &json!({ "error": "authentication failed" })), "Unauthorized").await;
    check(Answer::text(503, "waking"), "Busy").await;
    check(Answer::text(302, ""), "Refused").await;
    check(Answer::text(200, "{}"), "Exec(Handshake").await;
    check(Answer::HangUp, "Lost(Broken").await;
}
