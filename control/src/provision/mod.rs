//! A sprite of the pool becomes a workspace, and is taken down when that ends.
//!
//! `job` and `recycle` are the two tasks. What is written into a VM is rendered by
//! `agent_config` and `gateway_config` (pure), put there by `vm`; `base` is what was
//! in it before. The way to the edges is in `publish`.

pub mod agent_config;
pub mod base;
pub mod gateway_config;
pub mod health;
mod job;
pub mod layout;
pub mod life_sign;
mod publish;
mod recycle;
pub mod setback;
pub mod vm;
mod welcome;

pub use base::Base;
pub use job::Provision;
pub use recycle::Recycle;
