//! What the kernel is told about connections, on either side.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use crate::limits::{KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES};

/// Lets the kernel notice that the other side is no longer there: when it answers
/// no sign of life, or leaves what it was sent unacknowledged for `lost_after`.
///
/// # Errors
/// When the connection is gone already.
pub(crate) fn notice_loss(tcp: &TcpStream, lost_after: Duration) -> io::Result<()> {
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(lost_after))
}
