//! Clients that take as long as they can: slowhttptest's, and such as say nothing at all.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::tenants::Visitor;

/// What is done slowly, on each of many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slowness {
    Heads,
    Bodies,
    /// Of a large answer, a few bytes at a time.
    Reads,
    /// Thousands of ranges of one answer in a head.
    Ranges,
    /// Nothing is ever said.
    Silence,
}

/// Connections of slowhttptest; those that stay are open within [`Slowness::RISE`].
const CONNECTIONS: usize = 2_000;

/// Connections on which nothing is said.
const SILENT: usize = 5_000;

/// Slow until it is dropped.
pub enum Slow {
    Program(Child),
    Silent(Vec<TcpStream>),
}

impl Slowness {
    /// Until all of them are there.
    pub const RISE: Duration = Duration::from_secs(2);

    /// Begins it against `door`, as `visitor` where a session is asked for.
    ///
    /// # Errors
    /// When `program`, which is slowhttptest, does not start, or a connection is refused.
    pub async fn begin(
        self,
        program: &Path,
        door: SocketAddr,
        visitor: &Visitor,
        core: usize,
    ) -> anyhow::Result<Slow> {
        let options: &[&str] = match self {
            Self::Heads => &["-H", "-i", "1"],
            Self::Bodies => &["-B", "-i", "1"],
            Self::Reads => &["-X", "-w", "8", "-y", "16", "-n", "1"],
            Self::Ranges => &["-R"],
            Self::Silence => return silence(door).await,
        };
        // As with floods: the kernel runs it when nobody else wants to.
        let mut command = Command::new("nice");
        command.args(["-n", "19", "taskset", "--cpu-list", &core.to_string()]).arg(program);
        command.args(options).args(["-c", &CONNECTIONS.to_string()]);
        // A head with ranges is answered at once: these must go on coming.
        let each_second = if self == Self::Ranges { CONNECTIONS / 10 } else { CONNECTIONS };
        command.args(["-r", &each_second.to_string(), "-l", "60", "-p", "60"]);
        // Taken for a proxy, the edge is asked for a host that no resolver knows.
        command.args(["-d", &door.to_string(), "-j", visitor.cookie()]);
        // Where a body is waited for, and nowhere refused before its end.
        let path = if self == Self::Bodies { "/upload" } else { "/large" };
        command.args(["-u", &format!("http://{}{path}", visitor.host())]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut program = command.kill_on_drop(true).spawn().context("starting slowhttptest")?;
        tokio::time::sleep(Self::RISE).await;
        let ended = program.try_wait()?;
        ensure!(ended.is_none(), "slowhttptest ended at once: {ended:?}");
        Ok(Slow::Program(program))
    }
}

async fn silence(door: SocketAddr) -> anyhow::Result<Slow> {
    let mut connections = Vec::with_capacity(SILENT);
    for _ in 0..SILENT {
        connections.push(TcpStream::connect(door).await.context("one more idle connection")?);
    }
    Ok(Slow::Silent(connections))
}

impl Slow {
    pub fn connections(&self) -> usize {
        match self {
            Self::Program(_) => CONNECTIONS,
            Self::Silent(connections) => connections.len(),
        }
    }

    /// Ends it, and waits until it has.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub async fn end(self) -> anyhow::Result<()> {
        match self {
            Self::Program(mut program) => Ok(program.kill().await?),
            Self::Silent(_) => Ok(()),
        }
    }
}
