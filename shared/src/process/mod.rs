//! What every program does alike: read its configuration, log, shut down.

pub mod config;
pub mod exit;
pub mod logging;
pub mod named_file;
pub mod output;
pub mod owner;
pub mod private_file;
pub mod shutdown;
pub mod time;

/// How our programs name themselves to servers of others.
pub const USER_AGENT: &str = concat!("arcamatrix/", env!("CARGO_PKG_VERSION"));

pub use config::{Complaints, Document, Section};
pub use logging::LogFormat;
