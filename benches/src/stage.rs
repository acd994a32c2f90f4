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

pub struct Stage {
    pub cores: Cores,
    pub effort: Effort,
    pub programs: Programs,
    pub ring: Ring,
    /// For stores and logs; on a disk, since stores are measured here.
    pub folder: PathBuf,
    /// Answers every request with 1 KiB.
    pub web: Nginx,
    pub echo: EchoServer,
}

impl Stage {
    /// Moves this thread to the core of the load and starts the servers behind the proxies.
    ///
    /// # Errors
    /// Whatever keeps one of them from starting.
    pub async fn set_up(
        effort: Effort,
        cores: Cores,
        programs: Programs,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        raise_open_files()?;
        cores::pin_this_thread(cores.load)?;
        let echo = EchoServer::start(cores.upstream)?;
        let web = Nginx::start_upstream(&programs.nginx, cores.upstream, folder).await?;
        let (ring, folder) = (Ring::random(), folder.to_owned());
        Ok(Self { cores, effort, programs, ring, folder, web, echo })
    }
}

/// Each idle WebSocket needs two descriptors here; the programs inherit the limit.
fn raise_open_files() -> anyhow::Result<()> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limits.maximum, ..limits };
    setrlimit(Resource::Nofile, raised).context("raising the limit of open files")
}
