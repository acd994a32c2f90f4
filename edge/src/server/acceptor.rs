//! Takes new connections of clients, until the process drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use pingora_runtime::current_handle;
use tokio::net::TcpListener;
use tracing::{debug, error, warn};

use crate::client_stream::ClientStream;
use crate::lifecycle::Lifecycle;
use crate::limits::ACCEPT_PAUSE;
use crate::request::ConnectionHandler;

/// Runs on the worker threads; each connection stays on the thread it is given to.
pub(super) struct Acceptor {
    pub(super) listeners: Vec<std::net::TcpListener>,
    pub(super) handler: Arc<ConnectionHandler>,
    pub(super) lifecycle: Lifecycle,
    pub(super) lost_after: Duration,
}

#[async_trait]
impl BackgroundService for Acceptor {
    async fn start(&self, _shutdown: ShutdownWatch) {
        for listener in &self.listeners {
            // A descriptor of its own: the one here is what a successor is given.
            let listener = listener.try_clone().and_then(TcpListener::from_std);
            let listener = match listener {
                Ok(listener) => listener,
                Err(error) => {
                    error!(%error, "a listening socket cannot be used; the edge ends");
                    return self.lifecycle.end();
                }
            };
            let (handler, lifecycle) = (Arc::clone(&self.handler), self.lifecycle.clone());
            current_handle().spawn(accept(listener, handler, lifecycle, self.lost_after));
        }
        // The service lives until the process ends; its runtime is everybody's.
        self.lifecycle.ended().await;
    }
}

async fn accept(
    listener: TcpListener,
    handler: Arc<ConnectionHandler>,
    lifecycle: Lifecycle,
    lost_after: Duration,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = lifecycle.draining() => return,
        };
        let (tcp, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // It may stay on another thread, whose runtime must watch it.
        let Ok(tcp) = tcp.into_std() else { continue };
        let handler = Arc::clone(&handler);
        current_handle().spawn(async move {
            let stream = tokio::net::TcpStream::from_std(tcp)
                .and_then(|tcp| ClientStream::new(tcp, address, lost_after));
            match stream {
                Ok(stream) => handler.serve(stream).await,
                Err(error) => debug!(%error, "a connection ended at once"),
            }
        });
    }
}

/// # Errors
/// Names the address and what is in its way.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    use anyhow::Context as _;
    use socket2::{Domain, Protocol, Socket, Type};
    /// As pingora has it; the kernel takes what `net.core.somaxconn` allows.
    const BACKLOG: i32 = 65_535;
    let open = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Connections of a former process may still be there.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        std::io::Result::Ok(socket.into())
    };
    open().with_context(|| format!("listening on {address}"))
}
