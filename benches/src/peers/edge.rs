//! Our edge as it is shipped: one thread, sessions checked, the limits out of the way.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::{AccessLog, Door, Entrance};
use crate::accounting::{Account, resident_bytes};
use crate::admin::Admin;
use crate::child::{Child, free_address};
use crate::http::Connection;
use crate::stage::Stage;
use crate::tenants::{self, BASE_DOMAIN};
use crate::tls::Certificate;

/// Workspaces below this number answer requests, those from it on WebSockets.
pub const WEB_TENANTS: u64 = 500;

/// Routes of an edge that is compared with other proxies.
const ROUTES: u64 = 1_000;

/// Bearer token of the private API; it lives as long as the run.
const ADMIN_TOKEN: &str = "only-for-this-measurement";

/// How long a table may take to be there after a start.
const PATIENCE: Duration = Duration::from_secs(120);

/// The edge's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Out of the way of what is measured.
    Lifted,
    /// As its users have them.
    Usual,
}

pub struct Edge {
    pub address: SocketAddr,
    admin: SocketAddr,
    setting: Setting,
    program: Child,
}

/// What a restart keeps.
struct Setting {
    name: &'static str,
    executable: PathBuf,
    core: usize,
    folder: PathBuf,
}

impl Edge {
    /// Starts one with an empty store.
    ///
    /// # Errors
    /// Quotes what the edge says when it does not start.
    pub async fn start(
        stage: &Stage,
        name: &'static str,
        log: AccessLog,
        entrance: Entrance,
    ) -> anyhow::Result<Self> {
        Self::start_within(stage, name, log, entrance, Bounds::Lifted).await
    }

    async fn start_within(
        stage: &Stage,
        name: &'static str,
        log: AccessLog,
        entrance: Entrance,
        bounds: Bounds,
    ) -> anyhow::Result<Self> {
        let folder = stage.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let address = free_address().context("looking for a free port")?;
        let admin = free_address().context("looking for a free port")?;
        std::fs::write(folder.join("keys.toml"), &stage.ring.toml)?;
        let configuration = match entrance {
            Entrance::Plain => configuration(&folder, address, admin, log, bounds),
            // Whoever comes unencrypted is told to come back by TLS.
            Entrance::Tls => {
                let plain = free_address().context("looking for a free port")?;
                let tls = encryption(address, &stage.certificate);
                configuration(&folder, plain, admin, log, bounds) + &tls
            }
        };
        std::fs::write(folder.join("edge.toml"), configuration)?;
        // An earlier edge of this name has left its table there.
        let _ = std::fs::remove_file(folder.join("routes.redb"));
        let (executable, core) = (stage.programs.edge.clone(), stage.cores.proxy);
        let setting = Setting { name, executable, core, folder };
        let mut program = setting.start()?;
        program.wait_until_listening(admin).await?;
        program.wait_until_listening(address).await?;
        Ok(Self { address, admin, setting, program })
    }

    /// Starts one and sends it a thousand routes: half to the web server, half to the echo.
    ///
    /// # Errors
    /// When it does not start or refuses the table.
    pub async fn start_serving(
        stage: &Stage,
        name: &'static str,
        log: AccessLog,
        entrance: Entrance,
    ) -> anyhow::Result<Self> {
        Self::start_serving_within(stage, name, log, entrance, Bounds::Lifted).await
    }

    /// The same with `bounds`.
    ///
    /// # Errors
    /// As [`Self::start_serving`].
    pub async fn start_serving_within(
        stage: &Stage,
        name: &'static str,
        log: AccessLog,
        entrance: Entrance,
        bounds: Bounds,
    ) -> anyhow::Result<Self> {
        let edge = Self::start_within(stage, name, log, entrance, bounds).await?;
        let (web, echo) = (stage.web.door().address, stage.echo.address);
        let upstream = |index| if index < WEB_TENANTS { web } else { echo };
        let routes = (0..ROUTES).map(|index| tenants::served_route(index, upstream(index)));
        edge.admin().await?.send_table(routes).await?;
        Ok(edge)
    }

