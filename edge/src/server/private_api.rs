//! What goes on beside the workers, on a thread of its own: the private API, the
//! signals, and the end of a drain. It outlives the last client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::info;

use super::assembly::Parts;
use super::listening::Listening;
use super::signals;
use crate::admin;
use crate::config::Config;
use crate::keys::KeyFile;
use crate::limits::LATECOMERS_FOR;
use crate::tls::{Challenges, TlsAcceptor};

/// How often a drain looks whether the last connection has gone.
const DRAINED_LOOK: Duration = Duration::from_millis(50);

pub(super) type Failure = Arc<Mutex<Option<anyhow::Error>>>;

pub(super) struct PrivateApi {
    listener: Mutex<Option<std::net::TcpListener>>,
    parts: Parts,
    listening: Arc<Listening>,
    /// Turns true when a successor has the private API.
    is_handed_over: watch::Receiver<bool>,
    tls: Option<Arc<TlsAcceptor>>,
    router: axum::Router,
    keys: Arc<KeyFile>,
    grace: Duration,
    ended: Arc<Notify>,
    failure: Failure,
}

impl PrivateApi {
    pub(super) fn new(
        listener: std::net::TcpListener,
        config: &Config,
        parts: &Parts,
        challenges: Arc<Challenges>,
        listening: &Arc<Listening>,
        is_handed_over: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let tls = config.admin_certificate.as_ref().map(TlsAcceptor::private).transpose();
        let tls = tls.context("setting up TLS of the private API")?.map(Arc::new);
        let metrics = {
            let parts = parts.clone();
            Arc::new(move || parts.render_metrics())
        };
        let state = admin::State::new(admin::Served {
            routes: Arc::clone(&parts.routes),
            certificates: Arc::clone(&parts.handed),
            challenges,
            domains: Arc::clone(&parts.domains),
            token: config.admin_token.clone(),
            metrics,
            lifecycle: parts.lifecycle.clone(),
        });
        Ok(Self {
            tls,
            listener: Mutex::new(Some(listener)),
            parts: parts.clone(),
            listening: Arc::clone(listening),
            is_handed_over,
            router: admin::router(state),
            keys: Arc::clone(&config.keys),
            grace: config.grace,
            ended: Arc::default(),
            failure: Failure::default(),
        })
    }

    /// Notified when nothing of this runs any more.
    pub(super) fn ended(&self) -> Arc<Notify> {
        Arc::clone(&self.ended)
    }

    /// Why it ended before it was told to.
    pub(super) fn failure(&self) -> Failure {
        Arc::clone(&self.failure)
    }

    async fn run(&self) -> anyhow::Result<()> {
        let listener = self.listener.lock().ok().and_then(|mut listener| listener.take());
        let listener = listener.context("the private API was started twice")?;
        let listener = TcpListener::from_std(listener).context("starting the private API")?;
        let lifecycle = &self.parts.lifecycle;
        let signals = signals::obey(&self.parts, &self.keys, self.grace);
        let mut is_handed_over = self.is_handed_over.clone();
        let until = async {
            tokio::select! {
                _ = is_handed_over.wait_for(|is_handed_over| *is_handed_over) => {}
                () = lifecycle.ended() => {}
            }
        };
        let api = admin::serve(listener, self.tls.clone(), self.router.clone(), until);
        tokio::join!(api, signals, self.end_when_drained());
        Ok(())
    }

    async fn end_when_drained(&self) {
        let Parts { limits, lifecycle, routes, .. } = &self.parts;
        lifecycle.draining().await;
        info!(connections = limits.open_connections(), "the edge drains");
        let idle = || async {
            // A process that drains since longer hears of changes through this one alone.
            loop {
                // First, as what came at last is on its way to its thread.
                tokio::time::sleep(DRAINED_LOOK).await;
                if limits.open_connections() == 0 && !routes.has_follower() {
                    return;
                }
            }
        };
        let drained = async {
            // It is closed at once when a successor has it.
            let closed = timeout(LATECOMERS_FOR, self.listening.closed());
            tokio::select! {
                _ = closed => {}
                () = idle() => {}
            }
            self.listening.close();
            idle().await;
        };
        tokio::select! {
            () = drained => {}
            () = lifecycle.grace_over() => {}
            () = lifecycle.ended() => {}
        }
        info!(connections = limits.open_connections(), "the edge ends");
        lifecycle.end();
    }
}

#[async_trait]
impl BackgroundService for PrivateApi {
    async fn start(&self, _shutdown: ShutdownWatch) {
        if let Err(error) = self.run().await
            && let Ok(mut failure) = self.failure.lock()
        {
            *failure = Some(error);
        }
        self.parts.lifecycle.end();
        self.ended.notify_one();
    }
}
