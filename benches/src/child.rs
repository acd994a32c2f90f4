//! A program that runs while it is measured, on its core, and ends with us.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;

/// How long a program may take until it listens, and to end when asked. A table
/// of a million routes is read by a build without optimisation in half of it.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Child {
    name: String,
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts `program` on `core`; what it says goes to `<folder>/<name>.log`.
    ///
    /// # Errors
    /// When `setpriv` or `taskset` (both in util-linux) or the folder is missing.
    pub fn start(
        name: &str,
        program: &Path,
        arguments: &[&str],
        core: usize,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("creating {}", log.display()))?;
        // Both replace themselves by the program: its process id is ours to read.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "taskset", "--cpu-list", &core.to_string()])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {name} by setpriv and taskset"))?;
        Ok(Self { name: name.to_owned(), process, log })
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until somebody listens at `address`.
    ///
    /// # Errors
    /// Quotes what the program said when it ended instead.
    pub async fn wait_until_listening(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).await.is_err() {
            self.check_running()?;
            if Instant::now() > deadline {
                bail!("{} did not listen at {address} within {PATIENCE:?}", self.name);
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        Ok(())
    }

    /// # Errors
    /// Quotes what the program said before it ended.
    pub fn check_running(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                bail!("{} ended ({status}) and said: {}", self.name, said.trim())
            }
        }
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + PATIENCE;
        while self.process.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} did not end within {PATIENCE:?} of SIGTERM", self.name);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn kill(mut self) -> io::Result<ExitStatus> {
        self.process.kill()?;
        self.process.wait()
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("a process id")?;
        kill_process(pid, signal).with_context(|| format!("telling {} to end", self.name))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port of this machine that nobody uses at the moment.
///
/// # Errors
/// When there is none left.
pub fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