    /// Opens a connection to the private API.
    ///
    /// # Errors
    /// When the edge is gone.
    pub async fn admin(&self) -> anyhow::Result<Admin> {
        Admin::open(self.admin, ADMIN_TOKEN).await
    }

    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    pub fn door(&self) -> Door {
        Door { address: self.address, account: Account::Process { pid: self.pid() } }
    }

    /// # Errors
    /// When the edge is gone.
    pub fn memory_mebibytes(&self) -> anyhow::Result<f64> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
        let bytes = resident_bytes(self.pid())? as f64;
        Ok(bytes / f64::from(1 << 20))
    }

    pub fn into_program(self) -> Child {
        self.program
    }

    /// Asks the edge to end and starts it again; says how long it then took to be ready.
    ///
    /// # Errors
    /// When it does not end, or does not come back.
    pub async fn restart(self) -> anyhow::Result<(Self, Duration)> {
        let Self { address, admin, setting, program } = self;
        program.stop().await?;
        Self::start_again(address, admin, setting).await
    }

    /// The same after `SIGKILL`.
    ///
    /// # Errors
    /// When it does not come back.
    pub async fn restart_after_kill(self) -> anyhow::Result<(Self, Duration)> {
        let Self { address, admin, setting, program } = self;
        program.kill()?;
        Self::start_again(address, admin, setting).await
    }

    async fn start_again(
        address: SocketAddr,
        admin: SocketAddr,
        setting: Setting,
    ) -> anyhow::Result<(Self, Duration)> {
        let started = Instant::now();
        let mut program = setting.start()?;
        while !is_ready(admin).await {
            program.check_running()?;
            if started.elapsed() > PATIENCE {
                bail!("{} was not ready {PATIENCE:?} after its start", setting.name);
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        let took = started.elapsed();
        Ok((Self { address, admin, setting, program }, took))
    }
}

impl Setting {
    fn start(&self) -> anyhow::Result<Child> {
        let arguments = ["--config", "edge.toml"];
        Child::start(self.name, &self.executable, &arguments, self.core, &self.folder)
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(admin).await else { return false };
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    let answer = connection.exchange(request.as_bytes()).await;
    answer.is_ok_and(|answer| answer.status == 200)
}

fn encryption(address: SocketAddr, certificate: &Certificate) -> String {
    let (chain, key) = (certificate.chain.display(), certificate.key.display());
    format!(
        "
[tls]
listen = [\"{address}\"]

[[tls.certificates]]
certificate = \"{chain}\"
key = \"{key}\"
"
    )
}

fn configuration(
    folder: &Path,
    address: SocketAddr,
    admin: SocketAddr,
    log: AccessLog,
    bounds: Bounds,
) -> String {
    let limits = match bounds {
        Bounds::Usual => "",
        Bounds::Lifted => {
            "idle_seconds = 3600
connections = 1000000
connections_per_address = 1000000
requests_per_second_per_address = 10000000
requests_per_second_per_workspace = 10000000
sockets_per_workspace = 1000000"
        }
    };
    let folder = folder.display();
    let log = match log {
        AccessLog::On => format!("{folder}/access.log"),
        AccessLog::Off => "off".to_owned(),
    };
    format!(
        "base_domain = \"{BASE_DOMAIN}\"
site_url = \"http://{BASE_DOMAIN}\"
listen = [\"{address}\"]
admin_listen = \"{admin}\"
admin_token = \"{ADMIN_TOKEN}\"
site_upstream = \"http://127.0.0.1:9\"
keys_file = \"{folder}/keys.toml\"
store = \"{folder}/routes.redb\"
threads = 1
grace_seconds = 0

[upstream]
allow_addresses = [\"127.0.0.0/8\"]
allow_http = [\"127.0.0.0/8\"]
pool_size = 4096

[limits]
{limits}

[log]
format = \"text\"
access = \"{log}\"
"
    )
}
