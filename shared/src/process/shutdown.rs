//! Waiting to be told to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Returns at the first SIGTERM or SIGINT.
///
/// # Errors
/// When the runtime cannot listen to signals.
pub async fn requested() -> io::Result<()> {
    listen()?.await;
    Ok(())
}

/// The same for signals from this call on: what is started after it is not left behind by a
/// signal that comes before the future is polled.
///
/// # Errors
/// When the runtime cannot listen to signals.
pub fn listen() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
