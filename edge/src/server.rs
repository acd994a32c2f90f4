//! Puts the edge together: opens the store, listens, and runs until it is told to stop.

use std::hash::RandomState;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use async_trait::async_trait;
use pingora::listeners::{L4BufferSettings, ListenerConfig};
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server, ShutdownWatch};
use pingora::services::background::{BackgroundService, background_service};
use pingora::services::listening::Service;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::admin;
use crate::config::Config;
use crate::connections::ConnectionRegistry;
use crate::forward::Forwarder;
use crate::keys::KeyFile;
use crate::limits::Limits;
use crate::observe::Telemetry;
use crate::observe::access_log::AccessLog;
use crate::observe::metrics::{Levels, Metrics};
use crate::request::{ConnectionHandler, NoSession, RequestHandler};
use crate::routes::{MovedAside, Routes};
use crate::upstream::pool::PoolLimits;
use crate::upstream::{Connector, Resolver};

/// Runs until SIGTERM, SIGINT or SIGQUIT.
///
/// # Errors
/// Whatever keeps the edge from starting; nothing is served then.
pub fn run(config: &Config) -> anyhow::Result<()> {
    raise_open_files();
    check_free(config)?;
    let registry = Arc::new(ConnectionRegistry::default());
    let opened =
        Routes::open(&config.store, config.upstream.policy.clone(), Arc::clone(&registry))?;
    if let Some(MovedAside { to, reason }) = &opened.moved_aside {
        error!(
            store = %config.store.display(), moved_to = %to.display(), reason,
            "the route store is spoiled and was moved aside; not ready until a table comes"
        );
    }
    let routes = Arc::new(opened.routes);
    let metrics = Metrics::new(&NoSession::LABELS);
    let access_log = AccessLog::open(&config.access_log, metrics.access_lines_dropped.clone())?;
    let telemetry = Arc::new(Telemetry { metrics, access_log });
    let limits = Arc::new(Limits::new(config.limits));

    let mut server = Server::new_with_opt_and_conf(None, server_conf(config));
    server.bootstrap();
    let handler = connection_handler(config, &routes, &registry, &limits, &telemetry)?;
    let mut service = Service::new("edge".into(), handler);
    service.threads = Some(config.threads);
    for address in &config.listen {
        // No read buffer of pingora's: ours lives only while a head is incomplete.
        let buffer = L4BufferSettings::new(0, WRITE_BUFFER_BYTES);
        service.add_listener(ListenerConfig::tcp(address.to_string()).l4_buffer(buffer));
    }
    let admin = Admin::bind(config, routes, registry, limits, telemetry)?;
    server.add_service(service);
    server.add_service(background_service("admin", admin));
    info!(listen = ?config.listen, admin = %config.admin_listen, "the edge serves");
    server.run(RunArgs::default());
    Ok(())
}

/// What pingora collects before it writes to a client: one full packet.
const WRITE_BUFFER_BYTES: usize = 1_460;

fn server_conf(config: &Config) -> ServerConf {
    ServerConf {
        threads: config.threads,
        // Each thread keeps connections to sprites of its own; see forward/pool.rs.
        work_stealing: false,
        grace_period_seconds: Some(config.grace.as_secs()),
        graceful_shutdown_timeout_seconds: Some(1),
        ..ServerConf::default()
    }
}

