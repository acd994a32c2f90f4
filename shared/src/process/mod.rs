//! What every program does alike: read its configuration, log, shut down.

pub mod config;
pub mod exit;
pub mod logging;
pub mod shutdown;
pub mod time;

pub use config::{Complaints, Document, Section};
pub use logging::LogFormat;
