//! The connection of a client, with what the kernel is told about it.
//!
//! Little of what is written waits in the kernel, so that a slow client costs
//! little memory and what is cut is cut; a client that vanished is noticed.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::http2::{self, Http2Stream};
use crate::limits::UNSENT_MAX_BYTES;
use crate::proxies::TrustedProxy;
use crate::sockets::notice_loss;

/// How a client has reached us.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) address: IpAddr,
    /// The version of TLS, as logs have it.
    pub(crate) tls: Option<&'static str>,
    pub(crate) is_http2: bool,
    pub(crate) traffic: Arc<Traffic>,
}

/// Bytes that a connection has carried since its last request was logged: heads and
/// bodies, before they were encrypted.
///
/// One task has the connection; others may only look.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    read: AtomicU64,
    written: AtomicU64,
}

impl Traffic {
    pub(crate) fn count_read(&self, bytes: usize) {
        let before = self.read.load(Ordering::Relaxed);
        self.read.store(before.saturating_add(bytes as u64), Ordering::Relaxed);
    }

    fn count_written(&self, bytes: usize) {
        let before = self.written.load(Ordering::Relaxed);
        self.written.store(before.saturating_add(bytes as u64), Ordering::Relaxed);
    }

    /// What was read and what was written; both begin anew.
    pub(crate) fn take(&self) -> (u64, u64) {
        let (read, written) =
            (self.read.load(Ordering::Relaxed), self.written.load(Ordering::Relaxed));
        self.read.store(0, Ordering::Relaxed);
        self.written.store(0, Ordering::Relaxed);
        (read, written)
    }
}

pub(crate) struct ClientStream {
    transport: Transport,
    address: IpAddr,
    /// The one through which the client has come.
    proxy: Option<Arc<TrustedProxy>>,
    /// What each answer says about coming over TLS alone.
    hsts: Option<Arc<str>>,
    /// Only the end of the connection tells the client that what it gets is whole.
    is_delimiter: bool,
    traffic: Arc<Traffic>,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// One request's share of a connection.
    Http2(Box<Http2Stream>),
}

impl ClientStream {
    /// `lost_after` is how long sent bytes may stay unacknowledged.
    ///
    /// # Errors
    /// When the connection is gone already.
    pub(crate) fn new(
        tcp: TcpStream,
        address: SocketAddr,
        lost_after: Duration,
    ) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        notice_loss(&tcp, lost_after)?;
        SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_MAX_BYTES)?;
        let address = address.ip().to_canonical();
        Ok(Self {
            transport: Transport::Plain(tcp),
            address,
            proxy: None,
            hsts: None,
            is_delimiter: false,
            traffic: Arc::default(),
        })
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// From here on it is `client`'s, who has come through a proxy that said so.
    pub(crate) fn set_address(&mut self, client: IpAddr) {
        self.address = client;
    }

    /// From here on it is that of `proxy`, which says in each request whose that is.
    pub(crate) fn set_proxy(&mut self, proxy: Arc<TrustedProxy>) {
        self.proxy = Some(proxy);
    }

    pub(crate) fn set_hsts(&mut self, hsts: Option<Arc<str>>) {
        self.hsts = hsts;
    }

    pub(crate) fn hsts(&self) -> Option<&Arc<str>> {
        self.hsts.as_ref()
    }

    pub(crate) fn proxy(&self) -> Option<&Arc<TrustedProxy>> {
        self.proxy.as_ref()
    }

    pub(crate) fn arrival(&self) -> Arrival {
        let tls = match &self.transport {
            Transport::Tls(tls) => Some(match tls.get_ref().1.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
                _ => "1.2",
            }),
            Transport::Plain(_) | Transport::Http2(_) => None,
        };
        let traffic = Arc::clone(&self.traffic);
        Arrival { address: self.address, tls, is_http2: self.speaks_http2(), traffic }
    }

    /// The same connection with `handshake` over it; one that is encrypted stays as it is.
    ///
    /// # Errors
    /// As the handshake's.
    pub(crate) async fn encrypted<E, H>(
        self,
        handshake: impl FnOnce(TcpStream) -> H,
    ) -> Result<Self, E>
    where
        H: Future<Output = Result<TlsStream<TcpStream>, E>>,
    {
        let transport = match self.transport {
            Transport::Plain(tcp) => Transport::Tls(Box::new(handshake(tcp).await?)),
            encrypted => encrypted,
        };
        Ok(Self { transport, ..self })
    }

    /// One stream of a client's connection.
    pub(crate) fn of_http2(stream: Http2Stream, arrival: &Arrival, hsts: Option<Arc<str>>) -> Self {
        Self {
            transport: Transport::Http2(Box::new(stream)),
            address: arrival.address,
            proxy: None,
            hsts,
            is_delimiter: false,
            traffic: Arc::clone(&arrival.traffic),
        }
    }

    /// Have both sides agreed on HTTP/2 for what follows?
    pub(crate) fn speaks_http2(&self) -> bool {
        matches!(&self.transport, Transport::Tls(tls)
            if tls.get_ref().1.alpn_protocol() == Some(http2::PROTOCOL))
    }

    /// Does closing it end no more than one request?
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.transport, Transport::Http2(_))
    }

    /// May something come that nobody reads any more? Of a connection that cannot be known.
    pub(crate) fn expects_more(&self) -> bool {
        match &self.transport {
            Transport::Http2(stream) => stream.expects_more(),
            Transport::Plain(_) | Transport::Tls(_) => true,
        }
    }

    /// From here on the end of the connection is that of an answer, until [`Self::is_whole`]:
    /// until then every end is a reset, that of the process included.
    pub(crate) fn delimit(&mut self) {
        self.is_delimiter = true;
        self.linger(Some(Duration::ZERO));
    }

    /// All of the answer was written.
    pub(crate) fn is_whole(&mut self) {
        if mem::take(&mut self.is_delimiter) {
            self.linger(None);
        }
    }

    /// Would an orderly end make an answer look whole that is not?
    pub(crate) fn must_be_reset(&self) -> bool {
        self.is_delimiter || self.is_shared()
    }

    /// Ends it so that the client knows that something is missing:
    /// nothing that waits in the kernel goes out any more.
    pub(crate) fn reset(mut self) {
        match &mut self.transport {
            Transport::Http2(stream) => stream.reset(),
            Transport::Plain(_) | Transport::Tls(_) => self.linger(Some(Duration::ZERO)),
        }
    }

    /// How long closing it waits for what was not sent; zero resets it.
    fn linger(&self, time: Option<Duration>) {
        let tcp = match &self.transport {
            Transport::Plain(tcp) => tcp,
            Transport::Tls(tls) => tls.get_ref().0,
            Transport::Http2(_) => return,
        };
        // An error is a connection that has ended already.
        let _ = SockRef::from(tcp).set_linger(time);
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let result = match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_read(context, into),
            Transport::Http2(stream) => Pin::new(&mut **stream).poll_read(context, into),
        };
        self.traffic.count_read(into.filled().len() - before);
        result
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_write(context, bytes),
            Transport::Http2(stream) => Pin::new(&mut **stream).poll_write(context, bytes),
        };
        if let Poll::Ready(Ok(count)) = result {
            self.traffic.count_written(count);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_flush(context),
            Transport::Http2(stream) => Pin::new(&mut **stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Transport::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(context),
            Transport::Http2(stream) => Pin::new(&mut **stream).poll_shutdown(context),
        }
    }
}