fn connection_handler(
    config: &Config,
    routes: &Arc<Routes>,
    registry: &Arc<ConnectionRegistry>,
    limits: &Arc<Limits>,
    telemetry: &Arc<Telemetry>,
) -> anyhow::Result<ConnectionHandler> {
    let upstream = &config.upstream;
    let site = Arc::new(config.site.clone());
    let site_upstream = config.site_upstream.clone();
    let resolver = Arc::new(Resolver::new(upstream.policy.clone(), site_upstream));
    let ca_file = upstream.ca_file.as_deref();
    let connector = Connector::new(resolver, ca_file, upstream.connect_timeout)?;
    let forwarder = Forwarder {
        connector,
        read_timeout: upstream.read_timeout,
        write_timeout: config.limits.write_timeout,
        pool: PoolLimits { connections: upstream.pool_size, idle: upstream.idle_timeout },
        body_max_bytes: config.limits.body_max_bytes,
    };
    Ok(ConnectionHandler {
        forwarder,
        limits: Arc::clone(limits),
        telemetry: Arc::clone(telemetry),
        handler: RequestHandler {
            site,
            site_upstream: config.site_upstream.clone(),
            keys: Arc::clone(&config.keys),
            routes: Arc::clone(routes),
            registry: Arc::clone(registry),
            limits: Arc::clone(limits),
            telemetry: Arc::clone(telemetry),
            groups: RandomState::new(),
        },
    })
}

/// The private API and the key file, on a listener and a thread of their own.
struct Admin {
    listener: Mutex<Option<std::net::TcpListener>>,
    router: axum::Router,
    keys: Arc<KeyFile>,
}

impl Admin {
    fn bind(
        config: &Config,
        routes: Arc<Routes>,
        registry: Arc<ConnectionRegistry>,
        limits: Arc<Limits>,
        telemetry: Arc<Telemetry>,
    ) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind(config.admin_listen)
            .with_context(|| format!("listening on admin_listen {}", config.admin_listen))?;
        listener.set_nonblocking(true).context("preparing the admin listener")?;
        let metrics = {
            let routes = Arc::clone(&routes);
            Arc::new(move || telemetry.metrics.render(&levels(&routes, &registry, &limits)))
        };
        let router = admin::router(admin::State::new(routes, config.admin_token.clone(), metrics));
        let keys = Arc::clone(&config.keys);
        Ok(Self { listener: Mutex::new(Some(listener)), router, keys })
    }
}

#[async_trait]
impl BackgroundService for Admin {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let listener = self.listener.lock().ok().and_then(|mut listener| listener.take());
        let listener = listener.map(tokio::net::TcpListener::from_std);
        let Some(Ok(listener)) = listener else {
            return error!("the private API could not be started");
        };
        let stop = async move {
            // An error means that the server is gone, which is a reason to stop as well.
            let _ = shutdown.changed().await;
        };
        tokio::select! {
            served = admin::serve(listener, self.router.clone(), stop) => {
                if let Err(error) = served {
                    error!(%error, "the private API has ended");
                }
            }
            () = reload_on_hangup(&self.keys) => {}
        }
    }
}

/// SIGHUP reads the key ring again. Ends only when signals cannot be heard.
async fn reload_on_hangup(keys: &KeyFile) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            error!(%error, "a new key ring will need a restart");
            return std::future::pending().await;
        }
    };
    while hangups.recv().await.is_some() {
        match keys.reload() {
            Ok(()) => info!(ring = ?keys.present().ring, "the key ring was read again"),
            Err(error) => error!("{error:#}; the old key ring stays"),
        }
    }
}

fn levels(routes: &Routes, registry: &ConnectionRegistry, limits: &Limits) -> Levels {
    let state = routes.state();
    Levels {
        connections: limits.open_connections(),
        tunnels: registry.sockets(),
        requests_in_flight: registry.requests(),
        routes: state.routes,
        locks: state.locks,
        generation: state.generation.0,
        ready: routes.is_ready(),
        store_behind: routes.is_behind(),
    }
}

/// Each client needs one descriptor, a WebSocket two: take all that we may have.
fn raise_open_files() {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        warn!(%error, "the limit of open files stays at {:?}", limits.current);
    }
}

/// A port that is taken is worth a sentence; pingora would panic.
fn check_free(config: &Config) -> anyhow::Result<()> {
    for address in &config.listen {
        std::net::TcpListener::bind(address)
            .with_context(|| format!("listening on {address}, as listen says"))?;
    }
    Ok(())
}
