//! What is counted and logged. Nothing here decides anything.

pub mod access_log;
pub mod metrics;
pub mod telemetry;
