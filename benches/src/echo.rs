//! The upstream of every WebSocket, which sends back what it gets, and of every event stream.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context as _, anyhow};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::accounting::Account;
use crate::cores;
use crate::events;
use crate::frame::{self, Received, SAMPLE_ACCEPT, SAMPLE_KEY};

/// Messages here have 1 KiB at most.
const BUFFER_BYTES: usize = 2048;

/// The running server: a thread of this process, until the process ends.
pub struct EchoServer {
    pub address: SocketAddr,
    pub account: Account,
    /// The number of the event that was told last.
    pub events: watch::Sender<u64>,
}

impl EchoServer {
    /// Starts it on `core`.
    ///
    /// # Errors
    /// When the thread cannot be pinned or nothing can be listened to.
    pub fn start(core: usize) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listening for echo")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (started, starts) = mpsc::channel();
        let events = watch::Sender::new(0);
        let told = events.clone();
        thread::Builder::new().name("echo".into()).spawn(move || {
            let pinned = cores::pin_this_thread(core);
            let is_pinned = pinned.is_ok();
            // Nobody waits for it only if `start` has already failed.
            let _ = started.send(pinned);
            if is_pinned && let Err(error) = serve(listener, &told) {
                eprintln!("the echo server ended: {error}");
            }
        })?;
        let id = starts.recv().map_err(|_| anyhow!("the echo server did not start"))??;
        Ok(Self { address, account: Account::Thread { id }, events })
    }
}

fn serve(listener: TcpListener, events: &watch::Sender<u64>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let events = events.subscribe();
            // A visitor who leaves in the middle is not the server's concern.
            tokio::spawn(async move { converse(stream, events).await.unwrap_or_default() });
        }
    })
}

async fn converse(mut stream: TcpStream, told: watch::Receiver<u64>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::with_capacity(BUFFER_BYTES);
    while !received.ends_with(b"\r\n\r\n") {
        if received.len() >= BUFFER_BYTES || stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&received);
    if head.split(' ').nth(1) == Some(events::PATH) {
        return events::tell(stream, told).await;
    }
    if !head.contains(SAMPLE_KEY) {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    }
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {SAMPLE_ACCEPT}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    received.clear();
    let mut out = Vec::with_capacity(BUFFER_BYTES);
    loop {
        match frame::echo_next(&received, &mut out) {
            Received::Message { wire_bytes } => {
                received.drain(..wire_bytes);
                stream.write_all(&out).await?;
                out.clear();
            }
            Received::Partial if stream.read_buf(&mut received).await? > 0 => {}
            Received::Partial | Received::End => return Ok(()),
        }
    }
}
