//! Takes new connections of clients, until the process drains.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use pingora_runtime::current_handle;
use tokio::net::TcpListener;
use tracing::{debug, error, warn};

use super::entrances::Entrances;
use super::listening::Listening;
use crate::client_stream::ClientStream;
use crate::lifecycle::Lifecycle;
use crate::limits::ACCEPT_PAUSE;
use crate::request::{ConnectionHandler, Entrance};

/// Runs on the worker threads; each connection stays on the thread it is given to.
pub(super) struct Acceptor {
    pub(super) listening: Arc<Listening>,
    pub(super) entrances: Entrances,
    pub(super) handler: Arc<ConnectionHandler>,
    pub(super) lifecycle: Lifecycle,
}

#[async_trait]
impl BackgroundService for Acceptor {
    async fn start(&self, _shutdown: ShutdownWatch) {
        let listeners = self.listening.share().and_then(|listeners| {
            listeners.into_iter().map(TcpListener::from_std).collect::<Result<Vec<_>, _>>()
        });
        let listeners = match listeners {
            Ok(listeners) => listeners,
            Err(error) => {
                error!(%error, "the listening sockets cannot be used; the edge ends");
                return self.lifecycle.end();
            }
        };
        for listener in listeners {
            let at = listener.local_addr().ok();
            let Some((at, entrance)) = at.and_then(|at| Some((at, self.entrances.at(at)?))) else {
                error!(?listener, "a listening socket is bound elsewhere; the edge ends");
                return self.lifecycle.end();
            };
            let (handler, lifecycle) = (Arc::clone(&self.handler), self.lifecycle.clone());
            current_handle().spawn(accept(listener, (at, entrance), handler, lifecycle));
        }
        // The service lives until the process ends; its runtime is everybody's.
        self.lifecycle.ended().await;
    }
}

async fn accept(
    listener: TcpListener,
    (at, entrance): (SocketAddr, Entrance),
    handler: Arc<ConnectionHandler>,
    lifecycle: Lifecycle,
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
        let (handler, entrance) = (Arc::clone(&handler), entrance.clone());
        let lost_after = handler.limits.configured().write_timeout;
        current_handle().spawn(async move {
            let stream = tokio::net::TcpStream::from_std(tcp)
                .and_then(|tcp| ClientStream::new(tcp, address, lost_after));
            match stream {
                Ok(stream) => handler.serve(stream, entrance, at).await,
                Err(error) => debug!(%error, "a connection ended at once"),
            }
        });
    }
}
