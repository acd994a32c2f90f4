//! Signals, heard from the start to the very end.

use std::process::Command;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::assembly::Parts;
use super::descriptors;
use crate::config::Config;
use crate::connections::{ConnectionRegistry, RevokedCount};
use crate::keys::KeyFile;

/// Of main.rs.
const UPGRADE: &str = "--upgrade";

/// SIGTERM and SIGQUIT drain, SIGINT ends, SIGHUP reads the keys and the
/// configuration again and opens the access log anew, SIGUSR2 starts the program anew to take over. Returns when the process ends.
pub(super) async fn obey(parts: &Parts, keys: &KeyFile, grace: Duration) {
    let Parts { lifecycle, registry, telemetry, routes, .. } = parts;
    let mut terminate = listen(SignalKind::terminate());
    let mut quit = listen(SignalKind::quit());
    let mut interrupt = listen(SignalKind::interrupt());
    let mut hangup = listen(SignalKind::hangup());
    let mut upgrade = listen(SignalKind::user_defined2());
    loop {
        tokio::select! {
            () = heard(&mut terminate) => lifecycle.drain(grace),
            () = heard(&mut quit) => lifecycle.drain(grace),
            () = heard(&mut interrupt) => lifecycle.end(),
            () = heard(&mut hangup) => {
                reload(keys, registry);
                reload_configuration(parts);
                routes.reload_follower();
                telemetry.access_log.reopen();
            }
            () = heard(&mut upgrade) => start_successor(),
            () = lifecycle.ended() => return,
        }
    }
}

/// What an older ring has vouched for, and the new one does not, ends.
pub(super) fn reload(keys: &KeyFile, registry: &ConnectionRegistry) -> RevokedCount {
    if let Err(error) = keys.reload() {
        error!("{error:#}; the old key ring stays");
        return RevokedCount::default();
    }
    let ring = &keys.present().ring;
    let known: Vec<_> = ring.ids().cloned().collect();
    let count = registry.revoke_keys(|key| known.contains(key));
    let RevokedCount { sockets, requests } = count;
    info!(?ring, sockets, requests, "the key ring was read again");
    count
}

/// The program that now has the name by which this one was started.
fn start_successor() {
    let mut arguments = std::env::args_os();
    let Some(program) = arguments.next() else { return };
    let arguments = arguments.filter(|argument| argument != UPGRADE);
    match Command::new(&program).args(arguments).arg(UPGRADE).spawn() {
        Ok(child) => info!(process = child.id(), "a successor was started"),
        Err(error) => error!(%error, ?program, "no successor could be started"),
    }
}

/// Limits, trusted proxies and certificates: all of them or none. The rest of the file
/// counts at the next start.
fn reload_configuration(parts: &Parts) {
    let mut config = match Config::read(&parts.configuration) {
        Ok(config) => config,
        Err(complaints) => {
            for complaint in complaints.to_string().lines() {
                error!("{complaint}; limits, proxies and certificates stay as they were");
            }
            return;
        }
    };
    descriptors::fit(&mut config);
    parts.limits.configure(config.limits);
    parts.proxies.replace(config.trusted_proxies);
    let shown = config.tls.map(|tls| tls.certificates);
    for (table, present, next) in [
        ("tls", &parts.certificates, shown),
        ("admin_tls", &parts.admin_certificate, config.admin_certificate),
    ] {
        match (present, next) {
            (Some(present), Some(next)) => present.replace_files(&next),
            (None, None) => {}
            _ => warn!("[{table}] has come or gone, which counts at the next start"),
        }
    }
    info!("limits, proxies and certificates were read again");
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).inspect_err(|error| error!(%error, ?kind, "a signal cannot be heard")).ok()
}

async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
