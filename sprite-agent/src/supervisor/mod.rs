//! Keeps the gateway running, or watches it when somebody else does.
//!
//! `state` decides, `runner` carries out; `prober` finds out whether a page
//! would be served, `inspection` what the machine lacks, `report` says it all to
//! those who ask. The other files are their hands.

pub mod account;
mod allowance;
pub mod awake_clock;
pub mod child;
pub mod configuration;
pub mod environment;
pub mod events;
pub mod health_connection;
pub mod inspection;
pub mod keeper;
pub mod last_lines;
pub mod launcher;
pub mod leftover;
pub mod log_file;
pub mod machine_task;
pub mod orphans;
pub mod own_log;
pub mod port;
pub mod prober;
pub mod processes;
pub mod readiness;
pub mod redaction;
pub mod report;
pub mod runner;
mod running;
pub mod state;
pub mod suspension;
pub mod watcher;
