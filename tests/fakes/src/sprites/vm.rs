//! A sprite's processes in namespaces of their own, on the sprite's disk.
//!
//! Inside, paths and ports are the sprite's alone: `/home/sprite` is its
//! folder, 8080 its own. Nothing needs root; where the caller is not root,
//! the sprite's root is the caller. This separates, it does not protect.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::body::Body;
use axum::http::{Method, Request};
use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::UnixListener;
use tokio::process::{Child, ChildStdin, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::folder::Folder;
use super::guest::{API_SOCKET, MACHINE_SOCKET, READY, TUNNEL_SOCKET};
use super::inward;
use super::settings::Settings;
use super::tunnel;

/// First process of every sprite.
const BOOT: &str = include_str!("guest/boot.sh");

/// Longest boot: mounts and one program, on a machine that may be busy.
const BOOT_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer of the guest, which only looks at a list or writes into a file, on a machine
/// that may be busy: whoever asks holds the sprite, and others wait for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A list of tasks.
const TASKS_MAX_BYTES: usize = 1 << 20;

/// Longest orderly end before the whole is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A booted sprite. Dropping it kills all of its processes.
#[derive(Debug)]
pub struct Vm {
    first: Child,
    /// The guest lives as long as this is open.
    lifeline: Option<ChildStdin>,
    sockets: Sockets,
    ways_out: JoinHandle<()>,
}

/// Where the guest listens. Paths of sockets are short (108 bytes), paths of
/// folders are not: the folder is held open and named by its number.
#[derive(Debug, Clone)]
pub struct Sockets(Arc<File>);

impl Sockets {
    fn open(folder: &Path) -> std::io::Result<Self> {
        Ok(Self(Arc::new(File::open(folder)?)))
    }

    pub fn api(&self) -> PathBuf {
        self.named(API_SOCKET)
    }

    pub fn tunnel(&self) -> PathBuf {
        self.named(TUNNEL_SOCKET)
    }

    fn named(&self, name: &str) -> PathBuf {
        use std::os::fd::AsRawFd as _;
        format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()).into()
    }
}

impl Vm {
    /// # Errors
    /// When this machine allows no namespaces, or `ip` is missing.
    pub async fn boot(
        settings: &Settings,
        folder: &Folder,
        environment: impl IntoIterator<Item = (&String, &String)>,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.guest())?;
        let sockets = Sockets::open(&folder.guest())?;
        let ways_out = ways_out(&sockets, &settings.reach)?;
        std::fs::write(boot_file(folder), BOOT)?;
        let mut command = command(settings, folder);
        for (name, value) in environment {
            command.arg("--environment").arg(format!("{name}={value}"));
        }
        let mut first = command.spawn().context("cannot run unshare")?;
        let lifeline = first.stdin.take();
        let mut said = BufReader::new(first.stdout.take().context("its output is ours")?).lines();
        let line = timeout(BOOT_TIMEOUT, said.next_line()).await.context("it did not boot")??;
        if line.as_deref() != Some(READY) {
            bail!(
                "it did not boot: are user namespaces allowed here, and is `ip` installed? \
                 What it said stands above"
            );
        }
        Ok(Self { first, lifeline, sockets, ways_out })
    }

    pub fn sockets(&self) -> Sockets {
        self.sockets.clone()
    }

    /// Processes stand still, memory stays.
    ///
    /// # Errors
    /// The guest does not answer.
    pub async fn freeze(&self) -> anyhow::Result<()> {
        self.tell("/machine/freeze").await
    }

    /// # Errors
    /// The guest does not answer.
    pub async fn thaw(&self) -> anyhow::Result<()> {
        self.tell("/machine/thaw").await
    }

    /// Whether something in it holds it awake, or nobody knows in time.
    pub async fn is_held_awake(&self) -> bool {
        let tasks = async {
            let request = Request::get("/v1/tasks").body(Body::empty()).ok()?;
            let response = inward::send(&self.sockets.api(), request).await.ok()?;
            let body = axum::body::to_bytes(Body::new(response.into_body()), TASKS_MAX_BYTES);
            serde_json::from_slice::<serde_json::Value>(&body.await.ok()?).ok()
        };
        let Ok(tasks) = timeout(ANSWER_TIMEOUT, tasks).await else { return true };
        let tasks = tasks.unwrap_or_default();
        tasks["tasks"].as_array().is_some_and(|tasks| !tasks.is_empty())
    }

    /// Returns when no process of the sprite is left.
    pub async fn stop(mut self) {
        drop(self.lifeline.take());
        if timeout(STOP_TIMEOUT, self.first.wait()).await.is_err() {
            // Its death kills the sprite's first process, which kills the rest.
            let _ = self.first.kill().await;
        }
    }

    async fn tell(&self, path: &str) -> anyhow::Result<()> {
        let request = Request::builder().method(Method::POST).uri(path).body(Body::empty())?;
        let sent = timeout(ANSWER_TIMEOUT, inward::send(&self.sockets.api(), request)).await;
        let response = sent.with_context(|| format!("{path} was not answered in time"))??;
        if !response.status().is_success() {
            bail!("{path} was answered with {}", response.status());
        }
        Ok(())
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.ways_out.abort();
    }
}

fn boot_file(folder: &Folder) -> PathBuf {
    folder.path().join("boot.sh")
}

fn command(settings: &Settings, folder: &Folder) -> Command {
    let is_root = geteuid().is_root();
    let mut command = Command::new("unshare");
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--"])
        .arg("sh")
        .arg(boot_file(folder))
        .arg(folder.path())
        .arg(&settings.program)
        .arg(if is_root { "" } else { ",userxattr" });
    for share in &settings.share {
        let (machine, inside) = (share.machine.display(), share.inside.display());
        command.arg("--share").arg(format!("{machine}={inside}"));
    }
    command
        .arg("--")
        .arg("--close-delay-ms")
        .arg(settings.close_delay.as_millis().to_string())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for port in &settings.reach {
        command.arg("--reach").arg(port.to_string());
    }
    command
}

/// Lets the sprite reach the listed ports of this machine, and no other.
fn ways_out(sockets: &Sockets, ports: &[u16]) -> std::io::Result<JoinHandle<()>> {
    let path = sockets.named(MACHINE_SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    let allowed = ports.to_vec();
    Ok(tokio::spawn(tunnel::serve(listener, move |port| allowed.contains(&port).then_some(port))))
}
