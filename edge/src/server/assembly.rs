//! The parts that live as long as the process, made out of its configuration.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ahash::RandomState;
use shared::process::time::unix_seconds;
use tracing::error;

use crate::config::Config;
use crate::connections::ConnectionRegistry;
use crate::domains::Domains;
use crate::forward::Forwarder;
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::observe::access_log::AccessLog;
use crate::observe::metrics::{Levels, Metrics};
use crate::observe::{Spans, Telemetry};
use crate::otlp::Exporter;
use crate::proxies::TrustedProxies;
use crate::request::{ConnectionHandler, NoSession, Places, RequestHandler};
use crate::routes::{MovedAside, Routes};
use crate::tls::{Certificates, HandedCertificates};
use crate::upstream::pool::{self, PoolLimits};
use crate::upstream::{Connector, Controls, Resolver};
use crate::waking::Waking;

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) routes: Arc<Routes>,
    pub(super) registry: Arc<ConnectionRegistry>,
    pub(super) limits: Arc<Limits>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) lifecycle: Lifecycle,
    /// The file that the configuration was read from.
    pub(super) configuration: PathBuf,
    pub(super) proxies: Arc<TrustedProxies>,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) admin_certificate: Option<Arc<Certificates>>,
    pub(super) handed: Arc<HandedCertificates>,
    pub(super) domains: Arc<Domains>,
    /// Once requests are taken.
    waking: Arc<OnceLock<Arc<Waking>>>,
}

impl Parts {
    /// # Errors
    /// When the store or the access log cannot be opened, or no certificate be loaded.
    pub(super) fn assemble(
        config: &Config,
        registry: Arc<ConnectionRegistry>,
        domains: Arc<Domains>,
    ) -> anyhow::Result<Self> {
        let policy = config.upstream.policy.clone();
        let opened = Routes::open(&config.store, policy, Arc::clone(&registry))?;
        if let Some(MovedAside { to, reason }) = &opened.moved_aside {
            error!(
                store = %config.store.display(), moved_to = %to.display(), reason,
                "the route store is spoiled and was moved aside; not ready until a table comes"
            );
        }
        let metrics = Metrics::new(&NoSession::LABELS);
        let certificates = config.tls.as_ref().map(|tls| Arc::clone(&tls.certificates));
        let handed = config.store.with_extension("certificates");
        let handed = HandedCertificates::open(handed, certificates.clone());
        let access_log = AccessLog::open(&config.access_log, metrics.access_lines_dropped.clone())?;
        let spans = match &config.otlp {
            None => None,
            Some(otlp) => {
                let (spans, queue) = Spans::new(metrics.spans_dropped.clone());
                Exporter::start(otlp, queue, metrics.spans_dropped.clone())?;
                Some(spans)
            }
        };
        Ok(Self {
            routes: Arc::new(opened.routes),
            registry,
            limits: Arc::new(Limits::new(config.limits)),
            telemetry: Arc::new(Telemetry { metrics, access_log, spans }),
            lifecycle: Lifecycle::default(),
            configuration: config.path.clone(),
            proxies: Arc::new(TrustedProxies::new(config.trusted_proxies.clone())),
            admin_certificate: config.admin_certificate.clone(),
            waking: Arc::default(),
            certificates,
            handed: Arc::new(handed),
            domains,
        })
    }

    /// # Errors
    /// When no certificate can be loaded.
    pub(super) fn connection_handler(&self, config: &Config) -> anyhow::Result<ConnectionHandler> {
        let site = Arc::new(config.site.clone());
        let upstream = &config.upstream;
        let controls = Arc::new(Controls::new(&config.site_upstreams));
        let resolver = Resolver::new(upstream.policy.clone(), &config.site_upstreams);
        let ca_file = upstream.ca_file.as_deref();
        let connector =
            Arc::new(Connector::new(Arc::new(resolver), ca_file, upstream.connect_timeout)?);
        let telemetry = Arc::clone(&self.telemetry);
        let waking =
            Arc::new(Waking::new(Arc::clone(&connector), telemetry, upstream.wake_timeout));
        // Asked by the metrics only.
        let _ = self.waking.set(Arc::clone(&waking));
        let forwarder = Forwarder {
            site: Arc::clone(&site),
            connector,
            controls: Arc::clone(&controls),
            waking: Arc::clone(&waking),
            read_timeout: upstream.read_timeout,
            pool: PoolLimits { connections: upstream.pool_size, idle: upstream.idle_timeout },
            limits: Arc::clone(&self.limits),
        };
        let handler = RequestHandler {
            site,
            controls,
            keys: Arc::clone(&config.keys),
            routes: Arc::clone(&self.routes),
            domains: Arc::clone(&self.domains),
            registry: Arc::clone(&self.registry),
            limits: Arc::clone(&self.limits),
            telemetry: Arc::clone(&self.telemetry),
            groups: RandomState::new(),
            lifecycle: self.lifecycle.clone(),
            waking,
        };
        Ok(ConnectionHandler {
            handler,
            limits: Arc::clone(&self.limits),
            telemetry: Arc::clone(&self.telemetry),
            forwarder,
            lifecycle: self.lifecycle.clone(),
            proxies: Arc::clone(&self.proxies),
            places: Places::default(),
        })
    }

    pub(super) fn render_metrics(&self) -> String {
        let state = self.routes.state();
        self.telemetry.metrics.render(&Levels {
            connections: self.limits.open_connections(),
            tunnels: self.registry.sockets(),
            requests_in_flight: self.registry.requests(),
            held: self.waking.get().map_or(0, |waking| waking.held()),
            given_up: self.waking.get().map_or(0, |waking| waking.given_up()),
            routes: state.routes,
            locks: state.locks,
            generation: state.generation.0,
            ready: self.routes.is_ready(),
            store_behind: self.routes.is_behind(),
            kept: pool::kept(),
            certificate_seconds: self.certificate_seconds(),
        })
    }

    /// Until the first certificate expires.
    fn certificate_seconds(&self) -> u64 {
        let all = self.certificates.iter().chain(&self.admin_certificate);
        let first = all.map(|certificates| certificates.expires()).min();
        first.map_or(0, |expires| expires.saturating_sub(unix_seconds()))
    }
}
