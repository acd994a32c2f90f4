//! An upstream that keeps every byte it gets and answers by a script.
//!
//! Stands where a sprite would. Unlike the mirror it has no HTTP library that could
//! hide what an edge sent, or refuse to say what a hostile VM would.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::wire::{Extent, Head, Tape, Wire};

/// Ends when it is dropped, its connections with it.
pub struct Recorder {
    address: SocketAddr,
    tape: Tape,
    taken: Arc<Mutex<Vec<Taken>>>,
    server: JoinHandle<()>,
}

/// A whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Connections are counted from one.
    pub connection: usize,
    pub head: Head,
    pub body: Vec<u8>,
}

/// What the script says to a request.
#[derive(Debug, Clone)]
pub enum Line {
    Say(String),
    /// Closes afterwards.
    SayLast(String),
    /// Closes without a word.
    HangUp,
}

impl Recorder {
    /// `script` is told the request and how often its target was asked for, now included.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(
        script: impl Fn(&Taken, usize) -> Line + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("bind a port")?;
        let address = listener.local_addr()?;
        let tape = Tape::default();
        let taken = Arc::<Mutex<Vec<Taken>>>::default();
        let play = Arc::new(Play {
            script,
            connections: AtomicUsize::new(0),
            tape: tape.clone(),
            taken: Arc::clone(&taken),
        });
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let play = Arc::clone(&play);
                connections.spawn(async move {
                    if answer_probe(&stream).await {
                        return;
                    }
                    let number = play.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    // What an edge may do to a connection is the story's to judge.
                    let _ = play.serve(stream, number).await;
                });
            }
        });
        Ok(Self { address, tape, taken, server })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every byte of every connection, whole requests or not.
    pub fn bytes(&self) -> Vec<u8> {
        self.tape.bytes()
    }

    /// Every whole request so far.
    pub fn requests(&self) -> Vec<Taken> {
        lock(&self.taken).clone()
    }

    /// The whole requests for `target`.
    pub fn requests_for(&self, target: &str) -> Vec<Taken> {
        self.requests().into_iter().filter(|request| request.head.target() == target).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Is this only an edge that asks whether somebody is awake? No story is about that.
async fn answer_probe(stream: &TcpStream) -> bool {
    let mut start = [0; PROBE.len()];
    if !matches!(stream.peek(&mut start).await, Ok(count) if start[..count] == *PROBE) {
        return false;
    }
    // It has hung up, or is answered.
    if stream.writable().await.is_ok() {
        let _ = stream.try_write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    }
    true
}

const PROBE: &[u8] = b"OPTIONS /pflaster/health ";

struct Play<S> {
    script: S,
    connections: AtomicUsize,
    tape: Tape,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl<S: Fn(&Taken, usize) -> Line> Play<S> {
    async fn serve(&self, stream: TcpStream, connection: usize) -> anyhow::Result<()> {
        let mut wire = Wire::new(stream, self.tape.clone());
        while let Some(head) = wire.head().await? {
            if head.values("expect") == ["100-continue"] {
                wire.send("HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            let body = wire.body(head.extent(Extent::Length(0))).await?;
            let request = Taken { connection, head, body };
            let line = {
                let mut taken = lock(&self.taken);
                taken.push(request.clone());
                let target = request.head.target();
                let times = taken.iter().filter(|other| other.head.target() == target).count();
                (self.script)(&request, times)
            };
            match line {
                Line::Say(text) => wire.send(text).await?,
                Line::SayLast(text) => return wire.send(text).await,
                Line::HangUp => return Ok(()),
            }
        }
        Ok(())
    }
}

/// An ordinary answer with `body`.
pub fn ok(body: &str) -> Line {
    Line::Say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

fn lock(taken: &Mutex<Vec<Taken>>) -> MutexGuard<'_, Vec<Taken>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}
