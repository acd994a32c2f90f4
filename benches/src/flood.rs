//! Somebody who wants the edge to be busy: at another address than the visitors, and on a
//! thread that the kernel runs when nobody else wants to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, setpriority_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_rustls::client::TlsStream;

use crate::cores;
use crate::tls::Client;

/// Limits that are held against an address are held against this one.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Connections that are always open.
const CONNECTIONS: usize = 16;

/// Frames that are written at once.
const BATCH: usize = 64;

/// What is sent without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flood {
    /// Requests of a workspace, as fast as they are answered.
    Requests,
    /// Requests that are taken back at once.
    Resets,
    /// A head that never ends.
    Continuations,
}

/// Whom a flood is sent to, and as whom.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub tls: Client,
    pub host: String,
    /// The session cookie.
    pub cookie: String,
}

/// A flood until it is dropped.
pub struct Flooding {
    is_over: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Flooding {
    /// # Errors
    /// When there can be no thread for it.
    pub fn start(flood: Flood, target: &Target, core: usize) -> anyhow::Result<Self> {
        let (is_over, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (ends, counts, target) = (Arc::clone(&is_over), Arc::clone(&sent), target.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("flood".into()).spawn(move || {
            // Without them the visitors would wait for the flood's thread and not for the edge.
            let quiet = cores::pin_this_thread(core)
                .and_then(|thread| Ok(setpriority_process(Pid::from_raw(thread), 19)?));
            if quiet.is_ok() {
                runtime.block_on(flood.run(&target, &ends, &counts));
            }
        });
        let thread = Some(thread.context("starting a flood")?);
        Ok(Self { is_over, sent, thread })
    }

    /// Requests and frames so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Flooding {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Flood {
    async fn run(self, target: &Target, is_over: &Arc<AtomicBool>, sent: &Arc<AtomicU64>) {
        let floods = (0..CONNECTIONS).map(|_| {
            let (target, is_over, sent) = (target.clone(), Arc::clone(is_over), Arc::clone(sent));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    // It ends when the edge has had enough, and is begun anew.
                    let _ = self.once(&target, &is_over, &sent).await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        });
        let floods: Vec<_> = floods.collect();
        for flood in floods {
            let _ = flood.await;
        }
    }

    async fn once(
        self,
        target: &Target,
        is_over: &AtomicBool,
        sent: &AtomicU64,
    ) -> anyhow::Result<()> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(ADDRESS, 0))?;
        let tcp = socket.connect(target.address).await?;
        let Target { tls, host, cookie, .. } = target;
        if self == Self::Requests {
            let mut stream = tls.connect(host, tcp).await?;
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
            let mut space = vec![0; 16 * 1024];
            while !is_over.load(Ordering::Relaxed) {
                stream.write_all(request.as_bytes()).await?;
                anyhow::ensure!(stream.read(&mut space).await? > 0, "it is over");
                sent.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(());
        }
        let stream = tls.connect_http2(host, tcp).await?;
        let (mut answers, mut frames) = tokio::io::split(stream);
        let drain = async {
            let mut space = vec![0; 16 * 1024];
            while answers.read(&mut space).await? > 0 {}
            std::io::Result::Ok(())
        };
        let fill = self.frames(target, &mut frames, is_over, sent);
        // Whichever ends first: the edge that hangs up, or this that is told to stop.
        tokio::select! {
            drained = drain => Ok(drained?),
            filled = fill => filled,
        }
    }

    async fn frames(
        self,
        target: &Target,
        to: &mut tokio::io::WriteHalf<TlsStream<tokio::net::TcpStream>>,
        is_over: &AtomicBool,
        sent: &AtomicU64,
    ) -> anyhow::Result<()> {
        const SETTINGS: u8 = 4;
        let mut begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        append_frame(&mut begin, SETTINGS, 0, 0, b"");
        let head = block(&target.host, &target.cookie);
        if self == Self::Continuations {
            append_frame(&mut begin, HEADERS, END_STREAM, 1, &head);
        }
        to.write_all(&begin).await?;
        let mut stream = 1;
        while !is_over.load(Ordering::Relaxed) {
            let mut batch = Vec::new();
            for _ in 0..BATCH {
                if self == Self::Continuations {
                    append_frame(&mut batch, CONTINUATION, 0, 1, &literal("x", &"y".repeat(100)));
                } else {
                    append_frame(&mut batch, HEADERS, END_STREAM | END_HEADERS, stream, &head);
                    append_frame(&mut batch, RST_STREAM, 0, stream, &CANCEL);
                    stream += 2;
                }
            }
            to.write_all(&batch).await?;
            to.flush().await?;
            sent.fetch_add(BATCH as u64, Ordering::Relaxed);
        }
        Ok(())
    }
}

// RFC 9113, 6.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn append_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a few hundred bytes").to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// `GET https://host/` with a cookie, in HPACK without compression.
fn block(host: &str, cookie: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x84, 0x01];
    append_text(&mut block, host);
    block.extend_from_slice(&literal("cookie", cookie));
    block
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    append_text(&mut field, name);
    append_text(&mut field, value);
    field
}

/// RFC 7541, 5.1 and 5.2: seven bits of a length, and seven more as long as it needs them.
fn append_text(out: &mut Vec<u8>, text: &str) {
    const PREFIX_MAX: usize = 127;
    if text.len() < PREFIX_MAX {
        out.push(text.len().to_le_bytes()[0]);
    } else {
        out.push(127);
        let mut rest = text.len() - PREFIX_MAX;
        while rest >= 128 {
            out.push((rest % 128 + 128).to_le_bytes()[0]);
            rest /= 128;
        }
        out.push(rest.to_le_bytes()[0]);
    }
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_hpack_has_them() {
        let check = |length: usize, expected: &[u8]| {
            let mut out = Vec::new();
            append_text(&mut out, &"x".repeat(length));
            assert_eq!(out[..out.len() - length], *expected, "{length}");
        };
        check(0, &[0]);
        check(126, &[126]);
        check(127, &[127, 0]);
        check(200, &[127, 73]);
        check(1_337, &[127, 186, 9]);
    }
}
