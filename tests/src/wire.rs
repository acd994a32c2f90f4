//! One raw HTTP/1.1 connection: whatever bytes a story wants to send, and messages
//! taken apart by nobody else's parser.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wait::DEADLINE;

/// Every byte that was received, of one connection or of many.
#[derive(Debug, Clone, Default)]
pub struct Tape(Arc<Mutex<Vec<u8>>>);

impl Tape {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
    }
}

pub struct Wire {
    stream: TcpStream,
    /// Received and not taken yet.
    buffer: Vec<u8>,
    tape: Tape,
}

/// A request's or an answer's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `GET / HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub start: String,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub head: Head,
    pub body: Vec<u8>,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Head {
    /// Every value of the header `name`, which is in lower case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Of an answer; 0 when there is none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// Of a request.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// What the headers say of the body's end; `otherwise`, when they say nothing.
    pub fn extent(&self, otherwise: Extent) -> Extent {
        if !self.values("transfer-encoding").is_empty() {
            return Extent::Chunked;
        }
        let length = self.values("content-length").first().and_then(|length| length.parse().ok());
        length.map_or(otherwise, Extent::Length)
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { start, headers }
    }
}

impl Reply {
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Wire {
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await;
        Ok(Self::new(stream.with_context(|| format!("connect to {address}"))?, Tape::default()))
    }

    /// Everything that is received goes on `tape` as well.
    pub fn new(stream: TcpStream, tape: Tape) -> Self {
        Self { stream, buffer: Vec::new(), tape }
    }

    /// # Errors
    /// When the other side is gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        self.stream.write_all(bytes.as_ref()).await.context("send to the other side")?;
        Ok(self.stream.flush().await?)
    }

    /// The next head; `None` when the connection ends before it begins. May be
    /// called again after it was given up.
    ///
    /// # Errors
    /// When the connection ends in its middle, or nothing comes within [`DEADLINE`].
    pub async fn head(&mut self) -> anyhow::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Ok(Some(Head::parse(&String::from_utf8_lossy(&head[..end]))));
            }
            if self.fill().await? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => bail!("the connection ended within a head"),
                };
            }
        }
    }

    /// A body without the marks of its chunks.
    ///
    /// # Errors
    /// When the connection ends first, or a chunk is malformed.
    pub async fn body(&mut self, extent: Extent) -> anyhow::Result<Vec<u8>> {
        match extent {
            Extent::Length(length) => self.exactly(length).await,
            Extent::UntilClose => self.rest().await,
            Extent::Chunked => {
                let mut body = Vec::new();
                loop {
                    let line = self.line().await?;
                    let size = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(size, 16)
                        .with_context(|| format!("{line:?} is no size of a chunk"))?;
                    if size == 0 {
                        while !self.line().await?.is_empty() {}
                        return Ok(body);
                    }
                    body.extend(self.exactly(size).await?);
                    self.exactly(2).await?;
                }
            }
        }
    }

    /// The next whole answer to a request with a body of its own; interim ones are passed over.
    ///
    /// # Errors
    /// When there is none.
    pub async fn reply(&mut self) -> anyhow::Result<Reply> {
        loop {
            let head = self.head().await?.context("the connection ended without an answer")?;
            let extent = match head.status() {
                100..=199 => continue,
                204 | 304 => Extent::Length(0),
                _ => head.extent(Extent::UntilClose),
            };
            let body = self.body(extent).await?;
            return Ok(Reply { head, body });
        }
    }

    /// Waits until `text` has come; what came before it is dropped, and so is it.
    ///
    /// # Errors
    /// When the connection ends first.
    pub async fn skip_past(&mut self, text: &str) -> anyhow::Result<()> {
        loop {
            if let Some(at) = find(&self.buffer, text.as_bytes()) {
                self.buffer.drain(..at + text.len());
                return Ok(());
            }
            if self.fill().await? == 0 {
                bail!("the connection ended before {text:?} came");
            }
        }
    }

    /// `count` bytes.
    ///
    /// # Errors
    /// When the connection ends first.
    pub async fn exactly(&mut self, count: usize) -> anyhow::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if self.fill().await? == 0 {
                bail!("the connection ended after {} of {count} bytes", self.buffer.len());
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Everything up to the end of the connection, orderly or not.
    ///
    /// # Errors
    /// When it is still open after [`DEADLINE`].
    pub async fn rest(&mut self) -> anyhow::Result<Vec<u8>> {
        while self.fill().await.context("wait for the end of the connection")? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.fill().await? == 0 {
                bail!("the connection ended within a line");
            }
        }
    }

    /// Reads once; 0 at the end. A reset is an end, too.
    async fn fill(&mut self) -> anyhow::Result<usize> {
        let before = self.buffer.len();
        let read = timeout(DEADLINE, self.stream.read_buf(&mut self.buffer)).await;
        let count = read.with_context(|| format!("nothing came within {DEADLINE:?}"))?.unwrap_or(0);
        self.tape.record(&self.buffer[before..]);
        Ok(count)
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_taken_apart_one_after_the_other() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut far = Wire::open(listener.local_addr().unwrap()).await.unwrap();
        let tape = Tape::default();
        let mut near = Wire::new(listener.accept().await.unwrap().0, tape.clone());
        far.send("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        far.send("3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nHTTP/1.1 204 None\r\n\r\n").await.unwrap();
        far.send("HTTP/1.1 200 OK\r\n\r\nto the end").await.unwrap();
        drop(far);
        assert_eq!(near.reply().await.unwrap().text(), "abc");
        assert_eq!(near.reply().await.unwrap().status(), 204);
        assert_eq!(near.reply().await.unwrap().text(), "to the end");
        assert!(tape.bytes().ends_with(b"to the end"));
        assert_eq!(near.head().await.unwrap(), None);
    }
}
