//! Runs the scripted language model for the real OpenClaw.

use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context;
use clap::Parser;
use fakes::model;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// A scripted model with the API of OpenAI, on the loopback interface.
/// Any key is good. Say `help` to it for its script.
#[derive(Parser)]
#[command(name = "fake-model")]
struct CommandLine {
    /// 0 takes any free port; the log says which.
    #[arg(long, env = "FAKE_MODEL_PORT", default_value_t = 3999)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).init();
    let CommandLine { port } = CommandLine::parse();
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    info!("listening on http://{}/v1", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::select! {
        served = axum::serve(listener, model::router()) => served.context("the server ended")?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
