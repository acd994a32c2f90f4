//! The half of the fake that runs inside a sprite, beside its processes.
//!
//! As in the real thing, an API stands at `/.sprite/api.sock`, without the
//! sprite's name in its paths; the other half lets calls through to it.
//! A second socket, `tunnel.sock`, reaches the sprite's TCP ports.

use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{get, post};
use clap::Args;
use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::net::{TcpListener, UnixListener};

use self::process::Environment;
use self::services::Services;
use self::session::Sessions;
use super::tunnel;

pub mod exec;
pub mod files;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod request;
pub mod services;
pub mod session;
pub mod table;
pub mod tasks;

/// The sprite's own folder, as its processes see it.
pub const FOLDER: &str = "/.sprite";

/// The API's socket, in [`FOLDER`].
pub const API_SOCKET: &str = "api.sock";

/// Leads to the sprite's ports, in [`FOLDER`].
pub const TUNNEL_SOCKET: &str = "tunnel.sock";

/// Leads to those ports of the machine that the sprite may reach, in [`FOLDER`].
pub const MACHINE_SOCKET: &str = "machine.sock";

/// What the guest prints when its sockets are open.
pub const READY: &str = "ready";

/// How the machine starts the guest.
#[derive(Debug, Args)]
pub struct GuestArguments {
    /// Milliseconds between a command's exit and the close of its socket.
    #[arg(long, default_value_t = 5_000)]
    close_delay_ms: u64,
    /// NAME=VALUE, added to the environment of every process.
    #[arg(long)]
    environment: Vec<String>,
    /// Port of the machine's loopback that the sprite finds on its own.
    #[arg(long)]
    reach: Vec<u16>,
}

/// What runs in this sprite.
pub struct Guest {
    sessions: Arc<Sessions>,
    services: Services,
    tasks: tasks::Tasks,
    environment: Environment,
    close_delay: Duration,
}

impl Guest {
    /// Also returns the services to start.
    #[cfg(test)]
    fn in_folder(folder: &Path) -> io::Result<(Arc<Self>, Vec<String>)> {
        Self::new(folder, process::base_environment(), Duration::ZERO)
    }

    fn new(
        folder: &Path,
        environment: Environment,
        close_delay: Duration,
    ) -> io::Result<(Arc<Self>, Vec<String>)> {
        let (services, wanted) = Services::load(environment.clone(), folder)?;
        let sessions = Arc::default();
        let tasks = tasks::Tasks::default();
        Ok((Arc::new(Self { sessions, services, tasks, environment, close_delay }), wanted))
    }
}

/// Serves until standard input ends: the machine holds its other end, and
/// nothing of a sprite may outlive the machine.
///
/// # Errors
/// When a socket cannot be opened, or the services' file cannot be read.
#[tokio::main(flavor = "current_thread")]
pub async fn run(arguments: GuestArguments) -> anyhow::Result<()> {
    let folder = PathBuf::from(FOLDER);
    let mut environment = process::base_environment();
    for variable in &arguments.environment {
        let (name, value) =
            variable.split_once('=').with_context(|| format!("no '=' in {variable}"))?;
        environment.insert(name.to_owned(), value.to_owned());
    }
    let close_delay = Duration::from_millis(arguments.close_delay_ms);
    let (guest, wanted) = Guest::new(&folder, environment, close_delay)?;
    let api = listen(&folder.join(API_SOCKET))?;
    let ways_in = listen(&folder.join(TUNNEL_SOCKET))?;
    for port in arguments.reach {
        tokio::spawn(reach(folder.join(MACHINE_SOCKET), port).await?);
    }
    let tunnelled = guest.clone();
    tokio::spawn(tunnel::serve(ways_in, move |asked| {
        Some(if asked == tunnel::HTTP { tunnelled.services.http_port() } else { asked })
    }));
    guest.services.boot(&wanted).await;
    let mut stdout = io::stdout();
    writeln!(stdout, "{READY}").and_then(|()| stdout.flush()).context("nobody waits for us")?;
    let mut rest = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        served = axum::serve(api, router(guest)) => served.context("the server ended"),
        _ = stdin.read_to_end(&mut rest) => Ok(()),
    }
}

pub fn router(guest: Arc<Guest>) -> Router {
    let api = Router::new()
        .route("/exec", get(exec::open))
        .route("/exec/{id}", get(exec::attach))
        .route("/exec/{id}/kill", post(exec::kill))
        .route("/proxy", get(proxy::open))
        .route("/ports/watch", get(ports::watch))
        .merge(files::router())
        .merge(tasks::router())
        .merge(services::api::router());
    Router::new()
        .nest("/v1", api)
        .route("/machine/freeze", post(table::freeze))
        .route("/machine/thaw", post(table::thaw))
        .route("/machine/processes", get(table::list))
        .with_state(guest)
}

/// A socket left by an earlier life of the sprite is replaced.
fn listen(path: &Path) -> anyhow::Result<UnixListener> {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("cannot remove {}", path.display()));
    }
    UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))
}

/// Puts one port of the machine on the sprite's own loopback.
async fn reach(socket: PathBuf, port: u16) -> anyhow::Result<impl Future<Output = ()>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("cannot listen on port {port}"))?;
    Ok(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                // A refusal is told by the connection's end.
                if let Ok(mut way) = tunnel::connect(&socket, port).await {
                    let _ = copy_bidirectional(&mut tcp, &mut way).await;
                }
            });
        }
    })
}
