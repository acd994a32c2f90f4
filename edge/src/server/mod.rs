//! Puts the edge together, and runs it to its end.
//!
//! pingora's server gives the threads; when they stop is decided here, because
//! its own end stops everything at the signal that begins a drain.

mod acceptor;
mod assembly;
mod descriptors;
mod entrances;
mod handover;
mod listening;
mod passing;
mod private_api;
mod run_folder;
mod service_manager;
mod signals;

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownSignal, ShutdownSignalWatch};
use pingora::services::background::background_service;
use tokio::sync::{Notify, watch};
use tracing::info;

use crate::config::Config;
use crate::connections::ConnectionRegistry;
use crate::domains::Domains;
use crate::tls::Challenges;
use acceptor::Acceptor;
use assembly::Parts;
use entrances::Entrances;
use handover::{Former, Inheritance};
use listening::Listening;
use private_api::PrivateApi;
use run_folder::RunFolder;

/// Runs until SIGINT, or until the drain that SIGTERM or SIGQUIT begins is over.
///
/// With `upgrade` it takes over from an edge that serves, otherwise only from one
/// that drains.
///
/// # Errors
/// Whatever keeps the edge from starting, and the end of its private API:
/// without it nobody could take access away.
pub fn run(mut config: Config, upgrade: bool) -> anyhow::Result<()> {
    descriptors::fit(&mut config);
    let folder = RunFolder::open(&config.run_folder)?;
    let mut inheritance = Inheritance::take(&folder, upgrade)?;
    let acme_folder = config.tls.as_ref().and_then(|tls| tls.acme_folder.clone());
    let challenges = Arc::new(Challenges::new(acme_folder));
    let registry = Arc::new(ConnectionRegistry::default());
    let domains = open_domains(&config, &registry);
    let entrances = Entrances::new(&config, &challenges, &domains)?;
    let listening = Arc::new(Listening::open(&entrances.addresses(), &mut inheritance.inherited)?);
    let admin = listening::obtain(config.admin_listen, &mut inheritance.inherited)?;
    // What the former process listened on and this one does not.
    inheritance.inherited.sockets.clear();
    let parts = Parts::assemble(&config, registry, domains)?;
    let handler = Arc::new(parts.connection_handler(&config)?);
    let lifecycle = parts.lifecycle.clone();
    inheritance.ready(&parts.routes, &parts.domains)?;

    let (handed_over, is_handed_over) = watch::channel(false);
    let former = Former {
        parts: parts.clone(),
        listening: Arc::clone(&listening),
        admin: admin.try_clone().context("sharing the private API's socket")?,
        keys: Arc::clone(&config.keys),
        grace: config.grace,
        handed_over,
    };
    former.wait(folder.listen()?)?;
    let api = PrivateApi::new(admin, &config, &parts, challenges, &listening, is_handed_over)?;
    let (ended, failure) = (api.ended(), api.failure());
    let mut workers =
        background_service("edge", Acceptor { listening, entrances, handler, lifecycle });
    workers.threads = Some(config.threads);
    let mut server = Server::new_with_opt_and_conf(None, server_conf(&config));
    server.bootstrap();
    server.add_service(background_service("admin", api));
    server.add_service(workers);
    info!(listen = ?config.listen, admin = %config.admin_listen, "the edge serves");
    service_manager::tell_ready();
    server.run(RunArgs { shutdown_signal: Box::new(End(ended)) });
    parts.routes.settle();
    parts.telemetry.access_log.close();
    match failure.lock().ok().and_then(|mut failure| failure.take()) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn open_domains(config: &Config, registry: &Arc<ConnectionRegistry>) -> Arc<Domains> {
    let folder = config.store.with_extension("domains");
    let certificates = config.tls.as_ref().map(|tls| Arc::clone(&tls.certificates));
    Arc::new(Domains::open(folder, certificates, Arc::clone(registry)))
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
