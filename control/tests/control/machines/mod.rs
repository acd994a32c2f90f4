//! Sprites that are prepared, become workspaces, and are taken down: control as a
//! program of its own, against a provider with real machines.

pub(crate) mod customer;
mod exports;
pub(crate) mod installation;
mod provider;
mod schedules;
mod services;

mod claims;
mod crashes;
pub(crate) mod each_step;
mod faults;
mod fleet;
mod keeper;
mod lives;
mod outage;
mod pflaster;
mod promotion;
mod wiping;
