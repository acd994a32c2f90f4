//! Puts the edge together, and runs it to its end.
//!
//! pingora's server gives the threads; when they stop is decided here, because
//! its own end stops everything at the signal that begins a drain.

mod acceptor;
mod assembly;
mod descriptors;
mod private_api;
mod signals;

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use pingora::services::background::background_service;
use tokio::sync::Notify;
use tracing::info;

use crate::config::Config;
use acceptor::Acceptor;
use assembly::Parts;
use private_api::PrivateApi;

/// Runs until SIGINT, or until the drain that SIGTERM or SIGQUIT begins is over.
///
/// # Errors
/// Whatever keeps the edge from starting, and the end of its private API:
/// without it nobody could take access away.
pub fn run(mut config: Config) -> anyhow::Result<()> {
    descriptors::fit(&mut config);
    let listeners: Vec<_> =
        config.listen.iter().map(|address| acceptor::bind(*address)).collect::<Result<_, _>>()?;
    let admin = acceptor::bind(config.admin_listen)?;
    let parts = Parts::assemble(&config)?;
    let lifecycle = parts.lifecycle.clone();
    let routes = Arc::clone(&parts.routes);

    let api = PrivateApi::new(admin, &config, &parts);
    let (ended, failure) = (api.ended(), api.failure());
    let mut workers = background_service(
        "edge",
        Acceptor {
            listeners,
            handler: Arc::new(parts.connection_handler(&config)?),
            lifecycle,
            lost_after: config.limits.write_timeout,
        },
    );
    workers.threads = Some(config.threads);
    let mut server = Server::new_with_opt_and_conf(None, server_conf(&config));
    server.bootstrap();
    server.add_service(background_service("admin", api));
    server.add_service(workers);
    info!(listen = ?config.listen, admin = %config.admin_listen, "the edge serves");
    server.run(RunArgs { shutdown_signal: Box::new(End(ended)) });
    // The last change may wait for the disk; this joins the thread that writes it.
    drop((parts, routes));
    match failure.lock().ok().and_then(|mut failure| failure.take()) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn server_conf(config: &Config) -> ServerConf {
    ServerConf {
        threads: config.threads,
        // Each thread keeps connections to sprites of its own; see upstream/pool.rs.
        work_stealing: false,
        ..ServerConf::default()
    }
}

/// Tells pingora to stop its threads once the private API, the last to go, has gone.
struct End(Arc<Notify>);

#[async_trait]
impl ShutdownSignalWatch for End {
    async fn recv(&self) -> ShutdownSignal {
        self.0.notified().await;
        ShutdownSignal::FastShutdown
    }
}
