//! Accepts the connections of machines that join. Each is one call, and has an end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{call, certificate};
use crate::app::SharedApp;
use crate::http::listener::Peer;

/// Connections at once. Machines join by ones; who floods the others keeps them waiting.
const CONNECTIONS: usize = 32;

/// For handshake, call and answer: three round trips and a transaction.
const DEADLINE: Duration = Duration::from_secs(20);

/// After a failed accept, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is ready. Who is cut off then asks again.
pub async fn serve(listener: TcpListener, app: SharedApp, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let place = place.await.expect("the semaphore is never closed");
        while connections.try_join_next().is_some() {}
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let app = app.clone();
                    connections.spawn(async move {
                        let _place = place;
                        match timeout(DEADLINE, connection(stream, peer, app)).await {
                            Ok(Ok(())) => {}
                            Ok(Err(error)) => debug!("{peer} did not join: {error:#}"),
                            Err(_) => debug!("{peer} did not join within {DEADLINE:?}"),
                        }
                    });
                }
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = &mut stop => return,
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: SharedApp) -> anyhow::Result<()> {
    let tls = certificate::tls(&app.keys.present().ring)?;
    let stream = TlsAcceptor::from(tls).accept(stream).await?;
    let router = call::router(app);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(DEADLINE);
    Ok(builder.serve_connection(TokioIo::new(stream), service).await?)
}
