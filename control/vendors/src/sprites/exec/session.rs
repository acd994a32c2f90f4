//! The socket of a running command: opened, fed, kept alive, listened to.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use reqwest::{Method, StatusCode, Upgraded};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::http::{self, Limits, Lost};
use crate::sprites::error::{self, ExecError};
use crate::sprites::exec::transcript::{Heard, STDIN, STDIN_END, STDOUT, Transcript};
use crate::sprites::exec::{Command, Finished};
use crate::sprites::{SpriteName, Sprites, SpritesError};

/// Until the server has accepted. A cold sprite has been seen to take 12 s.
const HANDSHAKE: Limits = Limits { total: Duration::from_secs(30), answer_max_bytes: 64 * 1024 };

/// As the vendor's own clients do it.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// How long the binary exit may follow the text one.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// Pieces of input; servers cap messages.
const PIECE_BYTES: usize = 64 * 1024;

/// The cap in one of the vendor's own clients.
const MESSAGE_MAX_BYTES: usize = 10 << 20;

type Socket = WebSocketStream<Upgraded>;

impl Sprites {
    /// Runs it to its end. Wakes the sprite.
    ///
    /// # Errors
    /// Everything but a code that the command itself ended with.
    pub async fn run(
        &self,
        sprite: &SpriteName,
        command: &Command,
    ) -> Result<Finished, SpritesError> {
        let run = async {
            let (sink, stream) = self.open(sprite, command).await?.split();
            let transcript = Transcript::new(command.output_max_bytes);
            // The socket is dropped at the end: servers take seconds to close theirs.
            tokio::select! {
                finished = listen(stream, transcript, None) => finished.map_err(SpritesError::from),
                never = feed(sink, command.stdin.clone()) => match never {},
            }
        };
        let timed_out = |_| SpritesError::from(ExecError::TimedOut(command.timeout));
        timeout(command.timeout, run).await.map_err(timed_out)?
    }

    /// Runs it to its end, and sends on what it writes to its output as it comes. No more is
    /// read while `output` is full. Wakes the sprite.
    ///
    /// # Errors
    /// As [`Sprites::run`]; also when nobody takes the output any more, or not within
    /// `patience`.
    pub async fn pipe(
        &self,
        sprite: &SpriteName,
        command: &Command,
        output: &Sender<Bytes>,
        patience: Duration,
    ) -> Result<Finished, SpritesError> {
        let run = async {
            let (sink, stream) = self.open(sprite, command).await?.split();
            let transcript = Transcript::new(command.output_max_bytes);
            let tap = Tap { output, patience };
            tokio::select! {
                finished = listen(stream, transcript, Some(tap)) => finished.map_err(SpritesError::from),
                never = feed(sink, command.stdin.clone()) => match never {},
            }
        };
        let timed_out = |_| SpritesError::from(ExecError::TimedOut(command.timeout));
        timeout(command.timeout, run).await.map_err(timed_out)?
    }

    async fn open(&self, sprite: &SpriteName, command: &Command) -> Result<Socket, SpritesError> {
        let key = generate_key();
        let request = self
            .of(Method::GET, sprite, &format!("/exec{}", command.query()))
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", &key);
        let response = self.http.begin(request, HANDSHAKE.total).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let reply = http::read(response, HANDSHAKE).await?;
            return Err(match reply.status.is_success() {
                true => ExecError::Handshake(format!("status {}", reply.status)).into(),
                false => error::of_reply(&self.http, &reply),
            });
        }
        let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes());
        if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            let why = "it accepted another key".to_owned();
            return Err(ExecError::Handshake(why).into());
        }
        let upgraded = response.upgrade().await;
        let upgraded = upgraded.map_err(|error| Lost::from_reqwest(&error, HANDSHAKE.total))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_MAX_BYTES))
            .max_frame_size(Some(MESSAGE_MAX_BYTES));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }
}

/// Sends the input and its end, then pings for as long as anybody listens.
///
/// A failure is left to the listener: a command may end without reading its input.
async fn feed(mut sink: SplitSink<Socket, Message>, stdin: Option<Bytes>) -> Infallible {
    let fed: Result<(), Error> = async {
        if let Some(input) = stdin {
            for piece in input.chunks(PIECE_BYTES) {
                let mut frame = Vec::with_capacity(piece.len() + 1);
                frame.push(STDIN);
                frame.extend_from_slice(piece);
                sink.send(Message::binary(frame)).await?;
            }
            sink.send(Message::binary(vec![STDIN_END])).await?;
        }
        loop {
            tokio::time::sleep(PING_INTERVAL).await;
            sink.send(Message::Ping(Bytes::new())).await?;
        }
    }
    .await;
    drop(fed);
    std::future::pending().await
}

/// Where the output goes, and how long it may take to go there.
struct Tap<'a> {
    output: &'a Sender<Bytes>,
    patience: Duration,
}

impl Tap<'_> {
    async fn give(&self, piece: Bytes) -> Result<(), ExecError> {
        match timeout(self.patience, self.output.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(ExecError::ReaderGone),
            Err(_late) => Err(ExecError::ReaderSlow(self.patience)),
        }
    }
}

async fn listen(
    mut stream: SplitStream<Socket>,
    mut transcript: Transcript,
    tap: Option<Tap<'_>>,
) -> Result<Finished, ExecError> {
    let mut told_at: Option<Instant> = None;
    loop {
        let deadline = told_at.map_or(Instant::now() + SILENCE_MAX, |at| at + LAST_OUTPUT);
        let message = match timeout_at(deadline, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return transcript.close(&error.to_string()),
            Ok(None) => return transcript.close("it was closed"),
            Err(_) if told_at.is_some() => return transcript.close("the exit was not repeated"),
            Err(_) => return Err(ExecError::Silent(SILENCE_MAX)),
        };
        let heard = match message {
            Message::Binary(frame) if tap.is_some() && frame.first() == Some(&STDOUT) => {
                if let Some(tap) = &tap {
                    tap.give(frame.slice(1..)).await?;
                }
                Heard::Something
            }
            Message::Binary(frame) => transcript.binary(&frame)?,
            Message::Text(text) => transcript.text(&text),
            Message::Close(_) => return transcript.close("it was closed"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Heard::Something,
        };
        match heard {
            Heard::Ended(code) => return Ok(transcript.finish(code)),
            Heard::CodeTold => told_at = told_at.or_else(|| Some(Instant::now())),
            Heard::Something => {}
        }
    }
}
