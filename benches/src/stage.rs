//! What every run finds set up: cores, programs, keys, and the servers behind the proxies.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cores::{self, Cores};
use crate::echo::EchoServer;
use crate::effort::Effort;
use crate::peers::Nginx;
use crate::programs::Programs;
use crate::tenants::Ring;
use crate::tls::Certificate;

/// Visitor and echo are both ours; a proxy needs two as well.
const FILES_PER_SOCKET: usize = 2;

/// What else is open in any of the programs, generously.
const OTHER_FILES: usize = 512;

pub struct Stage {
    pub cores: Cores,
    pub effort: Effort,
    pub programs: Programs,
    pub ring: Ring,
    pub certificate: Certificate,
    /// For stores and logs; on a disk, since stores are measured here.
    pub folder: PathBuf,
    pub web: Nginx,
    pub echo: EchoServer,
}

impl Stage {
    /// Moves this thread to the core of the load and starts the servers behind the proxies.
    ///
    /// # Errors
    /// Whatever keeps one of them from starting.
    pub async fn set_up(
        mut effort: Effort,
        cores: Cores,
        programs: Programs,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let open_files = usize::try_from(raise_open_files()?).unwrap_or(usize::MAX);
        let fit = open_files.saturating_sub(OTHER_FILES) / FILES_PER_SOCKET;
        effort.idle_connections = effort.idle_connections.min(fit);
        // Of what it may have open, the edge keeps an eighth for unused connections to sprites.
        effort.sockets_cut = effort.sockets_cut.min(fit / 8 * 7);
        cores::pin_this_thread(cores.load)?;
        let echo = EchoServer::start(cores.upstream)?;
        let web = Nginx::start_upstream(&programs.nginx, cores.upstream, folder).await?;
        let (ring, certificate) = (Ring::random(), Certificate::make(folder)?);
        let folder = folder.to_owned();
        Ok(Self { cores, effort, programs, ring, certificate, folder, web, echo })
    }
}

/// As many as we may have; the programs inherit it.
fn raise_open_files() -> anyhow::Result<u64> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    setrlimit(Resource::Nofile, raised).context("raising the limit of open files")?;
    Ok(limits.maximum.unwrap_or(u64::MAX))
}
