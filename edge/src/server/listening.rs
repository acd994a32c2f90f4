//! The listening sockets: bound here, or taken over from a former process.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;

/// As pingora has it; the kernel takes what `net.core.somaxconn` allows.
const BACKLOG: i32 = 65_535;

/// One descriptor of each, as long as connections are taken. While one is open the
/// kernel goes on letting clients in, whether or not somebody accepts them.
pub(super) struct Listening {
    sockets: Mutex<Vec<TcpListener>>,
    is_open: watch::Sender<bool>,
}

/// What a former process has given, and what it may still be about to close.
#[derive(Default)]
pub(super) struct Inherited {
    pub(super) sockets: Vec<TcpListener>,
    /// When it must have closed those that it does not give, if there is one.
    pub(super) free_by: Option<Instant>,
}

/// Between two tries to bind what a former process is about to close.
const FREED_LOOK: Duration = Duration::from_millis(5);

impl Listening {
    /// Those of `addresses` that are among `inherited`, and the rest bound anew.
    ///
    /// # Errors
    /// Names the address and what is in its way.
    pub(super) fn open(
        addresses: &[SocketAddr],
        inherited: &mut Inherited,
    ) -> anyhow::Result<Self> {
        let listeners = addresses.iter().map(|address| obtain(*address, inherited));
        let sockets = Mutex::new(listeners.collect::<Result<_, _>>()?);
        Ok(Self { sockets, is_open: watch::Sender::new(true) })
    }

    /// Further descriptors of the same sockets; none once they are closed.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn share(&self) -> std::io::Result<Vec<TcpListener>> {
        let listeners = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().map(TcpListener::try_clone).collect()
    }

    pub(super) fn close(&self) {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.is_open.send_replace(false);
    }

    /// Resolves when no more connections are to be taken.
    pub(super) async fn closed(&self) {
        // The sender lives in `self`.
        let _ = self.is_open.subscribe().wait_for(|is_open| !is_open).await;
    }
}

/// The one of `inherited` that listens on `address`, or a new one.
///
/// # Errors
/// Names the address and what is in its way.
pub(super) fn obtain(
    address: SocketAddr,
    inherited: &mut Inherited,
) -> anyhow::Result<TcpListener> {
    let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|bound| bound == address);
    let sockets = &mut inherited.sockets;
    if let Some(at) = sockets.iter().position(is_it) {
        return Ok(sockets.swap_remove(at));
    }
    loop {
        match bind(address) {
            // One that drains closes its own in this very moment.
            Err(error)
                if error.kind() == ErrorKind::AddrInUse
                    && inherited.free_by.is_some_and(|by| Instant::now() < by) =>
            {
                std::thread::sleep(FREED_LOOK);
            }
            bound => return bound.with_context(|| format!("listening on {address}")),
        }
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of a former process may still be there.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
