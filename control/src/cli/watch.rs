//! `--watch`: the same again and again, for whoever waits for a change.

use std::convert::Infallible;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use shared::process::output::{self, ReaderGone};

use super::failure;

/// To the top of an empty screen.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// For as long as somebody reads it. What goes wrong meanwhile is said, and does not end it.
///
/// # Errors
/// [`ReaderGone`].
pub(super) async fn repeat(
    every: Duration,
    is_json: bool,
    show: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<Infallible> {
    let is_terminal = io::stdout().is_terminal();
    loop {
        if is_terminal && !is_json {
            output::print(CLEAR.as_bytes())?;
        }
        match show().await {
            // Nobody is left to show it to.
            Err(error) if error.is::<ReaderGone>() => return Err(error),
            Err(error) => failure::say(&error, is_json),
            Ok(()) => {}
        }
        tokio::time::sleep(every).await;
    }
}
