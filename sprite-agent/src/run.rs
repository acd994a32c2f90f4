//! The whole agent, from a checked configuration to the last closed connection.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::agent::Agent;
use crate::config::Config;
use crate::gateway_status::GatewayStatus;
use crate::identity_keys::{self, IdentityKeys};
use crate::serve::server;
use crate::stopping::Stopping;
use crate::supervisor::keeper::Keeper;
use crate::supervisor::orphans;
use crate::supervisor::runner::Supervisor;
use crate::supervisor::watcher;

/// Opens the port and serves until the agent is told to stop. SIGHUP reads the
/// identity keys again, from `path`, where `config` came from.
///
/// # Errors
/// When the port cannot be opened; nothing has been started then.
pub async fn run(mut config: Config, path: &Path, stopping: Stopping) -> anyhow::Result<()> {
    if let Err(error) = orphans::adopt() {
        warn!(%error, "cannot adopt what the gateway's processes leave behind");
    }
    // From here on a SIGHUP does not end the agent.
    let hangups = signal(SignalKind::hangup()).context("cannot wait for signals")?;
    let (new_keys, keys) = watch::channel(std::mem::take(&mut config.identity_keys));
    let listen = config.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    info!(user = %config.username, "the agent of {} listens on {listen}", config.username);
    let reloading = async {
        identity_keys::reload_at(hangups, path, &new_keys).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = serve(config, keys, listener, stopping) => {}
        () = reloading => {}
    }
    info!("the agent has stopped");
    Ok(())
}

/// Serves on `listener`; returns when connections, sockets and gateway have come to their end.
pub async fn serve(
    mut config: Config,
    identity_keys: IdentityKeys,
    listener: TcpListener,
    stopping: Stopping,
) {
    let supervisor = config.supervisor.take();
    let (status, gateway) = watch::channel(GatewayStatus::unknown());
    let token = config.gateway.token.clone();
    let address = config.gateway.address;
    let socket = config.machine_socket.clone();
    let agent = Arc::new(Agent::new(config, identity_keys, gateway.clone(), stopping.clone()));
    let (awake, pages) = (agent.awake.clone(), agent.clone());
    let pages = move || pages.open_sockets();
    let keeper = Keeper::new(address, token.clone(), gateway, awake, socket, pages);
    let serving = server::serve(agent, listener);
    let served = async {
        match supervisor {
            Some(supervisor) => {
                let supervisor = Supervisor::new(supervisor, address, &token, status);
                tokio::join!(serving, supervisor.run(stopping));
            }
            None => tokio::select! {
                () = serving => {}
                () = watcher::watch(address, token.clone(), status) => {}
            },
        }
    };
    tokio::select! {
        () = served => {}
        () = keeper.run() => {}
    }
}
