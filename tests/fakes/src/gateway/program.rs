//! The program from its command line to its exit code.

use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

use super::command_line::{Command, CommandLine, GatewayAction};
use super::settings::{self, Exit, Settings};
use super::{Bound, doctor};

/// Runs the gateway until it is told to stop, or its doctor.
///
/// # Errors
/// The exit code of a program that could not.
pub async fn run(line: CommandLine) -> Result<(), Exit> {
    let CommandLine { command, place } = line;
    match command {
        Command::Doctor { fix, .. } => doctor::run(&place, fix),
        Command::Gateway { action: GatewayAction::Run(run) } => {
            serve(settings::settle(&place, *run)?).await
        }
    }
}

async fn serve(settings: Settings) -> Result<(), Exit> {
    let port = settings.port;
    let bound = Bound::open(settings).await.map_err(|error| {
        error!(%error, "cannot open port {port} or read the conversations");
        1
    })?;
    info!("listening on ws://{}", bound.address);
    // Taken before serving: a signal during the start must not kill us. A
    // second one is received and ignored.
    let signals = signal(SignalKind::terminate())
        .and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut terminate, mut interrupt) = signals.map_err(|error| {
        error!(%error, "cannot listen for signals");
        1
    })?;
    bound
        .serve(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
    Ok(())
}
