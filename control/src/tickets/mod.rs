//! Tells the operator of what a person has to look at: one ticket for one incident.
//!
//! An incident is noted in the transaction of what it tells of; its task opens the
//! ticket at Linear, under an id derived from the incident, so that no retry opens
//! a second one.

mod config;
mod job;

pub use config::{LinearConfig, LinearTeam};
pub use job::TicketJob;
