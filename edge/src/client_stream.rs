//! The connection of a client, with what the kernel is told about it.
//!
//! Little of what is written waits in the kernel, so that a slow client costs
//! little memory and what is cut is cut; a client that vanished is noticed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::limits::UNSENT_MAX_BYTES;
use crate::sockets::notice_loss;

pub(crate) struct ClientStream {
    tcp: TcpStream,
    address: IpAddr,
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
        Ok(Self { tcp, address: address.ip().to_canonical() })
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }

    /// Ends the connection so that the client knows that something is missing:
    /// nothing that waits in the kernel goes out any more.
    pub(crate) fn reset(self) {
        // An error is a connection that has ended already.
        let _ = self.tcp.set_zero_linger();
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, into)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
