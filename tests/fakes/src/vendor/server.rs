//! Listens on the loopback interface until told to stop.

use std::io::{self, IsTerminal as _};
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::line::{Line, Lines};

/// Text for people; colours only where there is a terminal.
pub fn log_to_stderr() {
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(colours).init();
}

/// Opens a port on 127.0.0.1; 0 takes any free one.
///
/// # Errors
/// The port is taken.
pub async fn listen(port: u16) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr().context("cannot read the port that was opened")?;
    Ok((listener, address))
}

/// Answers calls for as long as it is polled.
///
/// # Errors
/// None today: accepting goes on after a failure.
pub async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    axum::serve(Lines(listener), router.into_make_service_with_connect_info::<Line>()).await
}

/// [`serve`] until SIGTERM or SIGINT. Calls under way are dropped: so does a
/// vendor whose machine goes away.
///
/// # Errors
/// Signals cannot be listened for.
pub async fn run(listener: TcpListener, router: Router) -> anyhow::Result<()> {
    info!("listening on http://{}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    tokio::select! {
        served = serve(listener, router) => served.context("the server ended")?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
