//! Tells the operator of what a person has to look at: one ticket for one incident.
//!
//! An incident is noted in the transaction of what it tells of; its task opens the
//! ticket at Linear, under an id derived from the incident, so that no retry opens
//! a second one.

mod config;
mod job;

use std::sync::Arc;

use self::job::TicketJob;
use crate::base::metrics::Metrics;
use crate::queue::Job;
use crate::store::Store;

pub use config::{LinearConfig, LinearTeam};

/// What opens tickets; without `linear` an incident is kept here alone.
///
/// # Errors
/// When a client of Linear cannot be made.
pub fn jobs(
    store: &Store,
    metrics: &Arc<Metrics>,
    linear: Option<&LinearConfig>,
) -> anyhow::Result<Vec<Arc<dyn Job>>> {
    Ok(vec![Arc::new(TicketJob::new(store, metrics, linear)?)])
}
