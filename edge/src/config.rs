//! The edge's configuration: text in, a checked struct out. `config/edge.toml`
//! explains every key.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use shared::join::CONTROLS_MAX;
use shared::process::{Complaints, Document, LogFormat, Section, named_file};
use shared::{AddressPolicy, PublicSite, Secret, Upstream};

use crate::keys::KeyFile;
use crate::limits::LimitsConfig;
use crate::observe::access_log::Destination;
use crate::otlp::OtlpConfig;
use crate::proxies::TrustedProxy;
use crate::tls::{Certificates, TlsConfig, private_certificate};

pub struct Config {
    /// The file that all of this was read from.
    pub(crate) path: PathBuf,
    pub site: PublicSite,
    pub listen: Vec<SocketAddr>,
    /// Where it is there, `listen` only sends clients to it.
    pub(crate) tls: Option<TlsConfig>,
    /// Load balancers and CDNs that are believed who their clients are.
    pub(crate) trusted_proxies: Vec<TrustedProxy>,
    pub admin_listen: SocketAddr,
    /// Of the private API, where it speaks TLS.
    pub(crate) admin_certificate: Option<Arc<Certificates>>,
    pub admin_token: Secret<String>,
    /// Control's site listener.
    /// The site's listener of each control.
    pub site_upstreams: Vec<Upstream>,
    pub keys: Arc<KeyFile>,
    pub store: PathBuf,
    /// Where a new process takes over from this one; only this user may enter it.
    pub run_folder: PathBuf,
    pub threads: usize,
    pub grace: Duration,
    pub upstream: UpstreamConfig,
    pub limits: LimitsConfig,
    pub log: LogFormat,
    pub access_log: Destination,
    /// Who collects spans, if anybody does.
    pub(crate) otlp: Option<OtlpConfig>,
}

pub struct UpstreamConfig {
    pub policy: AddressPolicy,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub connect_timeout: Duration,
    /// How long a sprite that sleeps may take to wake.
    pub(crate) wake_timeout: Duration,
    /// Between two reads of a sprite's answer.
    pub read_timeout: Duration,
    /// How long an unused connection to a sprite is kept.
    pub idle_timeout: Duration,
    pub pool_size: usize,
}

impl Config {
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn read(path: &Path) -> Result<Self, Complaints> {
        Document::read(path)?.check(|root| Self::from_section(root, path))
    }

    fn from_section(root: &mut Section<'_>, path: &Path) -> Option<Self> {
        let base_domain = root.required("base_domain", PublicSite::parse_base_domain);
        let site_url = root.required("site_url", Upstream::parse);
        let listen = root.list("listen", str::parse);
        if listen.is_empty() {
            root.complain("listen", "needs at least one address with a port");
        }
        let tls = root.optional_table("tls", TlsConfig::from_section);
        let trusted_proxies = root.tables("trusted_proxies", TrustedProxy::from_section);
        let listeners = listen.iter().chain(tls.iter().flat_map(|tls| &tls.listen));
        let is_ours = |proxy: &TrustedProxy| listeners.clone().any(|at| *at == proxy.listen());
        if !trusted_proxies.iter().all(is_ours) {
            root.complain("trusted_proxies", "names a listener that is not there");
        }
        let admin_listen = root.required("admin_listen", str::parse);
        let mut listeners: Vec<_> = listen.iter().map(|at| ("listen", *at)).collect();
        listeners.extend(tls.iter().flat_map(|tls| &tls.listen).map(|at| ("tls", *at)));
        listeners.extend(admin_listen.map(|at| ("admin_listen", at)));
        root.complain_of_one_address(&listeners);
        let admin_certificate = root.optional_table("admin_tls", private_certificate);
        let admin_token = root.secret("admin_token", "admin_token_file");
        let site_upstreams = root.one_or_more("site_upstream", CONTROLS_MAX, Upstream::parse);
        let keys = root.required("keys_file", |path| {
            KeyFile::open(Path::new(path)).map_err(|error| format!("{error:#}"))
        });
        let store = root.path("store");
        let run_folder = root.optional("run_folder", |path| Ok::<_, String>(PathBuf::from(path)));
        let threads = root.number("threads", 1..=256, available_threads());
        let grace = root.seconds("grace_seconds", 0..=86_400, 10);
        let upstream = root.table("upstream", UpstreamConfig::from_section);
        let limits = root.table("limits", LimitsConfig::from_section);
        let (log, access_log) = root.table("log", |log| {
            let format = log.optional("format", LogFormat::parse).unwrap_or(LogFormat::Json);
            let access = log.optional("access", |text| Ok::<_, String>(Destination::parse(text)));
            (format, access.unwrap_or(Destination::StandardOutput))
        });
        let otlp = root.optional_table("otlp", OtlpConfig::from_section);
        let site = match PublicSite::new(&base_domain?, site_url?) {
            Ok(site) => site,
            Err(error) => {
                root.complain("site_url", &error.to_string());
                return None;
            }
        };
        Some(Self {
            path: path.to_owned(),
            site,
            listen,
            tls,
            trusted_proxies,
            admin_listen: admin_listen?,
            admin_certificate,
            admin_token: admin_token?,
            site_upstreams: site_upstreams?,
            keys: Arc::new(keys?),
            run_folder: run_folder.or_else(|| Some(store.as_deref()?.with_extension("run")))?,
            store: store?,
            threads: usize::try_from(threads).ok()?,
            grace,
            upstream,
            limits,
            log,
            access_log,
            otlp,
        })
    }
}

impl UpstreamConfig {
    fn from_section(section: &mut Section<'_>) -> Self {
        Self {
            policy: AddressPolicy {
                allow_addresses: section.list("allow_addresses", str::parse),
                allow_http: section.list("allow_http", str::parse),
            },
            ca_file: section.optional("ca_file", |path| {
                let opened = named_file::open(Path::new(path));
                opened
                    .map(|_| path.into())
                    .map_err(|error| format!("{path} cannot be read: {error}"))
            }),
            connect_timeout: section.seconds("connect_timeout_seconds", 1..=60, 5),
            wake_timeout: section.seconds("wake_timeout_seconds", 1..=60, 15),
            read_timeout: section.seconds("read_timeout_seconds", 1..=3_600, 300),
            idle_timeout: section.seconds("idle_timeout_seconds", 1..=3_600, 55),
            pool_size: usize::try_from(section.number("pool_size", 1..=65_536, 1_024))
                .unwrap_or(1_024),
        }
    }
}

fn available_threads() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64)
}
