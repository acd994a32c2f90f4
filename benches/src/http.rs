//! One HTTP/1.1 connection to a server that says how long its answers are.

use std::io;
use std::net::SocketAddr;

use httparse::Status;
use rustls::HandshakeKind;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::tls::Client;

/// Longest answer that is taken; a page of the private API is far below.
const ANSWER_MAX_BYTES: usize = 1 << 20;

const MAX_HEADERS: usize = 32;

pub struct Connection {
    stream: Box<dyn Stream>,
    is_resumed: bool,
    buffer: Vec<u8>,
    filled: usize,
}

/// TCP, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// Where an answer's body lies in the bytes read.
struct Extent {
    status: u16,
    head: usize,
    body: usize,
}

impl Connection {
    /// # Errors
    /// When nobody listens there.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }

    /// The same by TLS, with a handshake for `host`.
    ///
    /// # Errors
    /// When the handshake fails, or the certificate is not of `host`.
    pub async fn open_tls(address: SocketAddr, tls: &Client, host: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = tls.connect(host, stream).await?;
        let is_resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok(Self { is_resumed, ..Self::over(stream) })
    }

    /// Went its handshake on with an earlier session?
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), is_resumed: false, buffer: vec![0; 4096], filled: 0 }
    }

    /// Sends `request` and waits for the whole answer.
    ///
    /// # Errors
    /// When the server ends the connection, or its answer has no length.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.send(request).await?;
        self.receive().await
    }

    /// # Errors
    /// When the server has ended the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits for the whole next answer.
    ///
    /// # Errors
    /// As [`Connection::exchange`].
    pub async fn receive(&mut self) -> io::Result<Answer<'_>> {
        self.filled = 0;
        let Extent { status, head, body } = loop {
            self.read_more().await?;
            if let Some(extent) = extent(&self.buffer[..self.filled])? {
                break extent;
            }
        };
        while self.filled < head + body {
            self.read_more().await?;
        }
        Ok(Answer { status, body: &self.buffer[head..head + body] })
    }

    async fn read_more(&mut self) -> io::Result<()> {
        if self.filled == self.buffer.len() {
            if self.filled >= ANSWER_MAX_BYTES {
                return Err(io::Error::other("the answer has more than a megabyte"));
            }
            self.buffer.resize(self.filled * 2, 0);
        }
        match self.stream.read(&mut self.buffer[self.filled..]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.filled += count;
                Ok(())
            }
        }
    }
}

/// `None` while the head is not complete.
fn extent(bytes: &[u8]) -> io::Result<Option<Extent>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(bytes).map_err(io::Error::other)? {
        Status::Complete(head) => head,
        Status::Partial => return Ok(None),
    };
    let status = answer.code.unwrap_or_default();
    let length = answer.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    match length {
        Some(body) => Ok(Some(Extent { status, head, body })),
        None if status == 204 => Ok(Some(Extent { status, head, body: 0 })),
        None => Err(io::Error::other(format!("an answer {status} without Content-Length"))),
    }
}
