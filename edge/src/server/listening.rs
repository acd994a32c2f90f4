//! The listening sockets: bound here, or taken over from a former process.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};

/// As pingora has it; the kernel takes what `net.core.somaxconn` allows.
const BACKLOG: i32 = 65_535;

/// One descriptor of each, as long as connections are taken. While one is open the
/// kernel goes on letting clients in, whether or not somebody accepts them.
pub(super) struct Listening(Mutex<Vec<TcpListener>>);

impl Listening {
    /// Those of `addresses` that are among `inherited`, and the rest bound anew.
    ///
    /// # Errors
    /// Names the address and what is in its way.
    pub(super) fn open(
        addresses: &[SocketAddr],
        inherited: &mut Vec<TcpListener>,
    ) -> anyhow::Result<Self> {
        let listeners = addresses.iter().map(|address| obtain(*address, inherited));
        Ok(Self(Mutex::new(listeners.collect::<Result<_, _>>()?)))
    }

    /// Further descriptors of the same sockets; none once they are closed.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub(super) fn share(&self) -> std::io::Result<Vec<TcpListener>> {
        let listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().map(TcpListener::try_clone).collect()
    }

    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The one of `inherited` that listens on `address`, or a new one.
///
/// # Errors
/// Names the address and what is in its way.
pub(super) fn obtain(
    address: SocketAddr,
    inherited: &mut Vec<TcpListener>,
) -> anyhow::Result<TcpListener> {
    let is_it = |socket: &TcpListener| socket.local_addr().is_ok_and(|bound| bound == address);
    match inherited.iter().position(is_it) {
        Some(at) => Ok(inherited.swap_remove(at)),
        None => bind(address).with_context(|| format!("listening on {address}")),
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
