//! Runs the stand-in for the OpenClaw gateway.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use fakes::gateway::command_line::{Command, CommandLine, GatewayAction};
use fakes::gateway::{Bound, doctor, settings};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).init();
    let CommandLine { command, place } = CommandLine::parse();
    let ended = match command {
        Command::Doctor { fix, .. } => doctor::run(&place, fix),
        Command::Gateway { action: GatewayAction::Run(run) } => {
            match settings::settle(&place, *run) {
                Ok(settings) => serve(settings).await,
                Err(code) => Err(code),
            }
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code),
    }
}

async fn serve(settings: settings::Settings) -> Result<(), settings::Exit> {
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
