//! `--watch`: the same again and again, for whoever waits for a change.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use super::failure;

/// To the top of an empty screen.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// For ever. What goes wrong meanwhile is said, and does not end it.
pub(super) async fn repeat(
    every: Duration,
    is_json: bool,
    show: impl AsyncFn() -> anyhow::Result<()>,
) -> ! {
    let is_terminal = io::stdout().is_terminal();
    loop {
        if is_terminal && !is_json {
            // Who has closed the screen sees nothing of it.
            let _unseen = write!(io::stdout().lock(), "{CLEAR}");
        }
        if let Err(error) = show().await {
            failure::say(&error, is_json);
        }
        tokio::time::sleep(every).await;
    }
}
