//! A WebSocket as a visitor has it, over a bare connection.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::frame::{self, SAMPLE_ACCEPT};

const HEAD_MAX_BYTES: usize = 4096;

pub struct Socket {
    stream: TcpStream,
}

/// A message, and what must come back of it.
#[derive(Clone)]
pub struct Message {
    sent: Vec<u8>,
    expected: Vec<u8>,
}

impl Message {
    pub fn of_bytes(count: usize) -> Self {
        let payload: Vec<u8> = (b'a'..=b'z').cycle().take(count).collect();
        Self { sent: frame::from_client(&payload), expected: frame::from_server(&payload) }
    }
}

impl Socket {
    /// Sends `upgrade`, a whole request head, and waits for the 101.
    ///
    /// # Errors
    /// Quotes any other answer.
    pub async fn open(address: SocketAddr, upgrade: &[u8]) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(upgrade).await?;
        let mut head = Vec::with_capacity(512);
        // Behind the head of a refusal there is a body.
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            let count = stream.read_buf(&mut head).await?;
            if count == 0 || head.len() > HEAD_MAX_BYTES {
                break;
            }
        }
        let head = String::from_utf8_lossy(&head);
        if !head.starts_with("HTTP/1.1 101") || !head.contains(SAMPLE_ACCEPT) {
            bail!("the upgrade was answered {:?}", head.lines().next().unwrap_or_default());
        }
        Ok(Self { stream })
    }

    /// Sends `message` and waits until it has come back.
    ///
    /// `space` is scratch memory that many sockets may share one after the other.
    ///
    /// # Errors
    /// When the socket ends, or something else comes back.
    pub async fn echo(&mut self, message: &Message, space: &mut Vec<u8>) -> anyhow::Result<()> {
        self.stream.write_all(&message.sent).await?;
        space.resize(message.expected.len(), 0);
        self.stream.read_exact(space).await.context("waiting for the echo")?;
        if *space != message.expected {
            bail!("another message came back than was sent");
        }
        Ok(())
    }

    /// Returns when the other side has closed: by a close frame or by ending the connection.
    ///
    /// # Errors
    /// When something else arrives.
    pub async fn closed(&mut self) -> io::Result<()> {
        let mut space = [0; 128];
        match self.stream.read(&mut space).await {
            Ok(0) | Err(_) => Ok(()),
            Ok(count) if frame::is_close(&space[..count]) => Ok(()),
            Ok(_) => Err(io::Error::other("a message arrived where a close was expected")),
        }
    }
}
