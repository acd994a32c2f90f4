//! The listener of the private API, so bounded that no stranger shuts control out.
//!
//! It lives as long as the process: during a drain, too, access can be taken away.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tower::ServiceExt as _;
use tracing::warn;

use crate::limits::{ACCEPT_PAUSE, ADMIN_CONNECTIONS_MAX, ADMIN_DRAIN, ADMIN_HEAD_DEADLINE};
use crate::tls::TlsAcceptor;

/// Has the connection shown the bearer token?
#[derive(Debug, Clone, Default)]
pub(super) struct Trust(Arc<AtomicBool>);

impl Trust {
    pub(super) fn earn(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_earned(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Can nobody else hear what is said? Over TLS, or without leaving this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Confidential(pub(super) bool);

/// Answers on `listener` until `until` says so, then for at most five seconds more.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<TlsAcceptor>>,
    router: Router,
    until: impl Future<Output = ()> + Send,
) {
    let open = Open::default();
    let (stop, stopping) = watch::channel(false);
    let mut until = std::pin::pin!(until);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut until => break,
        };
        match accepted {
            Ok((tcp, client)) => {
                // A v4 address may come in the clothes of v6.
                let is_confidential = tls.is_some() || client.ip().to_canonical().is_loopback();
                let answered = Answered {
                    router: router.clone(),
                    trust: Trust::default(),
                    confidential: Confidential(is_confidential),
                };
                open.admit(tcp, tls.clone(), answered, stopping.clone());
            }
            Err(error) => {
                warn!(%error, "the private API could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let _ = stop.send(true);
    drop(stopping);
    // Closed once every connection has dropped its end.
    let _ = tokio::time::timeout(ADMIN_DRAIN, stop.closed()).await;
}

/// The open connections, oldest first.
#[derive(Clone, Default)]
struct Open(Arc<Mutex<Vec<Connection>>>);

/// By what the requests of one connection are answered.
#[derive(Clone)]
struct Answered {
    router: Router,
    trust: Trust,
    confidential: Confidential,
}

struct Connection {
    trust: Trust,
    task: AbortHandle,
}

impl Open {
    fn admit(
        &self,
        tcp: TcpStream,
        tls: Option<Arc<TlsAcceptor>>,
        answered: Answered,
        stopping: watch::Receiver<bool>,
    ) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|connection| !connection.task.is_finished());
        if open.len() >= ADMIN_CONNECTIONS_MAX {
            let Some(stranger) = open.iter().position(|other| !other.trust.is_earned()) else {
                return;
            };
            open.remove(stranger).task.abort();
        }
        let trust = answered.trust.clone();
        // An answer is small and wanted at once.
        let _ = tcp.set_nodelay(true);
        let task = tokio::spawn(async move {
            let Some(tls) = tls else { return answer(tcp, answered, stopping).await };
            // Who cannot be spoken with has no request that could be answered.
            if let Ok(stream) = tls.accept(tcp).await {
                answer(stream, answered, stopping).await;
            }
        });
        let task = task.abort_handle();
        open.push(Connection { trust, task });
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answered: Answered,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let Answered { router, trust, confidential } = answered.clone();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(trust);
        request.extensions_mut().insert(confidential);
        async move {
            Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|no| match no {}))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ADMIN_HEAD_DEADLINE)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // An error is a connection that broke off, and nobody's loss but its own.
    let is_stopping = tokio::select! {
        _ = &mut connection => false,
        stopped = stopping.changed() => stopped.is_ok(),
    };
    if is_stopping {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn idle_strangers_make_room_and_those_with_the_token_stay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let earn = |request: Request| async move {
            request.extensions().get::<Trust>().expect("every request has one").earn();
        };
        let router = Router::new().route("/", axum::routing::get(earn));
        tokio::spawn(serve(listener, None, router, std::future::pending()));
        let ask = async |tcp: &mut TcpStream| {
            tcp.write_all(b"GET / HTTP/1.1\r\nhost: edge\r\n\r\n").await?;
            tcp.read(&mut [0; 1024]).await
        };
        let mut trusted = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut trusted).await.unwrap() > 0);
        let mut strangers = Vec::new();
        for _ in 0..ADMIN_CONNECTIONS_MAX * 2 {
            strangers.push(TcpStream::connect(address).await.unwrap());
        }
        let mut control = TcpStream::connect(address).await.unwrap();
        let answered = tokio::time::timeout(Duration::from_secs(10), ask(&mut control)).await;
        assert!(answered.expect("in time").unwrap() > 0);
        assert!(ask(&mut trusted).await.unwrap() > 0, "the first is still there");
        assert_eq!(strangers[0].read(&mut [0; 1]).await.unwrap_or(0), 0, "the oldest had to go");
    }
}
