//! Visitors who send the next message as soon as the last one was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::http::Connection;
use crate::http2;
use crate::latency::Latencies;
use crate::peers::{ANSWER_BYTES, Door, LARGE_ANSWER_BYTES, UPLOAD_BYTES, WEB_TENANTS};
use crate::stage::Stage;
use crate::tenants::Visitor;
use crate::tls;
use crate::websocket::{Message, Socket};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GET of 1 KiB over a kept connection.
    Http,
    /// GET of 100 KiB over a kept connection.
    Large,
    /// POST of 1 MiB over a kept connection.
    Upload,
    /// As [`Self::Http`], encrypted.
    Https,
    /// As [`Self::Https`], in HTTP/2 with one request at a time.
    Http2,
    /// GET of 1 KiB over a connection of its own, with a full TLS handshake.
    Handshake,
    /// The same, going on with the session of the connection before.
    Resumed,
    /// A message that comes back as it was.
    WebSocket,
}

/// One visitor with an open connection.
pub enum Client {
    Http {
        connection: Connection,
        request: Vec<u8>,
        expected_bytes: usize,
    },
    Http2(http2::Connection),
    Handshake {
        address: SocketAddr,
        tls: tls::Client,
        host: String,
        request: Vec<u8>,
        must_resume: bool,
    },
    WebSocket {
        socket: Socket,
        message: Message,
        space: Vec<u8>,
    },
}

/// What one peer did in one turn.
#[derive(Debug)]
pub struct Turn {
    pub latencies: Latencies,
    pub elapsed: Duration,
    /// Of everyone on the peer's account, for these exchanges.
    pub cpu: Duration,
}

impl Client {
    /// Opens a connection and has one exchange over it, so that it is all there.
    ///
    /// `number` chooses the workspace; `message_bytes` counts for WebSockets only.
    ///
    /// # Errors
    /// When the peer does not answer as it should.
    pub async fn open(
        kind: Kind,
        door: Door,
        stage: &Stage,
        number: usize,
        message_bytes: usize,
    ) -> anyhow::Result<Self> {
        let index = number as u64 % WEB_TENANTS;
        let visitor = Visitor::new(&stage.ring, index);
        let (address, tls) = (door.address, &stage.certificate.client);
        let mut client = match kind {
            Kind::Http => Self::Http {
                connection: Connection::open(address).await?,
                request: visitor.get("/"),
                expected_bytes: ANSWER_BYTES,
            },
            Kind::Large => Self::Http {
                connection: Connection::open(address).await?,
                request: visitor.get("/large"),
                expected_bytes: LARGE_ANSWER_BYTES,
            },
            Kind::Https => Self::Http {
                connection: Connection::open_tls(address, tls, visitor.host()).await?,
                request: visitor.get("/"),
                expected_bytes: ANSWER_BYTES,
            },
            Kind::Upload => Self::Http {
                connection: Connection::open(address).await?,
                request: visitor.post("/upload", UPLOAD_BYTES),
                expected_bytes: ANSWER_BYTES,
            },
            Kind::Http2 => Self::Http2(http2::Connection::open(address, tls, &visitor).await?),
            Kind::Handshake | Kind::Resumed => Self::Handshake {
                address,
                tls: if kind == Kind::Resumed { tls.resuming() } else { tls.clone() },
                host: visitor.host().to_owned(),
                request: visitor.get("/"),
                must_resume: false,
            },
            Kind::WebSocket => {
                let visitor = Visitor::new(&stage.ring, WEB_TENANTS + index);
                let socket = Socket::open(door.address, &visitor.upgrade()).await?;
                let message = Message::of_bytes(message_bytes);
                Self::WebSocket { socket, message, space: Vec::new() }
            }
        };
        client.exchange().await?;
        if let Self::Handshake { must_resume, .. } = &mut client {
            *must_resume = kind == Kind::Resumed;
        }
        Ok(client)
    }

    /// One message and its answer.
    ///
    /// # Errors
    /// When the answer is not what it should be.
    pub async fn exchange(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Http { connection, request, expected_bytes } => {
                get(connection, request, *expected_bytes).await
            }
            Self::Http2(connection) => {
                let (status, bytes) = connection.get().await?;
                ensure!(status == 200 && bytes == ANSWER_BYTES, "answered {status}, {bytes} bytes");
                Ok(())
            }
            Self::Handshake { address, tls, host, request, must_resume } => {
                let mut connection = Connection::open_tls(*address, tls, host).await?;
                ensure!(connection.is_resumed() == *must_resume, "not the handshake that is meant");
                get(&mut connection, request, ANSWER_BYTES).await
            }
            Self::WebSocket { socket, message, space } => socket.echo(message, space).await,
        }
    }

    /// Gives the client back: closing it is not part of what is measured.
    async fn work_until(mut self, end: Instant) -> anyhow::Result<(Self, Latencies)> {
        let mut latencies = Latencies::default();
        let mut started = Instant::now();
        while started < end {
            self.exchange().await?;
            let now = Instant::now();
            latencies.push(now - started);
            started = now;
        }
        Ok((self, latencies))
    }
}

async fn get(
    connection: &mut Connection,
    request: &[u8],
    expected_bytes: usize,
) -> anyhow::Result<()> {
    let answer = connection.exchange(request).await?;
    let is_whole = answer.status == 200 && answer.body.len() == expected_bytes;
    ensure!(is_whole, "answered {} with {} bytes", answer.status, answer.body.len());
    Ok(())
}

/// Lets `connections` visitors work for `duration`, on this thread.
///
/// Connections are opened before and closed after what is measured, and the
/// account is read when no exchange is under way: its time is that of these
/// exchanges and nothing else.
///
/// # Errors
/// When one exchange fails: a comparison in which errors were left out is none.
pub async fn run(
    kind: Kind,
    door: Door,
    stage: &Stage,
    connections: usize,
    duration: Duration,
) -> anyhow::Result<Turn> {
    /// A short message of the assistant's.
    const MESSAGE_BYTES: usize = 64;
    let mut clients = Vec::with_capacity(connections);
    for number in 0..connections {
        clients.push(Client::open(kind, door, stage, number, MESSAGE_BYTES).await?);
    }
    let before = door.account.cpu()?;
    let started = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|client| tokio::spawn(client.work_until(started + duration)))
        .collect();
    let mut results = Vec::with_capacity(connections);
    for task in tasks {
        results.push(task.await.context("a visitor panicked")?);
    }
    let (elapsed, cpu) = (started.elapsed(), door.account.cpu()?.since(&before));
    let mut latencies = Latencies::default();
    for result in results {
        let (_client, of_one) = result?;
        latencies.append(of_one);
    }
    Ok(Turn { latencies, elapsed, cpu })
}
