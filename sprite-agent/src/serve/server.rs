//! Accepts connections and speaks HTTP/1 on them, within bounds.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::router;
use super::strangers::{STRANGERS_MAX, Standing, Strangers};
use crate::agent::Agent;

/// How long an edge's connection may lie idle, and a head may take on it. Longer than
/// the 60 s that proxies usually keep theirs, so that it is they who close.
const IDLE_MAX: Duration = Duration::from_secs(75);

const HEAD_MAX_BYTES: usize = 32 << 10;
const HEADERS_MAX: usize = 64;

/// How long requests and sockets may take to finish when the agent stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// A full file table does not empty itself faster than this.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Serves until the agent is stopping, then lets what is under way finish.
pub async fn serve(agent: Arc<Agent>, listener: TcpListener) {
    // The customer's own, and apart from them the strangers'.
    let limit = agent.config.limits.connections + STRANGERS_MAX;
    let places = Arc::new(Semaphore::new(limit));
    let stopping = agent.stopping.clone();
    let accepting = accept(&agent, &listener, &places);
    tokio::select! {
        () = accepting => {}
        () = stopping.requested() => {}
    }
    drop(listener);
    let all = u32::try_from(limit).expect("limited by the configuration");
    let drained = async {
        let _ = places.acquire_many(all).await;
        agent.sockets_closed().await;
    };
    if tokio::time::timeout(DRAIN_MAX, drained).await.is_err() {
        warn!("some connections did not end within {DRAIN_MAX:?} and are cut");
    }
}

async fn accept(agent: &Arc<Agent>, listener: &TcpListener, places: &Arc<Semaphore>) {
    let strangers = Strangers::default();
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let agent = agent.clone();
                let standing = strangers.admit();
                tokio::spawn(async move {
                    connection(agent, stream, &standing).await;
                    standing.over();
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "cannot accept a connection, trying again");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

async fn connection(agent: Arc<Agent>, stream: TcpStream, standing: &Arc<Standing>) {
    // An unset option only costs latency.
    let _ = stream.set_nodelay(true);
    let stopping = agent.stopping.clone();
    let service = {
        let standing = standing.clone();
        service_fn(move |request| router::answer(agent.clone(), standing.clone(), request))
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_MAX_BYTES)
        .max_buf_size(HEAD_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = standing.has_to_go() => return,
        () = stopping.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}
