//! Keeps the gateway running, or watches it when somebody else does.
//!
//! `state` decides, `runner` carries out; the other files are its hands.

pub mod account;
pub mod child;
pub mod environment;
pub mod last_worked;
pub mod leftover;
pub mod log_file;
pub mod readiness;
pub mod redaction;
pub mod runner;
pub mod state;
pub mod watcher;
