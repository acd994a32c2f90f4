//! The VMs: the pool that stands ready, and the tasks that make workspaces of them
//! and take them down.
//!
//! `vm` is what is done inside one machine; `pool` keeps enough of them; a workspace
//! gets its machine by `provisioning` and loses it by `recycling`, for which `wiping`
//! makes it nobody's again.

pub mod alarm_clock;
pub mod context;
pub mod export;
pub mod export_slots;
pub mod fleet;
pub mod job_context;
pub mod pool;
pub mod pool_handle;
pub mod provisioning;
pub mod recycling;
pub mod services;
pub mod upkeep;
pub mod vm;
pub mod wiping;

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::alarm_clock::AlarmClock;
use self::fleet::reconciler::FleetReconciler;
use self::fleet::trial::Trial;
use self::fleet::update::Update;
use self::job_context::JobContext;
use self::pool::{PoolReconciler, Prepare};
use self::provisioning::Provision;
use self::recycling::Recycle;
use self::services::ServicesReconciler;
use crate::queue::Job;

/// One for each kind of task that is about machines.
pub fn jobs(context: &JobContext) -> Vec<Arc<dyn Job>> {
    vec![
        Arc::new(Prepare::new(context.clone())),
        Arc::new(Provision::new(context.clone())),
        Arc::new(Recycle::new(context.clone())),
        Arc::new(Trial::new(context.clone())),
        Arc::new(Update::new(context.clone())),
    ]
}

/// What looks after machines, for as long as the program runs.
pub fn reconcilers(context: &JobContext) -> Vec<BoxFuture<'static, ()>> {
    vec![
        PoolReconciler::new(context.clone()).run().boxed(),
        ServicesReconciler::new(context.clone()).run().boxed(),
        AlarmClock::new(context.clone()).run().boxed(),
        FleetReconciler::new(context.clone()).run().boxed(),
    ]
}
