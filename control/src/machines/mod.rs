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
