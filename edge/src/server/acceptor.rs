//! Takes new connections of clients, until the listening sockets are closed.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use pingora_runtime::current_handle;
use tokio::net::{TcpListener, TcpStream};
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
            let (handler, listening) = (Arc::clone(&self.handler), Arc::clone(&self.listening));
            current_handle().spawn(accept(listener, (at, entrance), handler, listening));
        }
        // The service lives until the process ends; its runtime is everybody's.
        self.lifecycle.ended().await;
    }
}

async fn accept(
    listener: TcpListener,
    (at, entrance): (SocketAddr, Entrance),
    handler: Arc<ConnectionHandler>,
    listening: Arc<Listening>,
) {
    let mut closed = pin!(listening.closed());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut closed => break,
        };
        match accepted {
            Ok((tcp, address)) => serve(tcp, address, at, &entrance, &handler),
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Those that the kernel has let in already would be reset with the socket.
    while let Some(Ok((tcp, address))) = listener.accept().now_or_never() {
        serve(tcp, address, at, &entrance, &handler);
    }
}

fn serve(
    tcp: TcpStream,
    address: SocketAddr,
    at: SocketAddr,
    entrance: &Entrance,
    handler: &Arc<ConnectionHandler>,
) {
    // It may stay on another thread, whose runtime must watch it.
    let Ok(tcp) = tcp.into_std() else { return };
    let (handler, entrance) = (Arc::clone(handler), entrance.clone());
    let lost_after = handler.limits.configured().write_timeout;
    current_handle().spawn(async move {
        let stream =
            TcpStream::from_std(tcp).and_then(|tcp| ClientStream::new(tcp, address, lost_after));
        match stream {
            Ok(stream) => handler.serve(stream, entrance, at).await,
            Err(error) => debug!(%error, "a connection ended at once"),
        }
    });
}
