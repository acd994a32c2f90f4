//! Commands in a sprite, over a WebSocket.
//!
//! `command` says what to run, `transcript` (pure) what the frames mean,
//! `session` carries them.

mod command;
mod session;
mod transcript;

use std::time::Duration;

use crate::again::Again;

pub use command::Command;
pub use transcript::{Finished, Output};

/// How a command that was accepted did not come to its end.
///
/// None of these is an exit code: what the command did so far is unknown.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("the server did not open a WebSocket: {0}")]
    Handshake(String),
    #[error("it ran for more than {0:?}")]
    TimedOut(Duration),
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    #[error("the connection ended before the command: {0}")]
    Cut(String),
    #[error("a frame of {bytes} bytes for stream {stream} makes no sense")]
    BadFrame { stream: u8, bytes: usize },
}

impl ExecError {
    pub fn again(&self) -> Again {
        Again::Soon
    }
}
