//! Commands in a sprite, over a WebSocket.
//!
//! `command` says what to run, `transcript` (pure) what the frames mean,
//! `session` carries them.

mod command;
mod session;
mod transcript;

pub use command::Command;
pub use transcript::{Finished, Output};
